"""Guards the protocol's stream from user code, and records what is printed.

Rules: file descriptors 0, 1 and 2 are user code's before any of it runs, so that what Python, C and child
processes print is recorded in the order in which it was written; the protocol has descriptors of its own.
Python's streams pass on each write at once, for the order's sake. Output is sent while the call runs, and
what is left of it before the call's answer.

A thread waits for output, so that no writer waits for a full pipe. Its only limit: C code that prints more
than a pipe holds (1 MiB on Linux) without ever releasing the interpreter's lock would wait for that thread.
"""

import io
import os
import select
import sys
import threading
import time
import types
from typing import Any, Callable, Dict, List

CHUNK = 1 << 20
#: What a pipe of the protocol's holds, in bytes: more is no faster, and a user's pipes have a limit together.
LINE = 1 << 18
#: How long the thread lets output gather, in seconds: short calls send theirs with the answer.
GATHER = 0.002


class Recorder:
    """Takes descriptors 0, 1 and 2 for user code; `emit(stream, data)` is called with what was printed.

    `hung_up` is called when the client is gone: when the other end of descriptor 0 is closed, if the session `lasts`,
    else that of descriptor 1.
    `lock` is held whenever something is emitted; hold it to send an answer after the output.
    """

    def __init__(self, emit: Callable[[int, bytes], None], hung_up: Callable[[], None], lasts: bool) -> None:
        self.lock = threading.Lock()
        self.input = os.dup(0)
        self.output = os.dup(1)
        self.errors = os.dup(2)
        self._clients = [self.input, self.output]
        for pipe in self._clients:
            _resize(pipe, LINE)  # sshd makes small ones, and bulk would wait at each turn
        self._emit = emit
        self._hung_up = hung_up
        self._client = self.input if lasts else self.output
        self._ends: Dict[int, int] = {}  # reading end: stream
        self._ready = select.poll()
        self._modules = 0
        self._flush_c: List[Callable[[], Any]] = []
        for stream in (1, 2):
            self._redirect(stream)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        sys.stdout = sys.__stdout__ = _text(1)  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = _text(2)  # type: ignore[misc]
        self._own = (sys.stdout, sys.stderr)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    def _redirect(self, stream: int) -> None:
        reading, writing = os.pipe()
        _resize(writing, CHUNK)
        os.dup2(writing, stream)
        os.close(writing)
        os.set_blocking(reading, False)
        self._ends[reading] = stream
        self._ready.register(reading, select.POLLIN)

    def _forked(self) -> None:
        """A forked child must not keep the client's connection open, nor write to it; in a child of its own these
        numbers are other files'."""
        while self._clients:
            os.close(self._clients.pop())

    def start(self) -> None:
        threading.Thread(target=self._watch, name="rproxy output", daemon=True).start()

    def _watch(self) -> None:
        waiting = select.poll()
        for reading in self._ends:
            waiting.register(reading, select.POLLIN)
        waiting.register(self._client, 0)  # tells only when the other end is closed
        while True:
            events = waiting.poll()
            for descriptor, _ in events:
                if descriptor == self._client:
                    waiting.unregister(descriptor)
                    self._hung_up()
            time.sleep(GATHER)
            try:
                with self.lock:
                    self.drain()
            except OSError:  # the client is gone; what runs may be waiting for us to make room
                self._hung_up()
                return

    def drain(self) -> None:
        """Emits what has been printed; `lock` must be held."""
        for reading, _ in self._ready.poll(0):
            # Once: a pipe holds no more, and a child that prints without end must not keep an answer back.
            self._emit(self._ends[reading], os.read(reading, CHUNK))

    def flush(self) -> None:
        """Hands on what Python or C still keep in buffers of their own."""
        for stream in (sys.stdout, sys.stderr):
            if stream not in self._own:  # ours have no buffer
                try:
                    stream.flush()
                except BaseException:  # noqa: S112 - user code has closed it, or put something of its own there
                    continue
        if len(sys.modules) != self._modules:
            self._modules = len(sys.modules)
            self._flush_c = _c_flushers()
        for function in self._flush_c:
            function()


def _resize(pipe: int, size: int) -> None:
    """Has a pipe hold so many bytes, if it is one."""
    try:
        import fcntl

        fcntl.fcntl(pipe, 1031, size)  # F_SETPIPE_SZ
    except (ImportError, OSError):
        pass  # not Linux, no pipe, or too much for this user: it stays as it is


def _text(descriptor: int) -> io.TextIOWrapper:
    raw = io.FileIO(descriptor, "w", closefd=False)
    name = "<stdout>" if descriptor == 1 else "<stderr>"
    raw.name = name
    errors = "surrogateescape" if descriptor == 1 else "backslashreplace"
    return io.TextIOWrapper(raw, "utf-8", errors, write_through=True)


def _c_flushers() -> List[Callable[[], Any]]:
    """C's fflush, once something is loaded that can print by it: ctypes, or a module of machine code that
    is not the standard library's. Loading ctypes takes milliseconds that other sessions need not pay."""
    ours = os.path.dirname(os.__file__)
    for name, module in list(sys.modules.items()):
        # Not by getattr: what is in sys.modules may be lazy, or no module at all.
        file = module.__dict__.get("__file__") if type(module) is types.ModuleType else None
        if not isinstance(file, str):
            continue
        standard = file.startswith(ours) and "-packages" not in file
        if name == "ctypes" or (file.endswith((".so", ".dylib")) and not standard):
            break
    else:
        return []
    try:
        import ctypes

        function = ctypes.CDLL(None).fflush
    except (ImportError, OSError, AttributeError):
        return []  # no ctypes in this Python: C's buffers are flushed when they are full
    return [lambda: function(None)]


