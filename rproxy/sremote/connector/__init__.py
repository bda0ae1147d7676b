"""SRemote's connectors."""
