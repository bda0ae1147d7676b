"""asyncio's way in: `async with rproxy.aio.connect("ssh://host") as client`.

Rules: to connect blocks no event loop; whoever stops waiting leaves no client behind.
"""

import asyncio
import functools
from collections.abc import Callable, Generator
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
        connecting = asyncio.get_running_loop().run_in_executor(None, self._connect)
        try:
            return (await asyncio.shield(connecting)).aio
        except asyncio.CancelledError:
            connecting.add_done_callback(_close)
            raise


def _close(connecting: "asyncio.Future[RemoteClient]") -> None:
    """Closes a client that nobody waits for any more."""
    if connecting.exception() is None:
        connecting.get_loop().run_in_executor(None, connecting.result().close)


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
