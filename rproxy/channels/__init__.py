"""How requests get to the endpoint: over a stream that lasts, or one command at a time."""

from .base import Channel, ChannelOptions, Sink

__all__ = ["Channel", "ChannelOptions", "Sink"]
