"""Commands, files and streams by the system's ``ssh``."""

import math
from collections.abc import Iterable, Mapping
from typing import IO, Any

from ...errors import ConnectionLost, ConnectorError
from .. import files, processes
from ..base import Completed, PathLike, StreamConnector
from ..marks import SHELL_MEND, Mark, MarkedStream
from ..shell import for_any_shell
from ..ssh_options import check_answers
from . import faults, mux
from .link import Link
from .prompts import Ask
from .settings import Settings


class OpenSSHConnector(StreamConnector):
    """Reaches a host as ``ssh host`` at a terminal does; all commands share one connection.

    Args:
        host: its name, or that of a section of the user's configuration.
        user, port: as ssh chooses if not given.
        identity: the path of a private key, or several; no others are tried then, but those of the configuration.
        known_hosts: the file of host keys, or several, instead of the user's.
        ssh_config: the configuration, instead of the user's and the system's; ``"none"`` for none.
        password: the answer to the first question for a password, code or both.
        ask: a function that gets any other question of ssh, as a text, and returns the answer, or None.
        connect_timeout: seconds to wait for the host.
        options: what ``ssh -o`` takes, by name: ``{"ProxyJump": "gateway"}``.

    Raises:
        ValueError, TypeError: for what cannot be meant.
        ConnectorError: ssh is missing, or does not take these settings. The first command connects, and raises
            AuthenticationError or HostKeyError if the host does.
    """

    #: A login shell gets it as one word of at most 128 KiB, in which a byte may take five.
    command_limit = 24_000
    open_limit = 100_000
    input_limit = 1 << 20  # by the connection, which nobody else sees

    def __init__(
        self,
        host: str,
        *,
        user: str | None = None,
        port: int | None = None,
        identity: PathLike | Iterable[PathLike] | None = None,
        known_hosts: PathLike | Iterable[PathLike] | None = None,
        ssh_config: PathLike | None = None,
        password: str | None = None,
        ask: Ask | None = None,
        connect_timeout: float | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        check_answers(password, ask)
        settings = Settings(
            host, user=user, port=port, identity=identity, known_hosts=known_hosts, ssh_config=ssh_config,
            connect_timeout=connect_timeout, options=options,
        )  # fmt: skip
        self.target = f"ssh://{settings.target}"
        self._settings = settings
        self._link = Link(settings, password, ask)

    def run(self, command: str, *, input: bytes = b"", timeout: float | None = None) -> Completed:
        done, output = self._run(command, input, timeout)
        if self._came_too_late(done, output):
            done, output = self._run(command, input, timeout)
        if self._is_lost(done) and not self._came_too_late(done, output):  # perhaps with the mark on its way
            raise ConnectionLost(
                f"the connection to {self.target} ended: {self._told(done.returncode, _text(done.stderr))}. "
                "Whether the command has run to its end is unknown."
            )
        if output is None:
            raise self._not_begun(done)
        return Completed(output, done.stderr, done.returncode)

    def _run(self, command: str, input: bytes, timeout: float | None) -> tuple[Completed, bytes | None]:
        """A command's end, and what it has printed after its mark, if that has come."""
        mark = Mark()
        patience = math.inf if timeout is None else timeout
        words, environment = self._link.command(for_any_shell(command, mark.text), patience)
        done = processes.run(words, self.target, input=input, timeout=timeout, environment=environment)
        output, self.noise = mark.cut(done.stdout), mark.noise
        return done, output

    def _is_lost(self, done: Completed) -> bool:
        """Whether the shared connection ended under a command, or just before it."""
        return done.returncode == faults.FAILED and self._link.is_lost()

    def _came_too_late(self, done: Completed, output: bytes | None) -> bool:
        """Whether the shared connection had just ended, and the command's own ssh, which may ask nothing, was not let
        in: so it has not begun."""
        return output is None and faults.was_not_let_in(_text(done.stderr)) and self._is_lost(done)

    def push(self, local: PathLike, remote: str) -> None:
        files.push(self.open, local, remote, self.target, ends=True, feed=self._feed)

    def pull(self, remote: str, local: PathLike) -> None:
        files.pull(self.open, remote, local, self.target, store=None if self.noise else self._store)

    def open(self, command: str) -> MarkedStream:
        mark = Mark()
        return self._marked(self._link.open(for_any_shell(command, mark.text), self._told), mark)

    def _feed(self, command: str, file: IO[bytes]) -> MarkedStream | None:
        mark = Mark()
        stream = self._link.feed(for_any_shell(command, mark.text), file, self._told)
        return None if stream is None else self._marked(stream, mark)

    def _store(self, command: str, file: IO[bytes]) -> mux.Session | None:
        return self._link.begin(for_any_shell(command), result=file)

    def _marked(self, stream: processes.ProcessStream, mark: Mark) -> MarkedStream:
        def not_begun(printed: str) -> ConnectorError:
            code, said = stream.end()
            return self._not_begun(Completed(printed.encode(), said.encode(), code))

        return MarkedStream(stream, mark, not_begun)

    def close(self) -> None:
        self._link.close()

    def renew(self) -> None:
        self._link.renew()

    def way(self) -> dict[str, str]:
        return self._settings.way()

    def _not_begun(self, done: Completed) -> ConnectorError:
        """For a command that printed not even its mark."""
        if done.returncode == faults.FAILED:
            return self._link.failure(_text(done.stderr) or self._link.said())
        said = _text(done.stderr + b"\n" + done.stdout)
        return ConnectorError(
            f"{self.target} lets us in, but its login shell did not run the command: "
            f"{processes.describe_end(done.returncode, said)}\n{SHELL_MEND}"
        ).at("shell", SHELL_MEND)

    def _told(self, code: int, said: str) -> str:
        if code == faults.FAILED and self._link.is_lost():
            said = "\n".join(filter(None, (said, self._link.said())))
        return processes.describe_end(code, said)


def _text(data: bytes) -> str:
    return data[-4000:].decode("utf-8", "replace").strip()
