"""``paramiko://``: SSH in pure Python.

Rules: one connection carries all commands and files of a client; it is made when it is first needed, and again
if it was lost meanwhile, but nothing that was sent is sent twice.
"""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from ...errors import CallTimeout, ConnectionLost, ConnectorError
from .. import files
from ..base import Completed, PathLike, StreamConnector
from ..marks import SHELL_MEND, Mark, MarkedStream
from ..shell import for_any_shell
from ..ssh_options import (
    check_address,
    check_answers,
    check_function,
    check_timeout,
    config_file,
    key_files,
    path_list,
)
from .link import Link, connect
from .settings import Options, settings_for
from .stream import ChannelStream


class ParamikoConnector(StreamConnector):
    """Runs commands and moves files over SSH, without any program of this machine.

    Args:
        host: its name, as the ssh_config or the network knows it.
        user: who logs in there; else as the ssh_config says, else the same as here.
        port: where it listens; else as the ssh_config says, else 22.
        identity: a file with a private key, or several, tried before all others.
        known_hosts: files with the keys of hosts, instead of ``~/.ssh/known_hosts``.
        ssh_config: a file instead of ``~/.ssh/config`` and the system's; ``"none"`` for none.
        password: the answer to the first question for a password, code or both.
        ask: a function that gets a prompt and returns the answer, or None to give up; the terminal is asked if it
            is not given, and there is one.
        accept_host_key: the fingerprint (``SHA256:...``) of a host key that may be accepted though it is unknown.
        on_new_host_key: a function of (host, type of key, fingerprint) that says whether an unknown key is
            accepted; it is added to known_hosts then.
        connect_timeout: how long a host may take to answer, in seconds.
    """

    #: A login shell gets it as one word of at most 128 KiB, in which a byte may take five.
    command_limit = 24_000
    open_limit = 100_000

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
        ask: Callable[[str], str | None] | None = None,
        accept_host_key: str | None = None,
        on_new_host_key: Callable[[str, str, str], object] | None = None,
        connect_timeout: float | None = None,
    ) -> None:
        check_address(host, user, port)
        check_answers(password, ask)
        check_function("on_new_host_key", on_new_host_key, "of host, type of key and fingerprint")
        check_timeout(connect_timeout)
        if accept_host_key is not None and not isinstance(accept_host_key, str):
            raise TypeError(f"accept_host_key is a fingerprint, 'SHA256:...', not {accept_host_key!r}")
        if accept_host_key is not None and not accept_host_key.upper().startswith("SHA256:"):
            raise ValueError(f"accept_host_key is a fingerprint, 'SHA256:...', not {accept_host_key!r}")
        shown = f"[{host}]" if ":" in host else host
        self.target = f"paramiko://{f'{user}@' if user else ''}{shown}{f':{port}' if port else ''}"
        self._where = (host, user, port)
        self._options = Options(
            key_files(identity), path_list("known_hosts", known_hosts), config_file(ssh_config),
            password, ask, accept_host_key, on_new_host_key, connect_timeout,
        )  # fmt: skip
        self._making = threading.Lock()
        self._link: Link | None = None
        self._closed = False

    def run(self, command: str, *, input: bytes = b"", timeout: float | None = None) -> Completed:
        until = None if timeout is None else time.monotonic() + timeout
        mark = Mark()
        stream = ChannelStream(*self._session(until), for_any_shell(command, mark.text), keep=None)
        try:
            done = stream.complete(input, until)
        except BaseException as error:
            stream.kill()
            if isinstance(error, TimeoutError):
                raise CallTimeout(f"a command on {self.target} took longer than {timeout} s") from None
            if isinstance(error, OSError):
                raise ConnectionLost(f"{error}. Whether the command has run is unknown.") from error
            raise
        stream.close()
        output, self.noise = mark.cut(done.stdout), mark.noise
        if output is None:
            raise self._not_begun(stream, done.stdout.decode("utf-8", "replace").strip())
        return done._replace(stdout=output)

    def push(self, local: PathLike, remote: str) -> None:
        files.push(self.open, local, remote, self.target, ends=True)

    def pull(self, remote: str, local: PathLike) -> None:
        files.pull(self.open, remote, local, self.target)

    def open(self, command: str) -> MarkedStream:
        mark = Mark()
        stream = ChannelStream(*self._session(), for_any_shell(command, mark.text))
        return MarkedStream(stream, mark, lambda printed: self._not_begun(stream, printed))

    def _session(self, until: float | None = None) -> tuple[Link, Any]:
        """A link, and a channel of it for one command; another link if this one turns out to have ended before that
        time."""
        link = self._connected(until)
        try:
            return link, link.session()
        except ConnectorError:
            if link.alive or (until is not None and time.monotonic() >= until):
                raise
        link = self._connected(until)
        return link, link.session()

    def close(self) -> None:
        self._closed = True  # whoever is connecting finds it
        if self._link is not None:
            self._link.close()

    def renew(self) -> None:
        if self._link is not None:
            self._link.close()

    def _not_begun(self, stream: ChannelStream, printed: str) -> ConnectorError:
        told = stream.diagnosis() + (f"\nand printed: {printed[-2000:]}" if printed else "")
        return ConnectorError(
            f"{self.target} has not begun the command: its login shell ended before ({told})\n{SHELL_MEND}"
        ).at("shell", SHELL_MEND)

    def way(self) -> dict[str, str]:
        settings = self._link.settings if self._link is not None else settings_for(*self._where, self._options)
        over = ", ".join(settings.jumps) or settings.proxy_command
        name, place = settings.hostname, f"{settings.hostname} port {settings.port}"
        if over:
            return {"connection": f"{place} over {over}", **settings.way()}
        if self._link is not None:
            place = "{} port {}".format(*self._link.transport.getpeername()[:2])
        called = name if name == settings.alias else f"{settings.alias} is {name}"
        return {"name resolution": called, "connection": place, **settings.way()}

    def _connected(self, until: float | None) -> Link:
        with self._making:
            self._check_open()
            if self._link is None or not self._link.alive:
                self._link = connect(*self._where, self._options.until(until))
                if self._closed:
                    self._link.close()
                    self._check_open()
            return self._link

    def _check_open(self) -> None:
        if self._closed:
            raise ConnectorError(f"the connector of {self.target} is closed")
