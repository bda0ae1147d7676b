"""Live objects of the far side.

Rules: a proxy has the special methods that the remote type has, and no others; it is released there when it
is gone here, by the next request and never from its finalizer; the same object twice is the same proxy.
"""

from typing import Any

from rproxy_endpoint.protocol.special import SPECIAL

from .arrays import MEMORY, PRIORITY, Bringing
from .base import Requests, StandIn, cannot_pickle
from .callables import CallableProxy
from .iteration import STEPS, Ahead, keep_in_step
from .likeness import Likeness
from .special import operations
from .stepping import COROUTINE, Coroutine


class Step(CallableProxy):
    """`send` or `throw` of a generator, which has to be where this side is."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        keep_in_step(self._self_owner, self._self_path)
        return super().__call__(*args, **kwargs)


class ObjectType(type):
    """The type of proxies of one class: called as the class itself would be, by `type(obj)(...)`, it makes an instance
    there."""

    _self_home: tuple[Requests, str, str]

    def __call__(cls, /, *args: Any, **kwargs: Any) -> Any:
        session, module, qualname = cls._self_home
        if "<" in qualname:
            raise TypeError(
                f"{qualname} of {session.target} has no name by which it could be called; "
                "client.module('builtins').type(obj) is the class itself"
            )
        return session.natural(module, qualname, args, kwargs)


class ObjectProxy(StandIn, metaclass=ObjectType):
    """A live object, by the number that the far side holds it under."""

    __slots__ = ("__weakref__", "_self_ahead", "_self_driver", "_self_received", "_self_session", "_self_target")

    _self_path = ""
    _self_likeness: Likeness
    _self_methods: frozenset[str] = frozenset()

    def __init__(self, session: Requests, number: int) -> None:
        keep = object.__setattr__
        keep(self, "_self_session", session)
        keep(self, "_self_target", number)
        keep(self, "_self_received", [0])  # how often
        keep(self, "_self_ahead", Ahead())
        keep(self, "_self_driver", None)  # of a coroutine, while a task runs it

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        cls = type(self)
        return cls._self_likeness.of(cls)

    def _self_name(self) -> str:
        return f"<{type(self).__qualname__} object on {self._self_session.target}>"

    def _self_reference(self) -> tuple[Any, ...]:
        return ("object", self._self_target)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_self_") or name in SPECIAL or name in MEMORY:
            raise AttributeError(f"a {type(self).__name__!r} object of the far side has no {name}")
        if name in ("send", "throw") and self._self_methods >= STEPS:
            return Step(self._self_session, self._self_target, name, self)
        if name == "__array__" and name in self._self_methods:
            return Bringing(self)
        if name in self._self_methods:
            return CallableProxy(self._self_session, self._self_target, name, self)
        found = self._self_session.get(self._self_target, name)
        return found + 1 if name == PRIORITY else found

    def __setattr__(self, name: str, value: Any) -> None:
        self._self_session.set(self._self_target, name, value)

    def __delattr__(self, name: str) -> None:
        self._self_session.delete(self._self_target, name)

    def __dir__(self) -> list[str]:
        found: list[str] = self._self_session.ask("builtins", "dir", (self,))
        return found

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise cannot_pickle(self)

    def __copy__(self) -> Any:
        return self._self_session.keep("copy", "copy", (self,), {})

    def __deepcopy__(self, memo: Any) -> Any:
        return self._self_session.keep("copy", "deepcopy", (self,), {})

    def _self_let_go(self) -> None:
        """Releases the far side's object now. Its number is not given again, so any use says that it is gone."""
        if self._self_received[0]:
            self._self_session.released(self._self_target, self._self_received)
            self._self_session.flush()

    def __del__(self) -> None:
        # Nothing is sent from here: the next request carries it.
        if self._self_received[0]:
            self._self_session.released(self._self_target, self._self_received, self)


_doc = property(lambda self: self._self_session.get(self._self_target, "__doc__"))


class RemoteType:
    """A type of the far side, as it was described: makes the proxies of its instances."""

    def __init__(self, session: Requests, module: str, qualname: str, special: str, methods: str, bases: str) -> None:
        present, names = SPECIAL & set(special.split()), frozenset(methods.split())
        absent = SPECIAL & {name[1:] for name in special.split() if name[0] == "-"}
        coroutine = "__await__" in present and names >= COROUTINE
        body = {
            **operations(present, absent, module),
            "__slots__": (), "__module__": __name__, "__qualname__": qualname, "__doc__": _doc,
            "_self_likeness": Likeness(module, qualname, bases), "_self_home": (session, module, qualname),
            "_self_methods": names,
        }  # fmt: skip
        of = (Coroutine, ObjectProxy) if coroutine else (ObjectProxy,)
        self._session = session
        self._type = ObjectType(qualname.rpartition(".")[2], of, body)

    def proxy(self, number: int) -> Any:
        return type.__call__(self._type, self._session, number)
