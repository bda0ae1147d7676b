"""What coroutines, asynchronous iterators and context managers of the far side are to `await` and `async`.

Rules: the far side's event loop runs there while a step does; each step is one request, made in a thread, so
that the loop of this side stays free; a step that runs there goes on to its end even if nobody waits any more.
"""

from typing import Any

from ..errors import SerializationError
from .base import join, stand_in_of


async def step(self: Any, name: str, *args: Any) -> Any:
    """A request, in a thread: what the far side's loop made of it."""
    import asyncio  # whoever awaits has it already

    state = stand_in_of(self)
    target, path = state._self_target, join(state._self_path, name)
    if name == "__aexit__":
        return await asyncio.to_thread(state._self_session.ask, target, path, args)
    return await asyncio.to_thread(state._self_session.call, target, path, args, {})


def wait(self: Any) -> Any:
    return step(self, "__await__").__await__()


def iterate(self: Any) -> Any:
    return self if hasattr(type(self), "__anext__") else _Iterator(self)


def next_item(self: Any) -> Any:
    return step(self, "__anext__")


def enter(self: Any) -> Any:
    return step(self, "__aenter__")


async def leave(self: Any, kind: Any, error: Any, traceback: Any) -> Any:
    """The exception goes along as far as it can travel, its traceback never."""
    try:
        return await step(self, "__aexit__", kind, error, None)
    except SerializationError:
        return await step(self, "__aexit__", *plain_error(self, kind, error))


def plain_error(self: Any, kind: Any, error: Any) -> tuple[Any, Any, None]:
    """An exception that cannot travel, as one of the far side that can say what it was."""
    session = stand_in_of(self)._self_session
    made = session.call("builtins", "RuntimeError", (f"{kind.__name__}: {error}",), {})
    return session.call("builtins", "type", (made,), {}), made, None


class _Iterator:
    """Asks for the remote iterator when the first item is wanted: `__aiter__` itself cannot wait."""

    def __init__(self, iterable: Any) -> None:
        self._iterable = iterable
        self._iterator: Any = None

    def __aiter__(self) -> "_Iterator":
        return self

    async def __anext__(self) -> Any:
        if self._iterator is None:
            self._iterator = await step(self._iterable, "__aiter__")
        return await self._iterator.__anext__()


#: What makes an awaitable a coroutine, which asyncio runs as a task.
COROUTINE = frozenset(("send", "throw", "close"))


class Coroutine:
    """The methods by which a task drives a coroutine: here they drive the waiting for it."""

    __slots__ = ()
    _self_driver: Any
    # Tasks look for these in what they run whenever they are shown; a request for each would be too many.
    cr_code = cr_frame = cr_await = None
    cr_running = False

    def __getattr__(self, name: str) -> Any:
        if name in ("__name__", "__qualname__", "gi_code", "gi_frame", "gi_running"):
            raise AttributeError(name)
        return super().__getattr__(name)  # type: ignore[misc]

    def send(self, value: Any) -> Any:
        return self._self_waiting().send(value)

    def throw(self, *error: Any) -> Any:
        return self._self_waiting().throw(*error)

    def close(self) -> None:
        if self._self_driver is not None:
            self._self_driver.close()
        else:
            stand_in = stand_in_of(self)
            stand_in._self_session.call(stand_in._self_target, "close", (), {})

    def _self_waiting(self) -> Any:
        if self._self_driver is None:
            object.__setattr__(self, "_self_driver", step(self, "__await__"))
        return self._self_driver
