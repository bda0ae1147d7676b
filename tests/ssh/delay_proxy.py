"""A TCP proxy that brings bytes late: a long link in front of a server of this machine.

Rules: each byte arrives a fixed time after it was sent, in order, however many are under way; so it limits no
throughput. It runs as a process of its own (``python delay_proxy.py HOST PORT SECONDS`` prints its port and ends
with its standard input), so that it takes no time of the client's interpreter.
"""

import collections
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

PIECE = 1 << 18


@contextlib.contextmanager
def delayed(host: str, port: int, round_trip: float) -> Iterator[int]:
    """The port of a proxy to an address, whose round trips take so many seconds longer."""
    words = [sys.executable, __file__, host, str(port), str(round_trip / 2)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(timeout=10)
        process.stdout.close()


class Way:
    """One direction of a connection."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source, self.target = source, target
        self.under_way: collections.deque[tuple[float, bytes]] = collections.deque()
        self.arrived = threading.Event()

    def receive(self, delay: float) -> None:
        """Takes all that comes, with the time at which it is due."""
        data = b"."
        while data:
            try:
                data = self.source.recv(PIECE)
            except OSError:
                data = b""
            self.under_way.append((time.monotonic() + delay, data))
            self.arrived.set()

    def deliver(self) -> None:
        """Gives each piece when it is due."""
        while True:
            self.arrived.wait()
            self.arrived.clear()
            while self.under_way:
                due, data = self.under_way.popleft()
                time.sleep(max(0.0, due - time.monotonic()))
                try:
                    self.target.sendall(data)
                    if not data:
                        self.target.shutdown(socket.SHUT_WR)
                except OSError:
                    return  # nobody waits for it any more
                if not data:
                    return


def serve(listener: socket.socket, address: tuple[str, int], delay: float) -> None:
    while True:
        near = listener.accept()[0]
        far = socket.create_connection(address)
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for way in (Way(near, far), Way(far, near)):
            threading.Thread(target=way.receive, args=(delay,), daemon=True).start()
            threading.Thread(target=way.deliver, daemon=True).start()


def main() -> None:
    host, port, delay = sys.argv[1:]
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=serve, args=(listener, (host, int(port)), float(delay)), daemon=True).start()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
