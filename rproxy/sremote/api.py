"""SRemote's ``sremote.api``: the client, and what connectors derive from."""

from .client import RemoteClient
from .connector.base import ClientChannel

__all__ = ["ClientChannel", "RemoteClient"]
