"""Live objects of the far side.

Rules: a proxy has the special methods that the remote type has, and no others; it is released there when it
is gone here, by the next request and never from its finalizer; the same object twice is the same proxy.
"""

import weakref
from typing import Any

from rproxy_endpoint.protocol.special import SPECIAL

from ..errors import SerializationError
from .base import Base, Remote, Requests, StandIn, stand_in_of, standard_class
from .iteration import Ahead, check_in_step, iterate, next_item
from .members import CallableProxy, FunctionStandIn


class ObjectStandIn(StandIn):
    """A live object, by the number that the far side holds it under."""

    _self_path = ""
    _self_class: Any = None  # the class of that name here, if it is the standard library's
    _self_methods: frozenset[str] = frozenset()
    _self_others: tuple[str, ...] = ()

    def __init__(self, session: Requests, number: int) -> None:
        object.__setattr__(self, "_self_session", session)
        object.__setattr__(self, "_self_target", number)
        object.__setattr__(self, "_self_count", 0)  # how often it was received
        object.__setattr__(self, "_self_proxy", None)  # a weak reference to its face
        object.__setattr__(self, "_self_ahead", Ahead())

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return self._self_class or type(self)

    def _self_name(self) -> str:
        return f"<{type(self).__qualname__} object on {self._self_session.target}>"

    def _self_reference(self) -> tuple[Any, ...]:
        return ("object", self._self_target)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_self_") or name in SPECIAL:
            raise AttributeError(name)  # special methods are the type's, and it was described
        if self._self_proxy is None and name in ("__qualname__", "__annotations__"):
            raise AttributeError(name)  # wrapt's own look at what it wraps
        if name in ("send", "throw"):
            check_in_step(self, name)
        if name in self._self_methods:
            return CallableProxy(FunctionStandIn(self._self_session, self._self_target, name, self))
        return self._self_session.get(self._self_target, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._self_session.set(self._self_target, name, value)

    def __delattr__(self, name: str) -> None:
        self._self_session.delete(self._self_target, name)

    def __dir__(self) -> list[str]:
        return [*self._self_methods, *self._self_others, *dir(object)]

    def _self_let_go(self) -> None:
        """Releases the far side's object now. Its number is not given again, so any use says that it is gone."""
        count = self._self_count
        object.__setattr__(self, "_self_count", 0)
        if count:
            self._self_session.released(self._self_target, count)
            self._self_session.flush()

    def __del__(self) -> None:
        # Nothing is sent from here: the next request carries it.
        if self._self_count:
            self._self_session.released(self._self_target, self._self_count)


class Absent(AttributeError, TypeError):
    """The remote type has no such special method: `hasattr` and the operation itself both say so."""


class _AbsentMethod:
    """Hides a special method that wrapt's proxies have and the remote type has not."""

    def __init__(self, type_name: str, name: str) -> None:
        self._text = f"a {type_name!r} object of the far side has no {name}"

    def __get__(self, obj: Any, owner: Any = None) -> Any:
        raise Absent(self._text)


def _operation(name: str) -> Any:
    def operation(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        state = stand_in_of(self)
        return state._self_session.call(state._self_target, name, args, kwargs)

    operation.__name__ = operation.__qualname__ = name
    return operation


def _exit(self: Any, kind: Any, error: Any, traceback: Any) -> Any:
    """`__exit__`: the exception goes along as far as it can travel, its traceback never."""
    state = stand_in_of(self)
    try:
        return state._self_session.call(state._self_target, "__exit__", (kind, error, None), {})
    except SerializationError:
        session = state._self_session
        plain = session.call("builtins", "RuntimeError", (f"{kind.__name__}: {error}",), {})  # made there
        cls = FunctionStandIn(session, "builtins", "RuntimeError")
        return session.call(state._self_target, "__exit__", (cls, plain, None), {})


def _not_in_place(self: Any, other: Any) -> Any:
    return NotImplemented  # Python goes on to the plain operation


def _call_object(self: Any, /, *args: Any, **kwargs: Any) -> Any:
    state = stand_in_of(self)
    return state._self_session.call(state._self_target, "", args, kwargs)


def _copy_object(self: Any) -> Any:
    return stand_in_of(self)._self_session.call("copy", "copy", (self,), {})


def _deepcopy_object(self: Any, memo: Any) -> Any:
    return stand_in_of(self)._self_session.call("copy", "deepcopy", (self,), {})


#: Special methods that wrapt's proxies have of themselves: hidden where the remote type has them not.
#: What every object has, Python has to find.
_EVERY = frozenset("__eq__ __ne__ __lt__ __le__ __gt__ __ge__ __hash__ __str__ __repr__ __bool__ __format__".split())
_IN_PLACE = frozenset(
    f"__i{name}__" for name in "add sub mul matmul truediv floordiv mod pow lshift rshift and xor or".split()
)
_HIDDEN = tuple(name for name in sorted(SPECIAL - _EVERY - _IN_PLACE) if name in dir(Base))


_OWN_WAYS = (
    ("__exit__", _exit),
    ("__call__", _call_object),
    ("__iter__", iterate),
    ("__next__", next_item),
)


class RemoteType:
    """A type of the far side, as it was described: makes the proxies of its instances."""

    def __init__(self, module: str, qualname: str, special: str, methods: str, others: str) -> None:
        name = qualname.rpartition(".")[2]
        present = SPECIAL & set(special.split())
        if {"__len__", "__getitem__"} <= present:
            present |= {"__reversed__"}  # Python reverses any sequence
        operations: dict[str, Any] = {method: _operation(method) for method in present}
        for method, function in _OWN_WAYS:
            if method in present:
                operations[method] = function
        if "__eq__" in present and "__hash__" not in present:
            operations["__hash__"] = None
        state = {
            **operations, "__module__": module, "__qualname__": qualname,
            "_self_class": standard_class(module, qualname),
            "_self_methods": frozenset(methods.split()), "_self_others": tuple(others.split()),
        }  # fmt: skip
        self._stand_in = type(name, (ObjectStandIn,), state)
        face = {method: function for method, function in operations.items() if method not in dir(Base)}
        face.update({method: _AbsentMethod(name, method) for method in _HIDDEN if method not in present})
        # wrapt's own would change what the proxy wraps, for all who hold it.
        face.update({method: operations.get(method, _not_in_place) for method in _IN_PLACE})
        if not {"__iter__", "__getitem__"} & present:
            face["__iter__"] = _AbsentMethod(name, "__iter__")  # else a hidden __getitem__ makes it a sequence
        face["__hash__"] = operations.get("__hash__", Base.__hash__)
        face["__copy__"], face["__deepcopy__"] = _copy_object, _deepcopy_object
        self._face = type(name, (Remote,), face)

    def stand_in(self, session: Requests, number: int) -> Any:
        return self._stand_in(session, number)

    def face(self, stand_in: Any) -> Any:
        """The proxy around a stand-in; the same one for as long as anybody holds it."""
        proxy = stand_in._self_proxy and stand_in._self_proxy()
        if proxy is None:
            proxy = self._face(stand_in)
            object.__setattr__(stand_in, "_self_proxy", weakref.ref(proxy))
        return proxy
