"""A TCP proxy that makes a link long, and breaks it: ``python -m tests.services.link HOST PORT``.

Rules: each byte arrives a fixed time after it was sent, in order, however many are under way, so a delay limits no
throughput; what is broken is broken for good, as TCP has no holes, and mended for new connections only. It is a
process of its own, so that it takes no time of anybody's interpreter, and ends with its standard input.

It prints its port, and then obeys lines, each of which holds once a line has answered it:

    delay SECONDS     so long takes each way, for what is sent from now on
    rate BYTES        so many arrive in a second, each way, on all connections together; 0: as many as there are
    freeze            nothing arrives any more, nobody is told, and senders stall, as when a cable is out
    drop              what is sent is taken and lost, and nobody is told; so is what comes on new connections
    thaw              what was frozen arrives; new connections are whole again
    cut               all connections end
    cut up BYTES      all connections end when so many more bytes have arrived at the server
    cut down BYTES    the same for bytes that have arrived from it
    count             answers with the bytes that have arrived at the server, and from it
"""

import collections
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PIECE = 1 << 18
#: What arrives as one of what is sent over a slow link, in bytes.
PACKET = 1 << 12


class Link:
    """A running proxy to an address, of a round-trip time in seconds; it ends with its `with` block."""

    def __init__(self, host: str, port: int, round_trip: float = 0.0) -> None:
        words = [sys.executable, "-m", __name__, host, str(port)]
        self._process = subprocess.Popen(
            words, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.host, self.port = "127.0.0.1", int(self._heard())
        if round_trip:
            self.tell(f"delay {round_trip / 2}")

    def tell(self, line: str) -> str:
        """Has it obey one of the lines above; returns its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = self._heard()
        if answer.startswith("?"):
            raise ValueError(f"{line!r}: {answer}")
        return answer

    def arrived(self) -> tuple[int, int]:
        """How many bytes have arrived at the server, and from it."""
        up, down = map(int, self.tell("count").split())
        return up, down

    def _heard(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise EOFError(f"the link has ended with code {self._process.wait()}")
        return line.strip()

    def __enter__(self) -> "Link":
        return self

    def __exit__(self, *args: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=20)
        self._process.stdout.close()


# -- the process ---------------------------------------------------------------------------------------


class Wire:
    """What holds for all connections of a proxy."""

    def __init__(self) -> None:
        self.delay = 0.0
        self.rate = 0
        self.dropping = False
        self.flowing = threading.Event()
        self.flowing.set()
        self.arrived = {"up": 0, "down": 0}
        self.ends: weakref.WeakSet[socket.socket] = weakref.WeakSet()  # the ways own them, and close them by going
        self.ways: weakref.WeakSet[Way] = weakref.WeakSet()
        self._left: dict[str, int] = {}  # until all is cut
        self._turns = {"up": threading.Lock(), "down": threading.Lock()}
        self._lock = threading.Lock()

    def obey(self, words: list[str]) -> str:
        match words:
            case ["delay", seconds]:
                self.delay = float(seconds)
            case ["rate", count]:
                self.rate = int(count)
            case ["freeze"]:
                self.flowing.clear()
            case ["drop"]:
                self.drop()
            case ["thaw"]:
                self.dropping = False
                self.flowing.set()
            case ["cut"] | ["cut", "up" | "down", "0"]:
                self.cut()
            case ["cut", "up" | "down" as way, count]:
                self._left[way] = int(count)
            case ["count"]:
                return "{up} {down}".format(**self.arrived)
            case _:
                return "? see the top of tests/services/link.py"
        return "ok"

    def parts(self, way: str, data: bytes) -> Iterator[bytes]:
        """Those that arrive as one, each when it has."""
        while self.rate and data:
            part, data = data[:PACKET], data[PACKET:]
            with self._turns[way]:
                time.sleep(len(part) / self.rate)
            yield part
            if not data:
                return
        yield data

    def deliver(self, way: str, target: socket.socket, data: bytes) -> None:
        """Sends as much as may arrive before all is cut; no bytes are the end of that way."""
        with self._lock:
            left = self._left.get(way)
            data = data if left is None else data[:left]
            if left is not None:
                self._left[way] = left - len(data)
            self.arrived[way] += len(data)
        if data:
            target.sendall(data)
            if left == len(data):
                self.cut()
        else:
            target.shutdown(socket.SHUT_WR)

    def connect(self, near: socket.socket, far: socket.socket) -> None:
        with self._lock:
            self.ends.update((near, far))
            self.ways.update((Way(self, "up", near, far), Way(self, "down", far, near)))

    def drop(self) -> None:
        with self._lock:
            self.dropping = True
            for way in self.ways:
                way.lost = True

    def cut(self) -> None:
        with self._lock:
            self._left.clear()
            for end in self.ends:
                with contextlib.suppress(OSError):  # it has ended by itself
                    end.shutdown(socket.SHUT_RDWR)


class Way:
    """One direction of a connection, "up" to the server or "down" from it."""

    def __init__(self, wire: Wire, name: str, source: socket.socket, target: socket.socket) -> None:
        self.wire, self.name, self.source, self.target = wire, name, source, target
        self.under_way: collections.deque[tuple[float, bytes]] = collections.deque()
        self.sent = threading.Event()
        self.lost = wire.dropping
        for work in (self.receive, self.deliver):
            threading.Thread(target=work, daemon=True).start()

    def receive(self) -> None:
        """Takes all that comes, with the time at which it is due."""
        data = b"."
        while data:
            self.wire.flowing.wait()
            try:
                data = self.source.recv(PIECE)
            except OSError:
                data = b""
            self.under_way.append((time.monotonic() + self.wire.delay, data))
            self.sent.set()

    def deliver(self) -> None:
        """Gives each piece when it is due."""
        data = b"."
        while data:
            self.sent.wait()
            self.sent.clear()
            while self.under_way:
                due, data = self.under_way.popleft()
                time.sleep(max(0.0, due - time.monotonic()))
                for part in self.wire.parts(self.name, data):
                    self.wire.flowing.wait()
                    try:
                        if not self.lost:
                            self.wire.deliver(self.name, self.target, part)
                    except OSError:
                        return  # nobody waits for it any more


def serve(listener: socket.socket, address: tuple[str, int], wire: Wire) -> None:
    while True:
        near = listener.accept()[0]
        try:
            far = socket.create_connection(address)
        except OSError:
            near.close()  # the server refuses it, so we do
            continue
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.connect(near, far)


def main() -> None:
    host, port = sys.argv[1:]
    wire, listener = Wire(), socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=serve, args=(listener, (host, int(port)), wire), daemon=True).start()
    for line in sys.stdin:
        print(wire.obey(line.split()), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
