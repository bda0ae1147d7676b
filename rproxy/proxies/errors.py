"""The classes that exceptions of the far side have here, so that `except` finds them.

`except` looks at real base classes only, and asks no metaclass. So each class of exceptions there is one class
here, whichever way it is met: as a name of a module, as a result, or as the class of what was raised.

Rules: a class of the standard library or of a trusted package is the class of that name that is here; any other
is made, once, with the bases that it has there and `RemoteExecError` above them; what nobody holds any more goes.
"""

import collections
import threading
import weakref
from collections.abc import Callable
from typing import Any

from rproxy_endpoint.protocol.exceptions import checked_lineage, full_name, make_exception
from rproxy_endpoint.protocol.failures import (
    Lineage,
    lineage_of,
    take_exception,
)

from ..errors import RemoteExecError, RProxyError, remote_class
from .base import Requests
from .members import ClassStandIn
from .names import Names, Sweep

#: How many classes that nobody else holds are kept, since what failed once will often fail again.
RECENT = 100


class ErrorClasses:
    """One client's classes of foreign exceptions."""

    def __init__(self, session: Requests, locate: Callable[[str, str], Any]) -> None:
        self._session = session
        self._locate = locate
        self._lock = threading.RLock()
        self._made: weakref.WeakValueDictionary[Any, Any] = weakref.WeakValueDictionary()
        self._recent: collections.deque[type] = collections.deque(maxlen=RECENT)

    def make(self, told: Any) -> BaseException:
        """The exception that was told. Raises ValueFault for data that tell none."""
        return make_exception(told, self._locate, remote_class, foreign=self.find)

    def find(self, lineage: Lineage) -> Any:
        """The class here of the first class in a lineage."""
        with self._lock:
            found: dict[int, Any] = {}
            for place in reversed(range(len(lineage))):  # bases come after what is derived from them
                found[place] = self._one(lineage[place], found)
            if found[0] not in self._recent:
                self._recent.append(found[0])
            return found[0]

    def member(self, lineage: Any, target: Any, path: str, description: dict[str, Any] | None) -> Any:
        """The class that is found under a name: it can be asked for its own names by that one."""
        found = self.find(checked_lineage(lineage))
        if isinstance(found, ClassStandIn):
            _mean(found, target, path, None)
            if description is not None and found._self_names is None:
                type.__setattr__(found, "_self_names", Names(description))
        return found

    def result(self, lineage: Any, number: int, owner: Any) -> Any:
        """The class that came back as an object. Only one that has no name there is meant by that object."""
        found = self.find(checked_lineage(lineage))
        if isinstance(found, ClassStandIn) and "<" in found.__qualname__:
            _mean(found, number, "", owner)
        return found

    def _one(self, entry: tuple[str, str, tuple[int, ...]], found: dict[int, Any]) -> Any:
        module, qualname, places = entry
        local = self._locate(module, qualname)
        # Those that are no `Exception`, such as SystemExit, would end more here than the call that raised them.
        if isinstance(local, type) and (issubclass(local, Exception) or local is BaseException):
            return local
        bases = tuple(dict.fromkeys(found[place] for place in places))
        key = module, qualname, bases
        cls = self._made.get(key)
        if cls is None:
            cls = self._made[key] = self._make(module, qualname, bases)
        return cls

    def _make(self, module: str, qualname: str, bases: tuple[type, ...]) -> Any:
        name = full_name(((module, qualname, ()),))
        body = {
            "__module__": module, "__qualname__": qualname, "__str__": _text, "remote_type": name,
            "_self_session": self._session, "_self_target": module, "_self_path": qualname, "_self_owner": None,
            "_self_names": None, "_self_sweep": Sweep(),
        }  # fmt: skip
        own = tuple(base for base in bases if base is not Exception and base is not BaseException)
        if not any(issubclass(base, RemoteExecError) for base in own):
            own = (RemoteExecError, *own)
        # MemoryError has an allocator of its own, which has to be the first.
        own = tuple(sorted(own, key=lambda base: not issubclass(base, MemoryError)))
        short = qualname.rpartition(".")[2]
        for attempt in (own, tuple(base for base in own if issubclass(base, RemoteExecError))):
            try:
                return type.__new__(ClassStandIn, short, attempt, dict(body))
            except TypeError:  # bases that go together there, and not here beside RemoteExecError
                continue
        return type.__new__(ClassStandIn, short, (RemoteExecError,), body)


def _mean(cls: ClassStandIn, target: Any, path: str, owner: Any) -> None:
    for name, value in (("target", target), ("path", path), ("owner", owner)):
        type.__setattr__(cls, f"_self_{name}", value)


def _text(self: Any) -> str:
    return self.remote_text or ", ".join(map(str, self.args))


def error_reference(obj: Any) -> tuple[Any, ...] | None:
    """How an exception that came from the far side, or its class, goes back; None for anything else."""
    if isinstance(obj, RemoteExecError):
        told = take_exception(obj)
        told["mro"] = _lineage_there(type(obj))
        told["state"] = {name: value for name, value in told["state"].items() if not name.startswith("remote_")}
        return "error", told
    if issubclass(type(obj), type) and issubclass(obj, RemoteExecError):
        if isinstance(vars(obj).get("_self_target"), int):  # it has no name there
            return None
        return "error class", _lineage_there(obj)
    return None


def _lineage_there(cls: type) -> Lineage:
    """The classes of an exception that mean something to the far side, without their bases."""
    own = [place for place, base in enumerate(cls.__mro__[:-1]) if base.__module__ != RProxyError.__module__]
    lineage = lineage_of(cls)
    return tuple((*lineage[place][:2], ()) for place in own)
