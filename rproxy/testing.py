"""For those who write connectors, and for tests."""

from .connectors.base import Completed, Connector, PathLike


class _CommandOnly(Connector):
    """A connector without its stream."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self.target = connector.target
        self.python = connector.python
        self.command_limit = connector.command_limit
        self.output_limit = connector.output_limit
        self.text_only = connector.text_only

    def run(self, command: str, *, input: bytes = b"", timeout: float | None = None) -> Completed:
        return self._connector.run(command, input=input, timeout=timeout)

    def push(self, local: PathLike, remote: str) -> None:
        self._connector.push(local, remote)

    def pull(self, remote: str, local: PathLike) -> None:
        self._connector.pull(remote, local)

    def close(self) -> None:
        self._connector.close()


def command_only(connector: Connector) -> Connector:
    """The same connector without `open`: its client works one command at a time."""
    return _CommandOnly(connector)
