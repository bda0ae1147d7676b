"""Commands on a shared connection without an ssh of their own: the connection's ssh is asked itself.

Rules: it is asked in the words of OpenSSH's PROTOCOL.mux, version 4, by its socket, and gets the ends of our pipes;
whatever it refuses is for an ssh of its own, which knows why. The command ends with this process, since the socket
does.
"""

import array
import contextlib
import os
import select
import socket
import struct
import subprocess
import time
import weakref
from collections.abc import Callable, Sequence
from typing import IO, Any

from .. import processes
from . import faults

_VERSION = 4
_HELLO, _NEW_SESSION = 0x00000001, 0x10000002
_EXIT_CODE, _OPENED = 0x80000004, 0x80000006
_NO_ESCAPE = 0xFFFFFFFF
#: How long the connection's ssh may take to answer at all, in seconds: a host's session may take long to begin.
_ANSWER = 60.0
#: How often to hurry, in milliseconds.
_STEP = 1


class Session:
    """A running command; in `processes` it stands where a process does. What is a file of ours has no pipe."""

    def __init__(self, control: "_Control", stdin: int | None, stdout: int | None, errors: Any) -> None:
        self._control, self._errors = control, errors
        self.stdin = None if stdin is None else os.fdopen(stdin, "wb", 0)
        self.stdout = None if stdout is None else os.fdopen(stdout, "rb", 0)
        self._tail = b""
        self._pipes: list[Any] = [pipe for pipe in (self.stdin, self.stdout) if pipe is not None]
        # A file goes on to be read or written whatever becomes of our pipes: who has not waited for that gives it up.
        patience = processes.PATIENCE if len(self._pipes) == 2 else 0.0
        self._ending = weakref.finalize(self, _end, control, errors, patience, *self._pipes)
        processes.watch_forks(self)

    @property
    def popen(self) -> "Session":
        return self

    def wait(self, timeout: float) -> int:
        return self._control.exit_code(timeout)

    def tail(self) -> str:
        self._tail = processes.tail_of(self._errors, self._tail)
        return self._tail.decode("utf-8", "replace").strip()

    def close(self) -> None:
        self._tail = self._ending() or self._tail

    def leave(self) -> None:
        """Gives the command up at once: the connection's ssh then closes our pipes, whatever the host does."""
        self._control.shut()

    def forget(self) -> None:
        """In a forked child: the command is the parent's."""
        self._ending.detach()
        for owned in (*self._pipes, self._control):
            owned.close()


class MuxStream(processes.ProcessStream):
    """A command's input and output."""

    def __init__(self, session: Session, told: Callable[[int, str], str]) -> None:
        self._use(session, told)
        self._session = session

    def abort(self) -> None:
        self._session.leave()


def begin(
    path: str,
    command: str,
    environment: Sequence[str],
    agent: bool,
    source: IO[bytes] | None = None,
    result: IO[bytes] | None = None,
    hurry: Callable[[], bool] | None = None,
) -> Session | None:
    """Has the ssh that listens at a path run a command; None if it does not.

    Its input is all of the file `source`, if that is given, and its output goes to the file `result`; else they are
    pipes. While it begins `hurry` is called every millisecond, as long as that returns True.
    """
    errors = processes.temporary_file()
    with contextlib.ExitStack() as far, contextlib.ExitStack() as near:
        near.callback(errors.close)
        stdin, stdout = None, None
        if source is None:
            far_input, stdin = _pipe(far, near)
        if result is None:
            stdout, far_output = _pipe(near, far)
        files = (
            far_input if source is None else source.fileno(),
            far_output if result is None else result.fileno(),
            errors.fileno(),
        )
        try:
            control = _Control(path)
            near.callback(control.close)
            control.ask(command, environment, agent, files, hurry)
        except (OSError, ValueError, struct.error):
            return None
        near.pop_all()
        return Session(control, stdin, stdout, errors)


def _pipe(reading: contextlib.ExitStack, writing: contextlib.ExitStack) -> tuple[int, int]:
    """A pipe, whose ends are closed with those stacks."""
    ends = os.pipe()
    for stack, end in zip((reading, writing), ends, strict=True):
        stack.callback(os.close, end)
    return ends


class _Control:
    """The conversation with the connection's ssh about one command."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._code: int | None = None
        self._over = False
        try:
            self._socket.connect(path)
        except BaseException:
            self._socket.close()
            raise

    def ask(
        self, command: str, environment: Sequence[str], agent: bool, descriptors: tuple[int, ...],
        hurry: Callable[[], bool] | None,
    ) -> None:  # fmt: skip
        """Returns when the command is on its way. Raises OSError or ValueError where it is refused."""
        self._send(struct.pack(">II", _HELLO, _VERSION))
        numbers = struct.pack(">6I", 0, 0, 0, int(agent), 0, _NO_ESCAPE)  # "", terminal, X11, agent, subsystem
        texts = b"".join(struct.pack(">I", len(text)) + text for text in map(os.fsencode, ("", command, *environment)))
        self._send(struct.pack(">II", _NEW_SESSION, 0) + numbers + texts)
        for descriptor in descriptors:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))]
            self._socket.sendmsg([b"\0"], rights)
        until = time.monotonic() + _ANSWER
        kind, rest = self._receive(until)
        if (kind, rest[:4]) != (_HELLO, struct.pack(">I", _VERSION)):
            raise ValueError
        ready = select.poll()
        ready.register(self._socket, select.POLLIN)
        while hurry is not None and hurry() and not ready.poll(_STEP):
            pass
        kind, rest = self._receive(until)
        if kind != _OPENED:
            raise ValueError

    def exit_code(self, timeout: float) -> int:
        """The command's, once all is here that it has said; that of an ssh which failed, if the connection has ended.

        Raises TimeoutExpired.
        """
        until = time.monotonic() + timeout
        while not self._over:
            try:
                kind, rest = self._receive(until)
            except TimeoutError:
                if self._code is None:
                    raise subprocess.TimeoutExpired("ssh", timeout) from None
                return self._code
            except OSError:
                self._over = True
            else:
                if kind == _EXIT_CODE:
                    self._code = struct.unpack(">I", rest[4:8])[0]
        return faults.FAILED if self._code is None else self._code

    def shut(self) -> None:
        with contextlib.suppress(OSError):  # it is closed already
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._socket.close()

    def _send(self, message: bytes) -> None:
        self._socket.sendall(struct.pack(">I", len(message)) + message)

    def _receive(self, until: float) -> tuple[int, bytes]:
        """The next message. Raises OSError at the end."""
        size = struct.unpack(">I", self._exactly(4, until))[0]
        message = self._exactly(size, until)
        return struct.unpack(">I", message[:4])[0], message[4:]

    def _exactly(self, size: int, until: float) -> bytes:
        data = b""
        while len(data) < size:
            self._socket.settimeout(max(until - time.monotonic(), 0.001))
            more = self._socket.recv(size - len(data))
            if not more:
                raise ConnectionResetError
            data += more
        return data


def _end(control: _Control, errors: Any, patience: float, *pipes: Any) -> bytes:
    """Closes a command's pipes, waits for its end, and leaves it if that does not come: its host hears of that.

    Returns the last that it has said.
    """
    for pipe in pipes:
        pipe.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        control.exit_code(patience)
    control.close()
    said = processes.tail_of(errors, b"")
    errors.close()
    return said
