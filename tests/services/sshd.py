"""A real sshd on a free port of 127.0.0.1, for tests and measurements.

Rules: its configuration, host keys, and the home of its logins are its own; it uses no PAM, and changes nothing
of this machine; it ends with the process that started it, however that ends; what it logs can be read.
"""

import getpass
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from .ssh_keys import Keys

HOST = "127.0.0.1"
ENOUGH = 20.0  # seconds; nothing here takes one


class Missing(Exception):
    """A program is not here; the text says what to install."""


def program(name: str, package: str) -> str:
    """The path of a program. Raises Missing."""
    path = shutil.which(name, path=os.pathsep.join([*os.get_exec_path(), "/usr/sbin", "/sbin"]))
    if path is None:
        raise Missing(f"install {package}, which has {name}")
    return path


class Sshd:
    """A running server.

    Args:
        folder: an empty folder for its files; its logins' home is `home` in it, if no other is given.
        keys: who may log in, and who it is.
        settings: lines of sshd_config, which go before all others, so that they hold.
        shell: the login shell, a path, instead of the account's.
        environment: variables of every login, besides HOME; None for HOME leaves the account's.
        host_key: the name of the key that it is known by.
        user: who logs in; the user who runs this if not given.
    """

    def __init__(
        self,
        folder: Path,
        keys: Keys,
        *,
        settings: tuple[str, ...] = (),
        shell: str | None = None,
        environment: dict[str, str | None] | None = None,
        host_key: str = "host",
        user: str | None = None,
        port: int | None = None,
    ) -> None:
        self.folder, self.keys, self.host_key = folder, keys, host_key
        self.user = user or getpass.getuser()
        self.host = HOST
        self.home = folder / "home"
        self.home.mkdir(exist_ok=True)
        self._log = folder / "log"
        self._given = port
        if shell is not None:
            # The words of sshd's own call: SHELL -c COMMAND, or SHELL alone.
            settings = (f'ForceCommand exec {shlex.quote(shell)} -c "$SSH_ORIGINAL_COMMAND"', *settings)
        variables = {"HOME": str(self.home), **(environment or {})}
        self._settings = [*settings, *self._base(variables)]
        (folder / "authorized_keys").write_text("".join(f"{keys.public(name)}\n" for name in ("user", "locked")))
        self.known_hosts = str(folder / "known_hosts")
        self._start()

    def _base(self, variables: dict[str, str | None]) -> list[str]:
        quoted = " ".join(f'"{name}={value}"' for name, value in variables.items() if value is not None)
        return [
            f"HostKey {self.keys[self.host_key]}",
            f'AuthorizedKeysFile "{self.folder}/authorized_keys"',
            f"SetEnv {quoted}",
            "PermitRootLogin yes",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "UsePAM no",
            "StrictModes no",  # the folders above these are the machine's
            "UseDNS no",
            "PidFile none",
            "PrintMotd no",
            "LogLevel VERBOSE",
            "MaxStartups 200",
            "Subsystem sftp internal-sftp",
        ]

    def _start(self) -> None:
        server = program("sshd", "openssh-server")
        if os.getuid() == 0:
            os.makedirs("/run/sshd", 0o755, exist_ok=True)  # sshd of root refuses to start without it
        configuration = self.folder / "sshd_config"
        for _ in range(5):  # the port may be taken again meanwhile
            self.port = self._given or free_port()
            lines = [f"Port {self.port}", f"ListenAddress {HOST}", *self._settings]
            configuration.write_text("\n".join(lines) + "\n")
            ends_with_us = [program("setpriv", "util-linux"), "--pdeathsig", "KILL"]
            command = [*ends_with_us, server, "-D", "-e", "-f", str(configuration)]
            self._before = len(self.log()) if self._log.exists() else 0
            with self._log.open("ab") as log:
                self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            if self._listens():
                break
        else:
            raise RuntimeError(f"sshd does not start:\n{self.log()}")
        name = f"[{HOST}]:{self.port}"
        Path(self.known_hosts).write_text(f"{name} {self.keys.bare(self.host_key)}\n")

    def _listens(self) -> bool:
        until = time.monotonic() + ENOUGH
        while time.monotonic() < until and self.process.poll() is None:
            if f"Server listening on {HOST} port {self.port}." in self.log()[self._before :]:
                return True
            time.sleep(0.01)
        self.process.kill()
        self.process.wait()
        return False

    # -- what a client needs ---------------------------------------------------------------------------

    @property
    def address(self) -> str:
        """user@host:port"""
        return f"{self.user}@{self.host}:{self.port}"

    @property
    def known_name(self) -> str:
        """How known_hosts calls it."""
        return f"[{self.host}]:{self.port}"

    def host_lines(self, name: str, *more: str) -> str:
        """A section of an ssh_config that calls it by a name."""
        lines = [
            f"Host {name}", f"HostName {self.host}", f"Port {self.port}", f"User {self.user}",
            f"UserKnownHostsFile {self.known_hosts}", f"IdentityFile {self.keys['user']}", "IdentitiesOnly yes", *more,
        ]  # fmt: skip
        return "\n  ".join(lines) + "\n"

    # -- what a test looks at, and breaks --------------------------------------------------------------

    def log(self) -> str:
        return self._log.read_text("utf-8", "replace")

    def logins(self) -> int:
        """How many connections have logged in so far."""
        return len(re.findall(r"^Accepted \S+ for ", self.log(), re.MULTILINE))

    def sessions(self) -> list[int]:
        """The processes of this server's connections and all below them, oldest first."""
        return descendants(self.process.pid)

    def cut(self) -> None:
        """Kills the server's side of every connection; what runs below is not touched, as when a host's sshd
        dies."""
        for pid in self.sessions():
            if command_of(pid).startswith("sshd"):
                kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """Ends the server and all that it has started."""
        below = self.sessions()
        self.process.kill()
        self.process.wait()
        for pid in below:
            kill(pid, signal.SIGKILL)

    def start_again(self) -> None:
        """Starts the server that was closed, at the same port; it ends with the thread that calls this."""
        self._given = self.port
        self._start()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return listener.getsockname()[1]


def wait_for(condition: Callable[[], object], within: float = ENOUGH) -> None:
    """Waits until something holds; an assertion if it never does."""
    until = time.monotonic() + within
    while not condition():
        assert time.monotonic() < until, f"it does not come to hold within {within} s"
        time.sleep(0.01)


def kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass  # it has just ended


def command_of(pid: int) -> str:
    """The name of a process's program, or "" once it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def descendants(pid: int) -> list[int]:
    """The processes below a process, parents first."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = Path(f"/proc/{name}/stat").read_text().rpartition(") ")[2].split()
        except OSError:
            continue  # it has just ended
        if fields[0] != "Z":
            children.setdefault(int(fields[1]), []).append(int(name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = sorted(children.get(waiting.pop(0), []))
        found += below
        waiting += below
    return found
