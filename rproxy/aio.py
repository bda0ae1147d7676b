"""asyncio's way in: `async with rproxy.aio.connect("ssh://host") as client`.

Rules: to connect blocks no event loop; whoever stops waiting leaves no client behind.
"""

import asyncio
import functools
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import Any, ParamSpec

from .awaited import AsyncProxy
from .awaiting import AsyncClient
from .client import RemoteClient
from .client import connect as _connect

Params = ParamSpec("Params")

__all__ = ["AsyncClient", "AsyncProxy", "Connecting", "connect"]


class Connecting:
    """A connection to be made: `await` gives an `AsyncClient`; `async with` closes it at its end."""

    def __init__(self, connect: Callable[[], RemoteClient]) -> None:
        self._connect = connect
        self._client: AsyncClient | None = None

    def __await__(self) -> Generator[Any, Any, AsyncClient]:
        return self._connected().__await__()

    async def __aenter__(self) -> AsyncClient:
        self._client = await self._connected()
        return self._client

    async def __aexit__(self, *args: object) -> None:
        assert self._client is not None
        await self._client.close()

    async def _connected(self) -> AsyncClient:
        connecting: Future[RemoteClient] = Future()
        connecting.set_running_or_notify_cancel()  # whoever stops waiting does not stop it: it is closed then
        threading.Thread(target=self._run, args=(connecting,), name="rproxy connect", daemon=True).start()
        try:
            return (await asyncio.wrap_future(connecting)).aio
        except asyncio.CancelledError:
            # In a thread: this one's loop may have ended by then, and is not to be blocked before.
            threading.Thread(target=_close, args=(connecting,), name="rproxy connect", daemon=True).start()
            raise

    def _run(self, connecting: "Future[RemoteClient]") -> None:
        try:
            connecting.set_result(self._connect())
        except BaseException as error:  # it is the task's to see
            connecting.set_exception(error)


def _close(connecting: "Future[RemoteClient]") -> None:
    """Closes a client that nobody waits for any more."""
    if connecting.exception() is None:
        connecting.result().close()


def _like(
    connect: Callable[Params, RemoteClient],
) -> Callable[[Callable[..., Connecting]], Callable[Params, Connecting]]:
    """Gives a function the parameters of another one."""
    return lambda function: functools.update_wrapper(function, connect, ("__annotations__",))


@_like(_connect)
def connect(*args: Any, **kwargs: Any) -> Connecting:
    """Connects to a host, with the arguments and errors of `rproxy.connect`.

    Returns:
        what is awaited for an `AsyncClient`, or used in `async with`, which closes it.
    """
    return Connecting(functools.partial(_connect, *args, **kwargs))
