"""The connectors to REST services, against doubles of the services or the services themselves."""
