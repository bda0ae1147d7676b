"""Getting the endpoint to a host, and starting it there."""
