"""The client: what the user holds."""

import functools
import importlib
import os
import time
import types
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from rproxy_endpoint.protocol.messages import Call

from . import batches, blocks, log, output, staying
from .channels import Channel
from .channels.opening import check_seconds, open_channel, residence_for
from .code.names import elsewhere
from .connectors.base import Connector
from .errors import RemoteExecError
from .host import Host
from .names import check_arguments, check_callable, check_name, check_packages, check_switches
from .preparing import get_ready, launcher_for, options_for
from .proxies import ModuleStandIn, module_proxy
from .rejoining import Rejoining
from .session import Session
from .targets import closest, connector_for

if TYPE_CHECKING:
    from concurrent.futures import Future

    from .awaiting import AsyncClient
    from .futures import Futures
    from .substitution import Substitution

Module = TypeVar("Module", bound=types.ModuleType)
Params = ParamSpec("Params")
Result = TypeVar("Result")
SERIALIZERS = ("cloudpickle", "json")


def connect(  # long: its options are listed once for those who read, and once for type checkers
    target: str | Connector | None = None,
    *,
    python: str | None = None,
    setup: str | None = None,
    serializer: str = "cloudpickle",
    trust: Sequence[str] = (),
    endpoint_dir: str | None = None,
    tmp_dir: str | None = None,
    timeout: float | None = None,
    deploy: bool = True,
    resident: bool = False,
    idle_timeout: float | None = None,
    session: str | None = None,
    keepalive: float | None = 30.0,
    reconnect: bool = False,
    reconnect_timeout: float = 60.0,
    ship: bool = True,
    **options: Any,
) -> "RemoteClient":
    """Connects to a host and returns a client of it.

    Args:
        target: a URL (``local://``, which is also meant by nothing), or a `Connector`.
        python: the interpreter there; found by itself if not given.
        setup: shell lines to run before Python (``module load python``).
        serializer: ``cloudpickle``, or ``json`` for data alone, without pickle in either direction.
        trust: packages whose instances may be rebuilt here.
        endpoint_dir: the folder there that keeps the endpoint; ``~/.rproxy`` if not given.
        tmp_dir: the folder there for temporary files; ``tmp`` in `endpoint_dir` if not given.
        timeout: how many seconds a call may take, unless a `client.timeout` block says otherwise; None for any time.
        deploy: whether to put the endpoint there if it is missing.
        resident: whether one endpoint stays there between commands, with its modules' state and objects, where
            each call costs a command; until `close`, or `idle_timeout` seconds (600) without a request.
        session: the name of a resident endpoint's session, to share it with other clients; it outlives them.
        keepalive: how long the host may be silent under a call, in seconds, until the link counts as lost, unless
            the call is found to be alive there; None for ever.
        reconnect: whether a call that finds the link lost begins another session, and is sent in that.
        reconnect_timeout: how long to try to reach the host again, in seconds, for a call of a resident endpoint that
            has lost its link or finds none, and with `reconnect`.
        ship: whether modules of your own go along with functions and objects that need them there.
        options: the connector's own.

    Raises:
        TypeError, ValueError: for a target or an option that cannot be meant.
        ConnectorError: the host cannot be reached.
        RemoteNotSetupError: the endpoint cannot be started there, or is missing and `deploy` is False.
    """
    connector = connector_for(target, options)
    try:
        return RemoteClient(
            connector, python=python, setup=setup, serializer=serializer, trust=trust,
            endpoint_dir=endpoint_dir, tmp_dir=tmp_dir, timeout=timeout, deploy=deploy, resident=resident,
            idle_timeout=idle_timeout, session=session, keepalive=keepalive, reconnect=reconnect,
            reconnect_timeout=reconnect_timeout, ship=ship,
        )  # fmt: skip
    except BaseException:
        if connector is not target:
            connector.close()
        raise


