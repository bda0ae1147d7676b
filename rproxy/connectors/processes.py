"""Processes of this machine, for connectors that work by a program.

Rules: each has a session of its own, so that Ctrl-C here is not theirs; whatever becomes of its owner, its pipes
are closed, which is how it learns of the end; a forked child does not keep them open.
"""

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from ..errors import CallTimeout, ConnectorError
from .awake import AWAKE, Vigil
from .base import Completed, Silence

#: The end of standard error that a diagnosis tells, in bytes.
_TAIL = 4000
#: From this size on a buffer is for bulk, in bytes.
_BULK = 1 << 20
#: What the pipes hold, in bytes: more is no faster, and a user's pipes have a limit together.
_PIPE = 1 << 18
#: How long a process may take to end once its input has, in seconds: the endpoint gives its children some.
PATIENCE = 8.0
#: Standard error that has not changed for so long is whole, in seconds.
_SETTLING = 0.1

Arguments = Sequence[str]
Environment = Mapping[str, str] | None


def run(
    arguments: Arguments, target: str, *, input: bytes, timeout: float | None, environment: Environment = None
) -> Completed:
    """Runs a program to its end. Raises ConnectorError, CallTimeout; `target` is what they call the host."""
    with _popen(arguments, target, subprocess.PIPE, environment) as process:
        try:
            out, err = process.communicate(input, timeout)
        except subprocess.TimeoutExpired:
            kill(process)
            raise CallTimeout(f"a command on {target} took longer than {timeout} s") from None
        except BaseException:
            kill(process)
            raise
    return Completed(out, err, process.returncode)


class Process:
    """A program that runs until its owner closes it, or is gone. Raises ConnectorError.

    One that may not notice the end of its input gets SIGTERM every `reminder` seconds after that.
    """

    def __init__(
        self, arguments: Arguments, target: str, environment: Environment = None, reminder: float = PATIENCE
    ) -> None:
        self._errors = temporary_file()  # a file never makes a writer wait
        try:
            self.popen = _popen(arguments, target, self._errors, environment)
        except BaseException:
            self._errors.close()
            raise
        self._tail = b""
        # Also for an owner that nobody closed: its process ends with it.
        self._ending = weakref.finalize(self, _end, self.popen, self._errors, reminder)
        watch_forks(self)

    def close(self) -> None:
        self._tail = self._ending() or self._tail

    def tail(self) -> str:
        """The end of what it has said on standard error, stripped."""
        self._tail = tail_of(self._errors, self._tail)
        return self._tail.decode("utf-8", "replace").strip()

    def forget(self) -> None:
        """In a forked child: the process is the parent's."""
        self._ending.detach()
        for pipe in (self.popen.stdin, self.popen.stdout):
            if pipe is not None:
                pipe.close()


