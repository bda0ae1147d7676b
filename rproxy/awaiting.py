"""A client's side for asyncio: `client.aio`.

Rules: one thin layer over the client: what waits is awaited, and calls run there in the order in which they were
begun, as all calls do; whatever has no coroutine of its own can be run by `asyncio.to_thread`.
"""

import asyncio
import os
import types
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar, overload

from rproxy_endpoint.protocol.messages import Call

from . import output, staying
from .asking import Asking
from .awaited import AsyncProxy, face
from .errors import RemoteExecError
from .futures import Futures
from .host import Host
from .names import check_arguments, check_callable, check_name
from .progress import Progress
from .proxies import stand_in_of
from .session import Session

Params = ParamSpec("Params")
Result = TypeVar("Result")


class AsyncClient:
    """The same client, for asyncio: `client.aio`. Use it in an `async with` block, or `await` its `close`.

    `client` is the client itself; its blocks (`client.env`, `cwd`, `path`, `capture`) hold for what is awaited in
    them. It may be used by several event loops.
    """

    def __init__(self, client: Host, session: Session, futures: Futures) -> None:
        self.client = client
        self._session = session
        self._asking = Asking(session, futures, face)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *args: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the session and what it started there. Twice is fine."""
        await asyncio.to_thread(self.client.close)

    def __repr__(self) -> str:
        return f"<AsyncClient of {self._session.target}>"

    # -- modules and calls -----------------------------------------------------------------------------

    def module(self, module: str | types.ModuleType) -> Any:
        """The proxy of a module there: `await aos.getenv("HOME")`, `await aos.sep`, `async for x in amod.generate()`.

        Nothing is asked yet. `await client.aio.module("numpy")` asks whether it is there, and gives the same proxy.

        Args:
            module: its dotted name, or the local module of that name.

        Raises:
            ModuleNotFoundError: it does not exist there; when something of it is awaited.
        """
        name = module.__name__ if isinstance(module, types.ModuleType) else module
        return AsyncProxy(self._asking, check_name(name, "the name of a module"), "")

    def proxy(self, proxy: Any) -> Any:
        """The awaitable proxy of what an ordinary proxy means; any other value as it is.

        Raises:
            TypeError: it belongs to another client.
        """
        if getattr(stand_in_of(proxy), "_self_session", self._session) is not self._session:
            raise TypeError(f"{proxy!r} belongs to another client than this one of {self._session.target}")
        return face(self._asking, proxy)

    @overload
    async def call(
        self, function: Callable[Params, Coroutine[Any, Any, Result]], /, *args: Params.args, **kwargs: Params.kwargs
    ) -> Result: ...
    @overload
    async def call(
        self, function: Callable[Params, Result], /, *args: Params.args, **kwargs: Params.kwargs
    ) -> Result: ...
    async def call(self, function: Callable[Params, Any], /, *args: Params.args, **kwargs: Params.kwargs) -> Any:
        """Runs a local function there, as `client.call` does, or one of a remote module.

        Raises:
            SerializationError: the function, or what it uses, cannot travel; it has not run.
        """
        return await self._asking.request(self._asking.futures.message(check_callable(function), args, kwargs))

    async def do_remote_call(
        self,
        module: str,
        function: str,
        args: Sequence[Any] | Mapping[str, Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        keep_env: bool = False,
    ) -> tuple[Any, str]:
        """Calls a function there; returns its value and what it printed, as `client.do_remote_call` does."""
        check_name(module, "the name of a module")
        check_name(function, "the name of a function")
        positional, keywords = check_arguments(args, kwargs)
        captured = output.Returned(self._session.sink())
        call = Call(module, function, positional, keywords, self._session.surroundings(login=keep_env), False)
        try:
            return await self._asking.request(call, captured), captured.text
        except RemoteExecError as error:
            error.stdout = captured.text
            raise

    async def fetch(self, proxy: Any) -> Any:
        """The value of a remote object, as `rproxy.fetch` brings it."""
        state = stand_in_of(proxy)
        if state is None:
            return proxy
        found = await self._asking.request(self._asking.get_message(state._self_target, state._self_path))
        if stand_in_of(found) is None:
            return found
        return await asyncio.to_thread(staying.fetch, proxy)  # an exception, or else the error that says why not

    # -- files -----------------------------------------------------------------------------------------

    async def push(
        self, local: str | os.PathLike[str], remote: str | os.PathLike[str], *, progress: Progress = None
    ) -> str:
        """Copies a file or a folder there, as `client.push` does, in a thread; it goes on if nobody waits any more."""
        return await asyncio.to_thread(self.client.push, local, remote, progress=progress)

    async def pull(
        self, remote: str | os.PathLike[str], local: str | os.PathLike[str], *, progress: Progress = None
    ) -> Path:
        """Copies a file or a folder from there, as `client.pull` does, in a thread, as `push`."""
        return await asyncio.to_thread(self.client.pull, remote, local, progress=progress)
