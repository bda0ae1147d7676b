"""Ways to get commands and files to a host. They know nothing of Python, pickles or proxies."""

from .base import Completed, Connector, Stream, StreamConnector

__all__ = ["Completed", "Connector", "Stream", "StreamConnector"]
