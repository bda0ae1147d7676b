"""What asyncio's side of a client gives: proxies whose every request is awaited.

Rules: nothing here waits for the far side but in `await`, `async for` and `async with`; to name something costs
nothing and asking nothing; an argument may be such a proxy, or an ordinary one.
"""

import asyncio
import collections.abc
import types
from collections.abc import Generator
from typing import Any, NoReturn

from .asking import Asking
from .errors import SerializationError
from .proxies import stand_in_of
from .proxies.base import StandIn, cannot_pickle, join
from .proxies.stepping import Coroutine as RemoteCoroutine
from .proxies.stepping import plain_error

#: Names with two underscores that a module may well be asked for; by the others Python and libraries ask what
#: the proxy itself can do.
_ASKED = frozenset(("__version__", "__file__", "__doc__"))
_PLAIN = frozenset((int, float, str, bytes, bool, type(None), complex))


class AsyncProxy(StandIn):
    """Something of the far side, or a name of it: `await` brings a name's value, calls and items are awaited."""

    __slots__ = ("__weakref__", "_self_asking", "_self_of", "_self_path", "_self_session", "_self_target")

    _self_asking: Asking
    _self_of: Any

    def __init__(self, asking: Asking, target: Any, path: str, of: Any = None) -> None:
        keep = object.__setattr__
        keep(self, "_self_asking", asking)
        keep(self, "_self_session", asking.session)
        keep(self, "_self_target", target)
        keep(self, "_self_path", path)
        keep(self, "_self_of", of)  # the ordinary proxy, which keeps the object there

    # -- names -----------------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> "AsyncProxy":
        if name.startswith("_self_") or (name[:2] == name[-2:] == "__" and name not in _ASKED):
            raise AttributeError(f"{self!r} has no {name} here")
        path = join(self._self_path, name)
        return AsyncProxy(self._self_asking, self._self_target, path, self._self_of)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(
            f"an assignment cannot be awaited: await client.aio.module('builtins').setattr(..., {name!r}, ...)"
        )

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"a deletion cannot be awaited: await client.aio.module('builtins').delattr(..., {name!r})"
        )

    def _self_reference(self) -> tuple[Any, ...]:
        if self._self_of is not None and self._self_path == self._self_of._self_path:
            found: tuple[Any, ...] = self._self_of._self_reference()
            return found
        return super()._self_reference()

    def _self_is_name(self) -> bool:
        """Whether it only names something, which may be data."""
        return bool(self._self_path) and (self._self_of is None or self._self_path != self._self_of._self_path)

    # -- what is awaited -------------------------------------------------------------------------------

    def __call__(self, /, *args: Any, **kwargs: Any) -> "Pending":
        return Pending(self._self_call(args, kwargs), f"{self._self_label()}()")

    def __getitem__(self, item: Any) -> "Pending":
        return Pending(self._self_asking.ask("operator", "getitem", self, item), f"{self._self_label()}[{item!r:.40}]")

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._self_value().__await__()

    async def _self_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The value of a call; of a coroutine function there, what its coroutine returns."""
        asking = self._self_asking
        value = await asking.request(asking.call_message(self._self_target, self._self_path, args, kwargs))
        while type(value) is AsyncProxy and issubclass(type(value._self_of), RemoteCoroutine):
            value = await value
        return value

    async def _self_value(self) -> Any:
        """What a name means; what an awaitable object there gives; a module itself, if it exists."""
        asking, target = self._self_asking, self._self_target
        if self._self_is_name():
            return await asking.request(asking.get_message(target, self._self_path))
        if isinstance(target, str):
            await asking.request(asking.get_message(target, "__name__"))
            return self
        return await asking.ask(target, join(self._self_path, "__await__"))

    def __aiter__(self) -> "Items":
        return Items(self)

    async def __aenter__(self) -> Any:
        return await entered(self)

    async def __aexit__(self, kind: Any, error: Any, traceback: Any) -> Any:
        return await left(self, kind, error)

    # -- what cannot be ------------------------------------------------------------------------------

    __iter__ = None  # else Python would try items 0, 1, 2, ... of whatever has __getitem__
    __contains__ = None

    def __bool__(self) -> NoReturn:
        raise TypeError(f"whether {self!r} is true is not known here: await it, or what you ask of it, first")

    # -- as an object of this side ---------------------------------------------------------------------

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise cannot_pickle(self)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self

    def __eq__(self, other: object) -> bool:
        return type(other) is AsyncProxy and self._self_key() == other._self_key()

    def __hash__(self) -> int:
        return hash(self._self_key())

    def __repr__(self) -> str:
        return f"<awaitable {self._self_label()} on {self._self_session.target}>"

    def _self_label(self) -> str:
        if isinstance(self._self_target, str):
            return join(self._self_target, self._self_path) if self._self_path else self._self_target
        name = self._self_of._self_name().strip("<>").partition(" on ")[0]
        return f"{name}.{self._self_path}" if self._self_path else name


class Pending(collections.abc.Coroutine[Any, Any, Any]):
    """A call that was written, and is made when it is awaited: also as what `async for` or `async with` is about."""

    def __init__(self, coroutine: Any, name: str) -> None:
        coroutine.__name__ = coroutine.__qualname__ = name  # Python warns by it if nobody awaits
        self._coroutine: types.CoroutineType[Any, Any, Any] = coroutine
        self._entered: Any = None

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coroutine.__await__()

    def send(self, value: Any) -> Any:
        return self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        return self._coroutine.throw(*error)

    def close(self) -> None:
        self._coroutine.close()

    def __aiter__(self) -> "Items":
        return Items(self)

    async def __aenter__(self) -> Any:
        self._entered = await self
        return await entered(self._entered)

    async def __aexit__(self, kind: Any, error: Any, traceback: Any) -> Any:
        return await left(self._entered, kind, error)

    def __getattr__(self, name: str) -> Any:
        if name[:3] in ("cr_", "gi_") or name in ("__name__", "__qualname__"):
            return getattr(self.__dict__["_coroutine"], name)
        raise AttributeError(f"{self!r} has not been awaited; its result may have that: (await ...).{name}")

    def __repr__(self) -> str:
        return f"<awaitable {self._coroutine.__qualname__}>"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise SerializationError(f"{self!r} has not been awaited; pass its result: await it first")


class Items:
    """Iterates over what is on the far side, in batches that grow; over asynchronous iterators item by item.

    What was fetched and not used belongs to the remote iterator: whoever goes on with it misses nothing.
    """

    def __init__(self, iterable: Any) -> None:
        self._iterable = iterable
        self._iterator: Any = None

    def __aiter__(self) -> "Items":
        return self

    async def __anext__(self) -> Any:
        if self._iterator is None:
            self._iterator = await _iterator_of(self._iterable)
        if type(self._iterator) is not AsyncProxy:
            return self._next_of_data()
        asking, state = self._iterator._self_asking, self._iterator._self_of
        if hasattr(type(state), "__anext__"):
            return await asking.ask(state._self_target, "__anext__")
        ahead = state._self_ahead
        while not ahead.items:
            if ahead.ended:
                raise StopAsyncIteration
            items, ended = await asking.request(asking.next_message(state._self_target, ahead.size))
            ahead.items.extend(items)
            ahead.ended = ahead.ended or ended
            ahead.grow()
        return ahead.items.popleft()

    def _next_of_data(self) -> Any:
        try:
            return next(self._iterator)
        except StopIteration:
            raise StopAsyncIteration from None


async def _iterator_of(iterable: Any) -> Any:
    """The remote iterator of something remote, or a local one of data."""
    if type(iterable) is Pending or iterable._self_is_name():
        iterable = await iterable
    if type(iterable) is not AsyncProxy:
        return iter(iterable)
    asking, kind = iterable._self_asking, type(iterable._self_of)
    if hasattr(kind, "__aiter__"):
        return await asking.ask(iterable._self_target, "__aiter__")
    return await asking.ask("builtins", "iter", iterable)


async def entered(manager: Any) -> Any:
    """What a context manager of the far side gives, by its `__aenter__`, or else its `__enter__`."""
    manager = await _manager(manager)
    return await manager._self_asking.ask(manager._self_target, join(manager._self_path, _way(manager, "enter")))


async def left(manager: Any, kind: Any, error: Any) -> Any:
    """The exception goes along as far as it can travel, its traceback never."""
    manager = await _manager(manager)
    ask, target, path = manager._self_asking.ask, manager._self_target, join(manager._self_path, _way(manager, "exit"))
    try:
        return await ask(target, path, kind, error, None)
    except SerializationError:
        return await ask(target, path, *await asyncio.to_thread(plain_error, manager, kind, error))


async def _manager(manager: Any) -> AsyncProxy:
    if type(manager) is AsyncProxy and manager._self_is_name():
        manager = await manager
    if type(manager) is not AsyncProxy:
        raise TypeError(f"{manager!r} has come by value, and is no context manager of the far side")
    return manager


def _way(manager: AsyncProxy, what: str) -> str:
    """Asynchronous where there is such a way, else as `with` does it; Python itself says there if it is neither."""
    return f"__a{what}__" if hasattr(type(manager._self_of), f"__a{what}__") else f"__{what}__"


def face(asking: Asking, value: Any) -> Any:
    """A result, with awaitable proxies in the place of ordinary ones, in lists, tuples and dicts too."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is list or kind is tuple or kind is dict:
        return _faces(asking, value, set())
    return _face(asking, value)


def _face(asking: Asking, value: Any) -> Any:
    state = stand_in_of(value)
    if state is None or (isinstance(value, type) and issubclass(value, BaseException)):
        return value  # `except` needs the class itself
    return AsyncProxy(asking, state._self_target, state._self_path, state)


def _faces(asking: Asking, value: Any, seen: set[int]) -> Any:
    """The same for what is in a container; lists and dicts, which may hold themselves, are changed in place."""
    kind = type(value)
    if kind not in (list, tuple, dict):
        return _face(asking, value)
    items = value.values() if kind is dict else value
    if id(value) in seen or _PLAIN.issuperset(map(type, items)):
        return value
    seen.add(id(value))
    found = [_faces(asking, item, seen) for item in items]
    if kind is tuple:
        return tuple(found)
    if kind is list:
        value[:] = found
    else:
        value.update(zip(value, found, strict=True))
    return value
