"""``paramiko://``: SSH in pure Python."""

from .connector import ParamikoConnector

__all__ = ["ParamikoConnector"]
