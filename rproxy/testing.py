"""For those who write connectors, and for tests."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from .client import RemoteClient, connect
from .connectors.base import Completed, Connector, PathLike
from .contract import check_connector

__all__ = ["check_connector", "command_only", "remote_modules"]


class _CommandOnly(Connector):
    """A connector without its stream."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self.target = connector.target
        self.python = connector.python
        self.start_timeout = connector.start_timeout
        self.sremote_dir, self.tmp_dir = connector.sremote_dir, connector.tmp_dir
        self.command_limit = connector.command_limit
        self.output_limit = connector.output_limit
        self.text_only = connector.text_only
        self.input_limit = connector.input_limit
        self.file_patience = connector.file_patience
        self.network = connector.network

    def run(self, command: str, *, input: bytes = b"", timeout: float | None = None) -> Completed:
        return self._connector.run(command, input=input, timeout=timeout)

    def push(self, local: PathLike, remote: str) -> None:
        self._connector.push(local, remote)

    def pull(self, remote: str, local: PathLike) -> None:
        self._connector.pull(remote, local)

    def close(self) -> None:
        self._connector.close()

    def renew(self) -> None:
        self._connector.renew()


def command_only(connector: Connector) -> Connector:
    """The same connector without `open`: its client works one command at a time."""
    return _CommandOnly(connector)


def remote_modules(
    *modules: str, target: str | Connector | None = None, into: tuple[str, ...] = (), **options: Any
) -> Callable[[Any], Iterator[RemoteClient]]:
    """The function of a pytest fixture: tests that use it get these modules from a host.

    It holds for what is imported during the test, and for the names that the test's own file, and the
    modules `into`, have imported before. The fixture's value is the client::

        on_host = pytest.fixture(rproxy.testing.remote_modules("numpy", into=("mypkg.analysis",)), autouse=True)

    Args:
        modules: the names of the modules.
        target: the host, as for `rproxy.connect`; the options are those of `rproxy.connect` too.
        into: modules under test whose names are replaced.
    """

    def remote(request: Any) -> Iterator[RemoteClient]:
        with connect(target, **options) as client, contextlib.ExitStack() as stack:
            stack.enter_context(client.substitute(*modules))
            for module in into:
                stack.enter_context(client.substitute(*modules, into=module))
            with contextlib.suppress(ValueError):  # the test's file imports them inside its tests
                stack.enter_context(client.substitute(*modules, into=request.module))
            yield client

    return remote
