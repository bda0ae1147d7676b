"""The one tree of errors.

Rules: whatever goes wrong is an `RProxyError`; an exception of the far side's code is a `RemoteExecError`
*and* of its own type, so that ``except FileNotFoundError`` works as if the code had run here.
"""

import functools
from typing import Any, Self

from rproxy_endpoint.protocol.failures import FIELDS

#: The stages of connecting, in order, as errors and `rproxy doctor` name them.
STAGES = (
    "configuration", "name resolution", "connection", "host key", "authentication", "shell", "setup lines", "Python",
    "folders", "deployment", "session", "round trip", "throughput",
)  # fmt: skip


class RProxyError(Exception):
    """Anything that goes wrong in rproxy.

    `stage` is the one of connecting at which it went wrong, of `STAGES`, or "" for what is none; `mend` is the end
    of the message, as far as it says what to do.
    """

    stage: str = ""
    mend: str = ""

    def at(self, stage: str, mend: str = "") -> Self:
        """This error, with its stage, and the end of its message that says what to do."""
        self.stage, self.mend = stage, mend
        return self


class ConnectorError(RProxyError):
    """The host cannot be reached, or a command or a file cannot be got to it."""

    stage = "connection"


class AuthenticationError(ConnectorError):
    """The host does not accept who we say we are."""

    stage = "authentication"


class HostKeyError(ConnectorError):
    """The host does not prove that it is the one that we mean."""

    stage = "host key"


class ConnectionLost(ConnectorError):
    """The connection ended. A call under way may or may not have run: its outcome is unknown.

    `may_have_run` is False where it is certain that the call never started.
    """

    stage = "session"

    def __init__(self, message: str, may_have_run: bool = True) -> None:
        super().__init__(message)
        self.may_have_run = may_have_run


class RemoteNotSetupError(RProxyError):
    """The endpoint cannot be started there: no Python, an old one, or no place for it."""

    stage = "Python"


class RemoteModulesError(RProxyError):
    """A module is missing there, or has another version."""


class ProtocolError(RProxyError):
    """The other side does not speak the protocol."""

    stage = "session"


class SerializationError(RProxyError):
    """A value cannot travel, or may not be rebuilt here."""


class CallTimeout(RProxyError, TimeoutError):
    """A call took longer than it was given."""


class CallCancelled(RProxyError):
    """A call was cancelled before it came to its end."""


class RemoteExecError(RProxyError):
    """The far side's code raised an exception.

    `remote_type` is the full name of its type (``FileNotFoundError``, ``mypkg.errors.Bad``), `args` are its
    arguments, `remote_traceback` is the far side's traceback as text, `stdout` what a `do_remote_call`
    had printed by then. Where the type exists here, the exception is of that type as well.
    """

    remote_type: str = ""
    remote_text: str = ""
    remote_traceback: str = ""
    remote_notes: list[str]
    stdout: str = ""

    def __reduce__(self) -> tuple[Any, ...]:
        base = next(cls for cls in type(self).__mro__ if not issubclass(cls, RProxyError))
        names = next((FIELDS[cls.__name__] for cls in base.__mro__ if cls.__name__ in FIELDS), ())
        fields = {name: getattr(self, name) for name in names if getattr(self, name, None) is not None}
        known = "__str__" not in vars(type(self))
        return _again, (base, self.remote_type, known, self.args, {**fields, **self.__dict__})


def _again(base: type, name: str, known: bool, args: tuple[Any, ...], state: dict[str, Any]) -> BaseException:
    """Makes a pickled RemoteExecError again."""
    cls: Any = remote_class(base, name, known)
    error: BaseException = cls.__new__(cls, *args) if issubclass(cls, BaseExceptionGroup) else cls.__new__(cls)
    error.args = args
    for field, value in state.items():
        setattr(error, field, value)
    return error


@functools.lru_cache(maxsize=1000)
def remote_class(base: type, name: str, known: bool) -> type:
    """The class of the exceptions that come back as `base`: the type itself if `known`, else its nearest
    base class that exists here.

    `name` is the full name of the remote type; the class shows itself by it.
    """
    module, _, short = name.rpartition(".")
    if base is Exception and not (known and name == "Exception"):
        bases: tuple[type, ...] = (RemoteExecError,)
    elif issubclass(base, MemoryError):
        bases = (base, RemoteExecError)  # it has an allocator of its own, which has to be the first
    else:
        bases = (RemoteExecError, base)
    body: dict[str, Any] = {"__module__": module or "builtins", "__qualname__": short, "remote_type": name}
    if not known:
        body["__str__"] = lambda self: self.remote_text or ", ".join(map(str, self.args))
    return type(short, bases, body)


ExceptionRemoteExecError = RemoteExecError
ExceptionRemoteNotSetup = RemoteNotSetupError
ExceptionRemoteModulesError = RemoteModulesError
