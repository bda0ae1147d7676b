"""How requests get to the endpoint: over a stream that lasts, or one command at a time."""

import importlib

from ..connectors.base import Connector
from .base import Channel, ChannelOptions, Sink

__all__ = ["Channel", "ChannelOptions", "Sink", "open_channel"]


def open_channel(connector: Connector, options: ChannelOptions) -> Channel:
    """The best channel that a connector can carry."""
    if getattr(connector, "open", None) is not None:
        stream = importlib.import_module(".stream", __package__)
        made: Channel = stream.StreamChannel(connector, options)
    else:
        command = importlib.import_module(".command", __package__)
        made = command.CommandChannel(connector, options)
    return made
