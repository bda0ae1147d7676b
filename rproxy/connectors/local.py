"""``local://``: a process of this machine, apart from the caller's own interpreter."""

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Sequence
from typing import Any

from ..errors import CallTimeout, ConnectorError
from .base import Completed, PathLike, StreamConnector

#: The end of standard error that a diagnosis tells, in bytes.
_TAIL = 4000
#: How long to wait for an answer without sleeping, in seconds: to wake a sleeping processor takes longer than
#: most calls, and most answers come before. Whoever else wants the processor gets it.
_AWAKE = 1e-4


class LocalConnector(StreamConnector):
    """Runs commands on this machine, each in a session of its own, so that Ctrl-C here is not theirs."""

    target = "local://"
    python = sys.executable

    def run(self, command: str, *, input: bytes = b"", timeout: float | None = None) -> Completed:
        with _start(command, stderr=subprocess.PIPE) as process:
            try:
                out, err = process.communicate(input, timeout)
            except subprocess.TimeoutExpired:
                _kill(process)
                raise CallTimeout(f"a command on {self.target} took longer than {timeout} s") from None
            except BaseException:
                _kill(process)
                raise
        return Completed(out, err, process.returncode)

    def push(self, local: PathLike, remote: str) -> None:
        _copy(os.fspath(local), remote)

    def pull(self, remote: str, local: PathLike) -> None:
        _copy(remote, os.fspath(local))

    def open(self, command: str) -> "LocalStream":
        return LocalStream(command)


class LocalStream:
    """A process of this machine, by its pipes."""

    def __init__(self, command: str) -> None:
        self._errors = tempfile.TemporaryFile()  # a file never makes a writer wait
        self._process = _start(command, stderr=self._errors)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._input = self._process.stdin.fileno()
        self._output = self._process.stdout.fileno()
        self._ready = select.poll()
        self._ready.register(self._output, select.POLLIN)
        # Also for a client that nobody closed: its process ends with it.
        self._ending = weakref.finalize(self, _end, self._process, self._errors)
        self._tail = b""
        _streams.add(self)

    def readinto(self, buffer: memoryview) -> int:
        until = time.perf_counter() + _AWAKE
        while not self._ready.poll(0) and time.perf_counter() < until:
            os.sched_yield()
        return os.readv(self._output, [buffer])

    def write(self, pieces: Sequence[Any]) -> None:
        if len(pieces) == 1 and len(pieces[0]) <= 4096:  # a pipe takes that much at once or not at all
            os.write(self._input, pieces[0])
            return
        views = [memoryview(piece).cast("B") for piece in pieces if len(piece)]
        while views:
            written = os.writev(self._input, views[:1000])
            while views and written >= len(views[0]):
                written -= len(views.pop(0))
            if written:
                views[0] = views[0][written:]

    def close(self) -> None:
        self._keep_tail()
        self._ending()

    def diagnosis(self) -> str:
        try:
            code = self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            return "it still runs, but has closed its output"
        how = f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
        tail = self._keep_tail().decode("utf-8", "replace").strip()
        return f"{how}; it said:\n{tail}" if tail else how

    def _keep_tail(self) -> bytes:
        if not self._errors.closed:
            size = self._errors.seek(0, os.SEEK_END)
            self._errors.seek(max(0, size - _TAIL))
            self._tail = self._errors.read()
        return self._tail


#: A forked child must not hold the pipes of its parent's endpoints, which end when these are closed.
_streams: weakref.WeakSet[LocalStream] = weakref.WeakSet()


def _forked() -> None:
    for stream in _streams:
        stream._ending.detach()
        for pipe in (stream._process.stdin, stream._process.stdout):
            if pipe is not None:
                pipe.close()


os.register_at_fork(after_in_child=_forked)


def _start(command: str, stderr: Any) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            ["/bin/sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
            start_new_session=True, bufsize=0,
        )  # fmt: skip
    except OSError as error:
        raise ConnectorError(f"cannot start a shell on local://: {error}") from error


def _end(process: "subprocess.Popen[bytes]", errors: Any) -> None:
    """Closes a process's pipes, waits for its end, and ends it if that does not come."""
    for pipe in (process.stdin, process.stdout, errors):
        if pipe is not None and not pipe.closed:
            pipe.close()
    try:
        process.wait(timeout=8)  # the endpoint gives its children some seconds
    except subprocess.TimeoutExpired:
        _kill(process)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it has just ended
    process.wait()


def _copy(source: str, target: str) -> None:
    try:
        shutil.copyfile(source, target)
        shutil.copymode(source, target)
    except OSError as error:
        raise ConnectorError(f"cannot copy {source} to {target}: {error}") from error
