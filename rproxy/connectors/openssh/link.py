"""The connection that all commands of a connector share.

Rules: one ssh is the master, by a socket in a private folder, and ends when this process does, however that ends;
the others ride on it and ask nothing. If the user's configuration shares connections itself, theirs is used, and
stays as they want it. Where nothing can be shared, each command connects by itself.
"""

import contextlib
import math
import os
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import IO

from ...errors import ConnectorError
from ..processes import Process, ProcessStream, kill
from . import faults, mux
from .prompts import Ask, Prompts
from .settings import Settings, run_ssh
from .undelayed import Undelayed

#: A Unix socket's path has 104 bytes on some systems, and ssh adds 17 for a moment.
_LONGEST = 104 - 17 - len("/a\0")
#: Runs its words, and ends them when its input ends, which it does with the process that holds the other end.
_TIED = 'exec 3<&0 </dev/null; { cat <&3 >/dev/null; kill $$; } 2>/dev/null & exec 3<&- >/dev/null; exec "$@"'
_STEP = 0.001
#: An ssh that is told to end just before it sleeps sleeps on, until something wakes it; in seconds.
_REMINDER = 0.5


class Link:
    """Connects when it is first needed, and again if the connection was lost meanwhile."""

    def __init__(self, settings: Settings, password: str | None, ask: Ask | None) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._folder = private_folder()
        self._removal = weakref.finalize(self, _remove, self._folder, os.getpid())
        self._prompts = Prompts(self._folder, password, ask, settings.hosts)
        self._path = os.path.join(self._folder, "c")
        self._master: Process | None = None
        self._undelayed: Undelayed | None = None  # until the first session runs
        self._server: threading.Thread | None = None
        self._closed = False
        found = settings.found
        #: Whether the user's configuration keeps a connection for later commands, and makes it.
        self._persists = found.get("controlmaster") not in (None, "false", "no") and found.get("controlpersist") != "no"
        self._mode = self._choose()

    def command(self, text: str, timeout: float = math.inf) -> tuple[list[str], dict[str, str] | None]:
        """The words and the environment of an ssh that runs a command, connected. Raises ConnectorError, also if the
        host lets that many seconds go by without a word."""
        try:
            return self._command(text, timeout)
        finally:
            self._settle()

    def _command(self, text: str, timeout: float = math.inf) -> tuple[list[str], dict[str, str] | None]:
        settings, environment = self._settings, None
        with self._turn(timeout):
            self._check_open()
            if self._mode == "user" and not self._users_is_alive():
                self._wake_users(timeout)
            if self._mode == "own":
                self._connect(timeout)
            if self._mode == "own":
                more = ["-S", self._path, "-o", "ControlMaster=no", "-o", "BatchMode=yes"]
            elif self._mode == "user":
                more = ["-o", "ControlMaster=no", "-o", "BatchMode=yes"]
            else:
                more, environment = [], self._prompts.environment()
                self._serve()
        return [*settings.words(*more), "--", settings.host, text], environment

    def open(self, text: str, told: Callable[[int, str], str]) -> ProcessStream:
        """A command that stays connected. Raises ConnectorError."""
        words, environment = self._command(text)
        session = self._begin(text)
        if session is not None:
            return mux.MuxStream(session, told)
        return ProcessStream(words, f"ssh://{self._settings.target}", environment, told)

    def feed(self, text: str, source: IO[bytes], told: Callable[[int, str], str]) -> ProcessStream | None:
        """A command that reads a file of ours; None if the connection cannot do that. Raises ConnectorError."""
        session = self.begin(text, source)
        return None if session is None else mux.MuxStream(session, told)

    def begin(self, text: str, source: IO[bytes] | None = None, result: IO[bytes] | None = None) -> mux.Session | None:
        """As `mux.begin`, on a connection that is there. Raises ConnectorError."""
        self._command(text)
        return self._begin(text, source, result)

    def _begin(self, text: str, source: IO[bytes] | None = None, result: IO[bytes] | None = None) -> mux.Session | None:
        settings, undelayed = self._settings, self._undelayed
        agent = settings.agent_for_mux
        try:
            if self._mode != "own" or agent is None:
                return None
            hurry = None if undelayed is None else undelayed.hurry
            return mux.begin(self._path, text, settings.sent_environment(), agent, source, result, hurry)
        finally:
            self._settle()

    def _settle(self) -> None:
        """Leaves the connection to its ssh, which does not delay what sessions send."""
        undelayed, self._undelayed = self._undelayed, None
        if undelayed is not None:
            undelayed.close()

    def is_lost(self) -> bool:
        """Whether the connection, not a command, has come to its end."""
        if self._mode != "own" or self._master is None:
            return False
        with contextlib.suppress(Exception):
            self._master.popen.wait(timeout=1)
        return self._master.popen.poll() is not None

    def said(self) -> str:
        """What the shared connection has said on its standard error."""
        return self._master.tail() if self._master is not None else ""

    def renew(self) -> None:
        """Ends the shared connection at once; the next command makes another."""
        if self._master is not None:
            kill(self._master.popen)

    def failure(self, said: str) -> ConnectorError:
        return faults.failure(self._settings, said, self._prompts.refused)

    def close(self) -> None:
        self._closed = True  # whoever is connecting finds it
        with self._lock:
            if self._master is not None:
                self._master.close()
            self._prompts.close()
            self._removal()

    def _check_open(self) -> None:
        if self._closed:
            raise ConnectorError(f"the connector of ssh://{self._settings.target} is closed")

    @contextlib.contextmanager
    def _turn(self, timeout: float) -> Iterator[None]:
        """Waits, but not for longer, while another command connects."""
        if not self._lock.acquire(timeout=-1 if timeout == math.inf else timeout):
            raise faults.silent(self._settings, timeout)
        try:
            yield
        finally:
            self._lock.release()

    # -- modes -----------------------------------------------------------------------------------------

    def _choose(self) -> str:
        if self._settings.found.get("controlpath", "none") == "none":
            return "none" if self._settings.wants_no_sharing else "own"
        return "user" if self._persists or self._users_is_alive() else "own"

    def _users_is_alive(self) -> bool:
        # To one that is a master by its configuration, -O means nothing: it would log in.
        words = [*self._settings.words("-o", "ControlMaster=no", "-O", "check"), "--", self._settings.host]
        return run_ssh(words, f"ssh://{self._settings.target}").returncode == 0

    def _wake_users(self, timeout: float) -> None:
        """Lets the user's own configuration make the connection that its commands share, if it keeps that."""
        if not self._persists:
            self._mode = "own"
            return
        settings = self._settings
        process = Process(
            [*settings.words(), "--", settings.host, "true"], settings.target, self._prompts.environment()
        )
        until = time.monotonic() + timeout
        with self._answering(process):
            while process.popen.poll() is None:
                until = self._answer(process, until, timeout)
            if process.popen.returncode == faults.FAILED:
                raise self.failure(process.tail())
        process.close()

    def _connect(self, timeout: float) -> None:
        """Starts the master, unless it is there."""
        if self._master is not None and self._master.popen.poll() is None:
            return
        if self._master is not None:
            self._master.close()
        settings = self._settings
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
        words = settings.words("-M", "-N", "-S", self._path, "-o", "ControlPersist=no")
        command = ["/bin/sh", "-c", _TIED, "sh", *words, "--", settings.host]
        process = Process(command, settings.target, self._prompts.environment(), _REMINDER)
        self._undelayed = undelayed = Undelayed(process.popen.pid)
        until = time.monotonic() + timeout
        with self._answering(process):
            while not os.path.exists(self._path):
                undelayed.hurry()
                if process.popen.poll() is not None:
                    said = process.tail()
                    if "unix_listener" in said or "ControlPath" in said:
                        self._mode = "none"  # a file system without sockets
                        break
                    raise self.failure(said)
                until = self._answer(process, until, timeout)
        self._master = process

    @contextlib.contextmanager
    def _answering(self, process: Process) -> Iterator[None]:
        self._prompts.refused = ""
        try:
            yield
        except BaseException:
            self._settle()
            process.close()
            raise

    def _answer(self, process: Process, until: float, timeout: float) -> float:
        """Answers what ssh asks, if anything, and returns until when it may be silent. Raises ConnectorError."""
        asked = self._prompts.serve(_STEP, process.close)
        if self._prompts.refused:  # to go on would be to guess
            raise faults.unanswered(self._settings, self._prompts.refused)
        self._check_open()
        if asked:  # which may have taken long here
            return time.monotonic() + timeout
        if time.monotonic() > until:
            raise faults.silent(self._settings, timeout)
        return until

    def _serve(self) -> None:
        """Answers what commands ask that share nothing."""
        if self._server is None:
            self._server = threading.Thread(target=_serve_all, args=(weakref.ref(self),), daemon=True)
            self._server.start()


