"""How requests get to the endpoint: over a stream that lasts, or one command at a time."""

from .base import Channel, Sink

__all__ = ["Channel", "Sink"]
