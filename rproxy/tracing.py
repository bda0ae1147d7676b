"""What travels, message by message: to the logger `rproxy.channel`, and to the file that RPROXY_TRACE names.

Rules: only a client whose messages somebody wants to see has a `WatchedPeer`; sizes, kinds, times and the names of
calls are told, and never values; the file is at each moment what can be read after a crash.
"""

import atexit
import contextlib
import fcntl
import functools
import heapq
import json
import os
import threading
import time
import types
from typing import Any, NamedTuple

from rproxy_endpoint.protocol.frames import Ahead, Frame
from rproxy_endpoint.protocol.messages import ANSWERS, CANCEL, CLASSES, PING, PONG, REQUESTS, WITHIN
from rproxy_endpoint.protocol.peer import Packed, Peer

from . import log
from .errors import RProxyError
from .joining import JoiningPeer

#: Kind -> its name.
_NAMES = {CANCEL: "Cancel", PING: "Ping", PONG: "Pong"} | {kind: cls.__name__ for kind, cls in CLASSES.items()}
#: The rows of what the far side asks for are below those of what it is asked.
_BELOW = 1000


class _Named(tuple[Any, ...]):
    """A packed message that knows what it is about."""

    name: str


class WatchedPeer(JoiningPeer):
    """A peer whose messages are watched."""

    def __init__(self, role: str, side: Any, watch: "Watch") -> None:
        super().__init__(role, side)
        self._watch = watch

    def pack(self, message: Any, ahead: Ahead = None) -> Packed:
        packed = _Named(super().pack(message, ahead))
        packed.name = name_of(message)
        return packed

    def seal(self, packed: Packed, call: int = 0) -> Any:
        pieces = super().seal(packed, call)
        size = sum(memoryview(piece).nbytes for piece in pieces)
        self._watch.message(self, "to", packed[0], call, size, getattr(packed, "name", ""))
        return pieces

    def bare(self, kind: int, call: int = 0) -> Any:
        piece = super().bare(kind, call)
        if kind != WITHIN:  # a part of the request that comes after it
            self._watch.message(self, "to", kind, call, len(piece), "")
        return piece

    def received(self, count: int) -> list[Frame]:
        return self._seen(super().received(count))

    def feed(self, data: Any) -> list[Frame]:
        return self._seen(super().feed(data))

    def _seen(self, frames: list[Frame]) -> list[Frame]:
        for frame in frames:
            size = len(frame.body) + sum(map(len, frame.buffers))
            self._watch.message(self, "from", frame.kind, frame.call, size, "")
        return frames


class _Rows:
    """The lines of a picture: each request has the first that is free, for as long as it has no answer."""

    def __init__(self, first: int) -> None:
        self._next = first
        self._free: list[int] = []

    def take(self) -> int:
        if self._free:
            return heapq.heappop(self._free)
        self._next += 1
        return self._next - 1

    def give_back(self, row: int) -> None:
        heapq.heappush(self._free, row)


class _Request(NamedTuple):
    name: str
    row: int
    begin: float


