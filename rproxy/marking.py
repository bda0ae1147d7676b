"""`rproxy.local`: the mark of what the far side shall use here.

Rules: to this side's own code what is marked is what it was: it can be called, indexed, iterated over and entered if
it could be before; data that never change need no mark.
"""

import functools
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from rproxy_endpoint.protocol.operators import OPERATIONS

from .errors import SerializationError
from .proxies import stand_in_of

T = TypeVar("T")
#: A copy of these is as good as the object itself: an optional callback may be None.
_PLAIN = frozenset((type(None), bool, int, float, complex, str, bytes))


class Local:
    """A mark: the far side gets no copy of the object, but the object itself, behind a proxy."""

    __slots__ = ("_rproxy_object",)

    #: Whether anything was ever marked: calls of those who mark nothing pay nothing.
    any = False

    def __init__(self, obj: Any) -> None:
        object.__setattr__(self, "_rproxy_object", obj)

    def __repr__(self) -> str:
        return f"rproxy.local({self._rproxy_object!r})"

    def __getattr__(self, name: str) -> Any:
        if name == "_rproxy_object":
            raise AttributeError(name)
        return getattr(self._rproxy_object, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._rproxy_object, name, value)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise SerializationError(f"{self!r} is lent to a call as its argument, and cannot be pickled")

    def __delattr__(self, name: str) -> None:
        delattr(self._rproxy_object, name)


def local(obj: T) -> T:
    """Marks an argument that the far side shall use here, while its call runs, instead of getting a copy.

    Whatever the far side does with it (calls it, writes to it, iterates over it) runs in the thread that made
    the call, one round trip each; exceptions cross both ways. It ends with the call.

    Args:
        obj: a function, file, logger, progress bar, generator or any other object of this side.
    """
    if type(obj) in _PLAIN or isinstance(obj, Local) or stand_in_of(obj) is not None:
        return obj  # nothing can change it, it is marked, or is the far side's own
    Local.any = True
    cls: Any = type(obj)
    marked: Any = _mark_of(cls)(obj)
    return marked  # type: ignore[no-any-return]  # to a type checker it is what it stands for


def has_own(cls: type, name: str) -> bool:
    """Whether a type has a special method of its own, not only what every object has."""
    found = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
    return found is not None and found is not vars(object).get(name)


@functools.lru_cache(maxsize=1000)
def _mark_of(cls: Any) -> type[Local]:
    """The class of the marks of a type's objects: it has the special methods that the type has."""
    body: dict[str, Any] = {
        name: _operation(operation)
        for name, operation in OPERATIONS.items()
        if name != "__repr__" and has_own(cls, name)
    }
    if has_own(cls, "__call__"):
        body["__call__"] = lambda self, /, *args, **kwargs: self._rproxy_object(*args, **kwargs)
    if cls.__hash__ is None:
        body["__hash__"] = None
    return type("Local", (Local,), {**body, "__slots__": ()})


def _operation(operation: Callable[..., Any]) -> Any:
    return lambda self, *args: operation(self._rproxy_object, *args)
