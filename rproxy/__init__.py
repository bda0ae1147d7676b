"""rproxy: use any Python module of any machine that you can reach, as if it were local.

with rproxy.connect("local://") as client:
    remote_os = client.module("os")
    remote_os.getenv("HOME")
"""

TYPE_CHECKING = False  # as `typing` has it, whose import takes longer than this one

if TYPE_CHECKING:
    from typing import Any

    from . import aio
    from .client import RemoteClient, connect
    from .connectors.base import Completed, Connector, Stream, StreamConnector
    from .errors import (
        AuthenticationError,
        CallCancelled,
        CallTimeout,
        ConnectionLost,
        ConnectorError,
        ExceptionRemoteExecError,
        ExceptionRemoteModulesError,
        ExceptionRemoteNotSetup,
        HostKeyError,
        ProtocolError,
        RemoteExecError,
        RemoteModulesError,
        RemoteNotSetupError,
        RProxyError,
        SerializationError,
    )
    from .hosts import Info
    from .marking import local
    from .staying import fetch, keep, release

__version__ = "0.1.0"

#: Public name -> the module that has it. They are loaded when they are first used, so that importing
#: rproxy costs next to nothing in programs that may not need it.
_HOMES = {
    **dict.fromkeys(("RemoteClient", "connect"), "client"),
    "Info": "hosts",
    **dict.fromkeys(("fetch", "keep", "release"), "staying"),
    "local": "marking",
    **dict.fromkeys(("Completed", "Connector", "Stream", "StreamConnector"), "connectors.base"),
    **dict.fromkeys(
        (
            "AuthenticationError", "CallCancelled", "CallTimeout", "ConnectionLost", "ConnectorError",
            "ExceptionRemoteExecError", "ExceptionRemoteModulesError", "ExceptionRemoteNotSetup",
            "HostKeyError", "ProtocolError", "RProxyError", "RemoteExecError", "RemoteModulesError",
            "RemoteNotSetupError", "SerializationError",
        ),
        "errors",
    ),
}  # fmt: skip

__all__ = [
    "AuthenticationError",
    "CallCancelled",
    "CallTimeout",
    "Completed",
    "ConnectionLost",
    "Connector",
    "ConnectorError",
    "ExceptionRemoteExecError",
    "ExceptionRemoteModulesError",
    "ExceptionRemoteNotSetup",
    "HostKeyError",
    "Info",
    "ProtocolError",
    "RProxyError",
    "RemoteClient",
    "RemoteExecError",
    "RemoteModulesError",
    "RemoteNotSetupError",
    "SerializationError",
    "Stream",
    "StreamConnector",
    "aio",
    "connect",
    "fetch",
    "keep",
    "local",
    "release",
]


if not TYPE_CHECKING:  # to type checkers a module that has it has every name

    def __getattr__(name: str) -> "Any":
        import importlib

        home = _HOMES.get(name)
        if name == "aio":
            return importlib.import_module(".aio", __package__)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f".{home}", __name__), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