class Watch:
    """One client's messages."""

    def __init__(self, target: str, trace: "ChromeTrace | None") -> None:
        self._target = target
        self._trace = trace
        self._process = trace.process(target) if trace is not None else 0
        self._lock = threading.Lock()
        self._rows = {"to": _Rows(0), "from": _Rows(_BELOW)}
        self._open: dict[tuple[int, str, int], _Request] = {}  # by the peer, who is asked, and the number

    def peer(self, side: Any) -> Peer:
        return WatchedPeer("client", side, self)

    def message(self, peer: Peer, way: str, kind: int, call: int, size: int, name: str) -> None:
        """One message `to` or `from` the far side; `size` is in bytes."""
        now, told = time.perf_counter(), _NAMES.get(kind, f"kind {kind}")
        if kind in REQUESTS:
            self._asked((id(peer), way, call), f"{told} {name}".rstrip(), size, now)
        elif kind in ANSWERS:
            self._answered((id(peer), "from" if way == "to" else "to", call), told, size, now)
        else:
            of = f" of number {call}" if call else ""
            log.debug("channel", "%s %s: %s%s, %d bytes", way, self._target, told, of, size)
            if self._trace is not None:
                request = self._open.get((id(peer), "to", call))
                row = request.row if request is not None else 0
                self._trace.event("i", self._process, row, now, name=told, s="t", args={"bytes": size})

    def _asked(self, key: tuple[int, str, int], name: str, size: int, now: float) -> None:
        _, way, call = key
        log.debug("channel", "%s %s: %s, number %d, %d bytes", way, self._target, name, call, size)
        with self._lock:
            row = self._rows[way].take()
            self._open[key] = _Request(name, row, now)
        if self._trace is not None:
            self._trace.event("B", self._process, row, now, name=name, args={"number": call, "bytes": size})

    def _answered(self, key: tuple[int, str, int], told: str, size: int, now: float) -> None:
        _, asked, call = key
        with self._lock:
            request = self._open.pop(key, None)
            if request is None:
                return  # of a request that was taken back
            self._rows[asked].give_back(request.row)
        way, took = "from" if asked == "to" else "to", (now - request.begin) * 1e3
        text = "%s %s: %s to %s, number %d, %d bytes, after %.3f ms"
        log.debug("channel", text, way, self._target, told, request.name, call, size, took)
        if self._trace is not None:
            args = {"answer": told, "answer bytes": size}
            self._trace.event("E", self._process, request.row, now, args=args)


class ChromeTrace:
    """A file in Chrome's trace format: a JSON array, which may lack its end."""

    def __init__(self, path: str) -> None:
        self._file = _claimed(path)
        self._offset = time.time() - time.perf_counter()
        self._processes = 0
        self._separator = "[\n"
        self._ended = False
        self._owner = os.getpid()
        self._lock = threading.Lock()

    def process(self, name: str) -> int:
        """The number of a group of rows: a client's."""
        with self._lock:
            self._processes += 1
            number = os.getpid() * 1000 + self._processes
        self.event("M", number, 0, time.perf_counter(), name="process_name", args={"name": name})
        return number

    def event(self, phase: str, process: int, row: int, when: float, **fields: Any) -> None:
        """Writes an event; `when` is a `time.perf_counter()`, `row` the line of the picture that it is in."""
        told = {"ph": phase, "pid": process, "tid": row, "ts": round((when + self._offset) * 1e6, 1), **fields}
        line = json.dumps(told)
        with self._lock:
            # Whole at each moment: one write an event, and the comma ahead of it.
            if not self._ended:
                os.write(self._file, (self._separator + line).encode())
                self._separator = ",\n"

    def end(self) -> None:
        with self._lock:
            if not self._ended and os.getpid() == self._owner:
                self._ended = True
                os.write(self._file, b"\n]\n")


def _claimed(path: str) -> int:
    """The file that a path names, or else, where another process writes to that, the one with this one's number."""
    for name in (path, f"{path}.{os.getpid()}"):
        try:
            file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise RProxyError(f"{log.TRACE}={path} cannot be written: {error}") from error
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(file, 0)
            return file
        os.close(file)
    raise RProxyError(f"{log.TRACE}={path} is being written to by other processes")


@functools.lru_cache(maxsize=10)
def _trace(path: str, owner: int) -> ChromeTrace:
    trace = ChromeTrace(path)
    atexit.register(trace.end)
    return trace


def watch(target: str) -> Watch:
    """What watches a client's messages. Raises RProxyError if the file cannot be written."""
    path = os.environ.get(log.TRACE)
    return Watch(target, _trace(os.path.abspath(path), os.getpid()) if path else None)


def name_of(message: Any) -> str:
    """What a message is about: a dotted name."""
    target = getattr(message, "target", None)
    paths = getattr(message, "paths", (getattr(message, "path", ""),))
    path = paths[0] if len(paths) == 1 else f"({len(paths)} names)"
    if isinstance(target, str | int):
        name = target if isinstance(target, str) else f"object {target}"
        return f"{name}.{path}" if path else name
    # Of other objects nothing is asked but what functions and classes have: a proxy's attribute would be a request.
    named = type(target) in (types.FunctionType, types.BuiltinFunctionType)
    return "" if target is None else target.__qualname__ if named else type(target).__name__
