"""Special methods of proxies: what operators, loops, `with` and `await` ask of an object of the far side.

Rules: each is one request, which does there what Python itself would do with the object; a proxy has those
that the remote type has, and no others, so that Python's own errors and the abstract base classes are right.
"""

from typing import Any

from ..errors import ConnectionLost, RProxyError, SerializationError
from . import arrays, stepping
from .base import join, stand_in_of
from .iteration import iterate, next_item

#: What Python takes only as a value of its own.
_VALUES = frozenset(
    f"__{name}__"
    for name in "len length_hint bool hash contains str repr format bytes fspath int float complex index exit".split()
)

#: Their sequences are joined by `+` from either side without having a method for the right one.
_JOINED = frozenset(("builtins", "array", "collections"))


def request(self: Any, name: str, /, *args: Any, **kwargs: Any) -> Any:
    """Calls a method of what a proxy stands for."""
    state = stand_in_of(self)
    session, path = state._self_session, join(state._self_path, name)
    if name in _VALUES:
        return session.ask(state._self_target, path, args, look=name != "__exit__")
    return session.call(state._self_target, path, args, kwargs)


def operations(present: frozenset[str], absent: frozenset[str] = frozenset(), module: str = "") -> dict[str, Any]:
    """The methods of a proxy of an object that has these special methods, and says of others that it has none;
    `module` is where its class is."""
    if {"__len__", "__getitem__"} <= present:
        present |= {"__reversed__"}  # Python reverses any sequence
        if "__add__" in present and module in _JOINED:
            present |= {"__radd__"}  # a list of here is only joined with a list of here
    found = {name: _OWN_WAYS.get(name) or _operation(name) for name in present}
    if "__eq__" in present and "__hash__" not in present:
        found["__hash__"] = None
    return found | dict.fromkeys(absent)


def _operation(name: str) -> Any:
    def operation(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return request(self, name, *args, **kwargs)

    operation.__name__ = operation.__qualname__ = name
    return operation


def _exit(self: Any, kind: Any, error: Any, traceback: Any) -> Any:
    """The exception goes along as far as it can travel, its traceback never."""
    try:
        return request(self, "__exit__", kind, error, None)
    except SerializationError:
        return request(self, "__exit__", *stepping.plain_error(self, kind, error))


def _comparison(name: str) -> Any:
    def compare(self: Any, other: Any, /) -> Any:
        """Nothing is equal to what cannot be where it is: an object of another client, an open file of here."""
        try:
            return request(self, name, other)
        except SerializationError:
            return NotImplemented

    compare.__name__ = compare.__qualname__ = name
    return compare


def _repr(self: Any) -> Any:
    """Debuggers and tests show what they find: also what is gone there, or whose client is."""
    try:
        return request(self, "__repr__")
    except (RProxyError, ReferenceError) as error:
        if type(error) in (RProxyError, ConnectionLost) or isinstance(error, ReferenceError):
            return f"<an object of {stand_in_of(self)._self_session.target} that is gone: {error}>"
        raise


def _call(self: Any, /, *args: Any, **kwargs: Any) -> Any:
    state = stand_in_of(self)
    return state._self_session.natural(state._self_target, state._self_path, args, kwargs)


_OWN_WAYS: dict[str, Any] = {
    "__repr__": _repr,
    "__eq__": _comparison("__eq__"),
    "__ne__": _comparison("__ne__"),
    "__exit__": _exit,
    "__call__": _call,
    "__iter__": iterate,
    "__next__": next_item,
    "__await__": stepping.wait,
    "__aiter__": stepping.iterate,
    "__anext__": stepping.next_item,
    "__aenter__": stepping.enter,
    "__aexit__": stepping.leave,
    "__array_ufunc__": arrays.run_there,
}
