"""Which channel a connector gets. Each is loaded only where it is used."""

import importlib
from typing import Any

from ..connectors.base import Connector
from .base import Channel, ChannelOptions, Residence


def open_channel(connector: Connector, options: ChannelOptions, residence: Residence | None) -> Channel:
    """The best channel that a connector can carry, or one to a resident endpoint."""
    made: Channel
    if residence is not None:
        module = importlib.import_module(".resident", __package__)
        made = module.ResidentChannel(connector, options, residence)
    elif getattr(connector, "open", None) is not None:
        module = importlib.import_module(".stream", __package__)
        made = module.StreamChannel(connector, options)
    else:
        module = importlib.import_module(".command", __package__)
        made = module.CommandChannel(connector, options)
    return made


def check_seconds(name: str, seconds: Any) -> float:
    """A time that an option names. Raises TypeError or ValueError."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"{name} is a number of seconds, not {seconds!r}")
    if not seconds > 0:
        raise ValueError(f"{name} is a number of seconds above 0, not {seconds!r}")
    return float(seconds)


def residence_for(
    resident: bool, idle_timeout: float | None, session: str | None, reconnect_timeout: float
) -> Residence | None:
    """What `connect` was told of a resident endpoint. Raises TypeError or ValueError."""
    if not resident:
        if idle_timeout is not None or session is not None:
            raise TypeError("idle_timeout= and session= are of a resident endpoint: add resident=True")
        return None
    if session is not None and not (isinstance(session, str) and session):
        raise TypeError(f"session is the name of a session, not {session!r}")
    idle = Residence().idle_timeout if idle_timeout is None else check_seconds("idle_timeout", idle_timeout)
    return Residence(idle, session, reconnect_timeout)