class RemoteClient(Host):
    """A host's Python, by a connector. Use it in a `with` block, or `close` it.

    The arguments are those of `connect`.
    """

    def __init__(
        self,
        connector: Connector,
        *,
        python: str | None = None,
        setup: str | None = None,
        serializer: str = "cloudpickle",
        trust: Sequence[str] = (),
        endpoint_dir: str | None = None,
        tmp_dir: str | None = None,
        timeout: float | None = None,
        deploy: bool = True,
        resident: bool = False,
        idle_timeout: float | None = None,
        session: str | None = None,
        keepalive: float | None = 30.0,
        reconnect: bool = False,
        reconnect_timeout: float = 60.0,
        ship: bool = True,
    ) -> None:
        if not isinstance(connector, Connector):
            raise TypeError(f"RemoteClient needs a Connector, not {connector!r}; rproxy.connect() takes URLs")
        if serializer not in SERIALIZERS:
            raise ValueError(f"unknown serializer {serializer!r}{closest(str(serializer), SERIALIZERS)}")
        check_packages(trust)
        check_switches(deploy=deploy, resident=resident, reconnect=reconnect, ship=ship)
        launcher = launcher_for(connector, python, setup, endpoint_dir, tmp_dir, deploy)
        residence = residence_for(
            resident, idle_timeout, session, check_seconds("reconnect_timeout", reconnect_timeout)
        )
        launcher.whole |= serializer == "json"  # whose forms are of the rest
        conversation = Session(connector.target, serializer, tuple(trust), blocks.check_limit(timeout))
        conversation.side.shipping.enabled = ship
        super().__init__(conversation, connector, launcher)
        begin = time.perf_counter()
        log.watch_connector(connector)
        options = options_for(conversation, connector, launcher, trust, keepalive)
        launcher.meanwhile = get_ready

        def open_anew(more: dict[str, Any]) -> Channel:
            return open_channel(connector, options._replace(hello={**options.hello, **more}), residence)

        channel = open_anew({})
        self._rejoining = Rejoining(conversation, connector, open_anew, reconnect_timeout)
        if reconnect:
            conversation.rejoining, conversation.careful = self._rejoining, True
        conversation.start(channel)
        log.connected(connector.target, channel.name, channel.facts, time.perf_counter() - begin)
        self._futures: Futures | None = None
        self._aio: AsyncClient | None = None

    # -- life ------------------------------------------------------------------------------------------

    def __enter__(self) -> "RemoteClient":
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<RemoteClient of {self._session.target}>"

    def __reduce__(self) -> Any:
        raise TypeError(f"{self!r} cannot be pickled; make a client where it is needed")

    # -- modules and calls -----------------------------------------------------------------------------

    @overload
    def module(self, module: str) -> Any: ...
    @overload
    def module(self, module: Module) -> Module: ...
    def module(self, module: Any) -> Any:
        """The proxy of a module there.

        Args:
            module: its dotted name, or the local module of that name (then type checkers know it).

        Raises:
            ModuleNotFoundError: it does not exist there.
        """
        if isinstance(module, types.ModuleType):
            module = module.__name__
        name = check_name(module, "the name of a module")
        description = self._session.describe(name, "")
        return module_proxy(ModuleStandIn(self._session, name, "", name, description))

    def do_remote_call(
        self,
        module: str,
        function: str,
        args: Sequence[Any] | Mapping[str, Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        keep_env: bool = False,
    ) -> tuple[Any, str]:
        """Calls a function there; returns its value and what it printed on standard output.

        Args:
            module: the module's dotted name.
            function: the function's dotted name in it.
            args: positional arguments, or a mapping of keyword arguments.
            kwargs: more keyword arguments.
            keep_env: whether to load the user's login environment for the call.

        Raises:
            RemoteExecError: what the function raised, which is also of its own type; its `stdout` is what
                had been printed by then.
        """
        check_name(module, "the name of a module")
        check_name(function, "the name of a function")
        positional, keywords = check_arguments(args, kwargs)
        captured = output.Returned(self._session.sink())
        call = Call(module, function, positional, keywords, self._session.surroundings(login=keep_env), False)
        try:
            value = self._session.request(call, captured)
        except RemoteExecError as error:
            error.stdout = captured.text
            raise
        return value, captured.text

    @overload
    def call(
        self, function: Callable[Params, Coroutine[Any, Any, Result]], /, *args: Params.args, **kwargs: Params.kwargs
    ) -> Result: ...
    @overload
    def call(self, function: Callable[Params, Result], /, *args: Params.args, **kwargs: Params.kwargs) -> Result: ...
    def call(self, function: Callable[Params, Any], /, *args: Params.args, **kwargs: Params.kwargs) -> Any:
        """Runs a local function there: by value on the same minor version of Python, by its source on others.

        Raises:
            SerializationError: the function, or what it uses, cannot travel; it has not run.
        """
        return self._session.natural(check_callable(function), "", args, kwargs)

    @overload
    def function(self, function: Callable[Params, Coroutine[Any, Any, Result]]) -> Callable[Params, Result]: ...
    @overload
    def function(self, function: Callable[Params, Result]) -> Callable[Params, Result]: ...
    def function(self, function: Callable[Params, Any]) -> Callable[Params, Any]:
        """A function that runs there whenever it is called; also a decorator."""
        return elsewhere(self.call, check_callable(function))

    @overload
    def submit(
        self, function: Callable[Params, Coroutine[Any, Any, Result]], /, *args: Params.args, **kwargs: Params.kwargs
    ) -> "Future[Result]": ...
    @overload
    def submit(
        self, function: Callable[Params, Result], /, *args: Params.args, **kwargs: Params.kwargs
    ) -> "Future[Result]": ...
    def submit(self, function: Callable[Params, Any], /, *args: Params.args, **kwargs: Params.kwargs) -> "Future[Any]":
        """Sends a call and does not wait for it.

        Args:
            function: a function of a remote module, or a local one, which travels as in `call`.

        Returns:
            The future of its result. Calls run there in the order in which they were submitted.

        Raises:
            SerializationError: an argument cannot travel; nothing was sent then.
        """
        return self._later().submit(check_callable(function), args, kwargs)

    @overload
    def map(
        self, function: Callable[..., Coroutine[Any, Any, Result]], /, *iterables: Iterable[Any],
        timeout: float | None = None, buffersize: int | None = None,
    ) -> Iterator[Result]: ...  # fmt: skip
    @overload
    def map(
        self, function: Callable[..., Result], /, *iterables: Iterable[Any],
        timeout: float | None = None, buffersize: int | None = None,
    ) -> Iterator[Result]: ...  # fmt: skip
    def map(
        self, function: Callable[..., Any], /, *iterables: Iterable[Any],
        timeout: float | None = None, buffersize: int | None = None,
    ) -> Iterator[Any]:  # fmt: skip
        """The results of a call for each item, in order, as `concurrent.futures.Executor.map` gives them.

        Args:
            timeout: how many seconds from now until a result that is not there yet raises TimeoutError.
            buffersize: how many calls to send ahead of what is taken; None sends all at once.
        """
        check_callable(function)
        if not iterables:
            raise TypeError("map needs something to call the function for: client.map(function, items)")
        mapping = importlib.import_module(".mapping", __package__)
        mapping.check_ahead(buffersize)
        submit = functools.partial(self.submit, function)
        found: Iterator[Any] = mapping.results(submit, zip(*iterables, strict=False), buffersize, timeout)
        return found

    def _later(self) -> "Futures":
        if self._futures is None:
            futures = importlib.import_module(".futures", __package__)  # few programs need it, and it is slow to load
            self._futures = futures.Futures(self._session)
        return self._futures

    @property
    def aio(self) -> "AsyncClient":
        """This client for asyncio: `await client.aio.call(f, 1)`, `await client.aio.module("os").getenv("HOME")`."""
        if self._aio is None:
            awaiting = importlib.import_module(".awaiting", __package__)
            self._aio = awaiting.AsyncClient(self, self._session, self._later())
        return self._aio

    def ship(self, *modules: str | types.ModuleType) -> None:
        """Makes modules of your own, with what they import, importable there, unless the far side has them.

        Raises:
            ModuleNotFoundError: there is no such module here, or it is an installed one.
            SerializationError: it cannot be sent: it is compiled, too large, or too new for the Python there.
        """
        self._session.side.shipping.ship(modules)

    # -- what holds for calls --------------------------------------------------------------------------

    def env(self, /, **variables: str | None) -> AbstractContextManager[None]:
        """Environment variables for the calls inside the block; None unsets one."""
        env = dict(blocks.check_variable(name, value) for name, value in variables.items())
        return blocks.block(self._session, blocks.Settings(env))

    def cwd(self, folder: str | os.PathLike[str]) -> AbstractContextManager[None]:
        """The working directory for the calls inside the block; relative to the outer block's."""
        folders = (blocks.check_path(folder, "a working directory"),)
        return blocks.block(self._session, blocks.Settings({}, folders))

    def path(self, *entries: str | os.PathLike[str]) -> AbstractContextManager[None]:
        """Folders at the front of PATH for the calls inside the block."""
        checked = tuple(blocks.check_path(entry, "an entry of PATH") for entry in entries)
        return blocks.block(self._session, blocks.Settings({}, (), checked))

    def timeout(self, seconds: float | None) -> AbstractContextManager[None]:
        """How long each call inside the block may take; None for as long as it takes.

        A call that takes longer is stopped there, as by Ctrl-C, and raises CallTimeout, which says what became of it.
        Calls by `submit` wait their turn, and have no limit but that of their future's `result(timeout)`.
        """
        return blocks.entered(self._session, limit=blocks.check_limit(seconds))

    def batch(self) -> AbstractContextManager[batches.Batch]:
        """Has natural calls inside the block return promises, and sends them together at its end: one command.

        `promise.result()` is the value, or raises; the block's end raises the first failure. All other requests,
        attributes and `do_remote_call` too, are made at once.
        """
        return batches.batch(self._session)

    def keep_results(self) -> AbstractContextManager[None]:
        """Leaves the results of the natural calls inside the block there, even if they are data."""
        return staying.keep_results(self._session)

    def substitute(
        self, *modules: str | types.ModuleType, into: str | types.ModuleType | None = None
    ) -> "Substitution":
        """The modules of the far side in the place of the local ones: a `with` block, or `start` and `stop`.

        Args:
            modules: their dotted names, or the local modules of those names; submodules go with them.
            into: a module (or its name) whose own names are replaced, instead of what all imports find.

        Raises:
            TypeError, ValueError: for a module that cannot be substituted.
            ModuleNotFoundError: at entering, for a module that does not exist there; nothing has changed then.
        """
        from .substitution import Substitution

        return Substitution(self._session, modules, into)

    def capture(self) -> AbstractContextManager[output.Captured]:
        """Keeps what the natural calls inside the block print, instead of showing it: `.text`, `.errors`."""
        return output.capture(self._session)

    def register_remote_env_variable(self, name: str, value: str, only_if_no_set: bool = False) -> None:
        """Sets an environment variable for all calls of this client, or only where the host has none."""
        name, checked = blocks.check_variable(name, value)
        if checked is None:
            raise TypeError(f"the environment variable {name} needs a value")
        added = blocks.Settings({}, (), (), {name: checked}) if only_if_no_set else blocks.Settings({name: checked})
        self._session.base = added.over(self._session.base)

    def register_remote_env_path(self, path: str) -> None:
        """Adds a folder to the front of PATH for all calls of this client."""
        added = blocks.Settings({}, (), (blocks.check_path(path, "an entry of PATH"),))
        self._session.base = added.over(self._session.base)