class ProcessStream:
    """A process's standard input and output as a stream.

    `told`, if given, makes the diagnosis of the exit code (negative: the signal) and of what was said.
    """

    def __init__(
        self,
        arguments: Arguments,
        target: str,
        environment: Environment = None,
        told: Callable[[int, str], str] | None = None,
    ) -> None:
        self._use(Process(arguments, target, environment), told)

    def _use(self, process: Any, told: Callable[[int, str], str] | None) -> None:
        """Takes the pipes of a process, or of what is like one; where that has its input otherwise, there is one."""
        self._process = process
        self._told = told or describe_end
        popen = process.popen
        assert popen.stdout is not None
        self._input = -1 if popen.stdin is None else popen.stdin.fileno()
        self._output = popen.stdout.fileno()
        for pipe in {self._input, self._output} - {-1}:
            with contextlib.suppress(AttributeError, OSError):  # not on Linux, or beyond the user's share
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)
        self._ready = select.poll()
        self._ready.register(self._output, select.POLLIN)
        self._vigil = Vigil()
        self._silence: float | None = None  # in milliseconds
        self.moved = 0

    def watch_silence(self, seconds: float) -> None:
        self._silence = seconds * 1000

    def abort(self) -> None:
        kill(self._process.popen)

    def ready(self, timeout: float) -> bool:
        """Whether there is something to read, or the end has come, within that many seconds."""
        return self._vigil.keep(self._came, min(AWAKE, timeout)) or bool(self._ready.poll(timeout * 1000))

    def _came(self) -> object:
        return self._ready.poll(0)

    def readinto(self, buffer: memoryview) -> int:
        # Who wants much waits asleep: the processor is for those who bring it.
        awake = AWAKE if len(buffer) < _BULK else 0
        if not self._vigil.keep(self._came, awake) and not self._ready.poll(self._silence):
            raise Silence
        return os.readv(self._output, [buffer])

    def write(self, pieces: Sequence[Any]) -> None:
        if len(pieces) == 1 and len(pieces[0]) <= 4096:  # a pipe takes that much at once or not at all
            os.write(self._input, pieces[0])
            return
        views = [memoryview(piece).cast("B") for piece in pieces if len(piece)]
        while views:
            # A whole view would be written as one, however long that takes.
            some = views[:1000] if len(views[0]) < _BULK else [views[0][:_BULK]]
            written = os.writev(self._input, some)
            self.moved += 1
            while views and written >= len(views[0]):
                written -= len(views.pop(0))
            if written:
                views[0] = views[0][written:]

    def end_input(self) -> None:
        """Ends the process's input; its output can still be read."""
        assert self._process.popen.stdin is not None
        self._process.popen.stdin.close()
        self._input = -1  # the number may soon be another file's

    if hasattr(os, "splice"):  # Linux: no byte comes into this process

        def send_file(self, file: IO[bytes], count: int) -> int:
            return os.splice(file.fileno(), self._input, count)

        def receive_file(self, file: IO[bytes], count: int) -> int:
            return os.splice(self._output, file.fileno(), count)

    def close(self) -> None:
        self._process.close()

    def diagnosis(self) -> str:
        try:
            return self._told(*self.end())
        except subprocess.TimeoutExpired:
            return "it still runs, but has closed its output"

    def end(self) -> tuple[int, str]:
        """Its exit code (negative: the signal), and what it said at the end. Raises TimeoutExpired if it runs on."""
        code: int = self._process.popen.wait(timeout=2)
        said, before = self._process.tail(), None
        while said != before:  # what came over a shared connection may be written a moment after this process's end
            time.sleep(_SETTLING)
            said, before = self._process.tail(), said
        return code, said


def describe_end(code: int, said: str) -> str:
    how = f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
    return f"{how}; it said:\n{said}" if said else how


#: A forked child must not hold the pipes of its parent's processes, which end when these are closed.
_alive: weakref.WeakSet[Any] = weakref.WeakSet()


def watch_forks(process: Any) -> None:
    """Has a process, or what is like one, forget itself in forked children."""
    _alive.add(process)


def tail_of(file: Any, before: bytes) -> bytes:
    """The end of a file that others write to; what it was before, if it is closed."""
    try:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL))
        found: bytes = file.read()
    except ValueError:  # it is closed, perhaps by another thread since a moment ago
        return before
    return found


def _forked() -> None:
    for process in _alive:
        process.forget()


os.register_at_fork(after_in_child=_forked)


def _popen(
    arguments: Arguments, target: str, stderr: Any, environment: Environment = None
) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, env=environment,
            start_new_session=True, bufsize=0,
        )  # fmt: skip
    except OSError as error:
        raise ConnectorError(f"cannot start {arguments[0]} for {target}: {error}") from error


def temporary_file() -> Any:
    """A file without a name."""
    try:
        return open(os.memfd_create("rproxy"), "w+b")
    except (AttributeError, OSError):  # not Linux
        import tempfile

        return tempfile.TemporaryFile()


def _end(process: "subprocess.Popen[bytes]", errors: Any, reminder: float) -> bytes:
    """Closes a process's pipes, waits for its end, and ends it if that does not come. Returns the last that it said."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None and not pipe.closed:
            pipe.close()
    until = time.monotonic() + PATIENCE
    while process.returncode is None:
        try:
            process.wait(timeout=reminder)
        except subprocess.TimeoutExpired:
            if time.monotonic() < until:
                process.terminate()
            else:
                kill(process)
    said = tail_of(errors, b"")
    errors.close()
    return said


def kill(process: "subprocess.Popen[bytes]") -> None:
    """Ends a process and what it started in its session, and waits for it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it has just ended
    process.wait()
