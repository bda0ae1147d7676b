"""``ssh://``: the system's OpenSSH, with all of the user's configuration."""

from .connector import OpenSSHConnector

__all__ = ["OpenSSHConnector"]