def _serve_all(link: "weakref.ref[Link]") -> None:
    while (found := link()) is not None and not found._closed:
        with contextlib.suppress(OSError, ValueError):  # closed meanwhile
            found._prompts.serve(0.2)
        del found


def private_folder() -> str:
    """A folder of this user only, for sockets and a program. Raises ConnectorError."""
    tried = dict.fromkeys(filter(None, (tempfile.gettempdir(), os.environ.get("XDG_RUNTIME_DIR"), "/tmp")))
    for place in tried:
        if len(os.fsencode(place)) + len("/rproxy-12345678") > _LONGEST:
            continue
        try:
            folder = tempfile.mkdtemp(prefix="rproxy-", dir=place)
        except OSError:
            continue
        program = os.path.join(folder, "askpass")
        with open(program, "w", opener=lambda path, flags: os.open(path, flags, 0o700)):
            pass
        if os.access(program, os.X_OK):  # not where programs cannot run
            return folder
        shutil.rmtree(folder)
    raise ConnectorError(
        f"found no folder for ssh's sockets and prompts, tried {', '.join(tried)}: set TMPDIR to a folder with a short "
        "name that can be written to and is not mounted noexec"
    )


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:  # not at the end of a forked child
        shutil.rmtree(folder, ignore_errors=True)
