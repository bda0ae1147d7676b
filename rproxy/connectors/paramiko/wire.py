"""The socket that paramiko reads and writes.

Rules: many small readings are one call of the system; a reader stays awake for a moment before it sleeps, as
answers often come at once and to wake a sleeping processor takes longer. Whoever else wants the processor gets it. What
comes while a session begins is acknowledged at once, as OpenSSH's server gathers small messages (RFC 896) until then.
"""

import select
import socket
from typing import Any

from ..awake import AWAKE, Vigil

#: The most that is read at once, in bytes.
PIECE = 1 << 16
#: A login and a session's begin are fewer readings.
FIRST = 100


class Wire:
    """A connected socket, with the methods that paramiko needs of one."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._timeout: float | None = None
        self._view = memoryview(bytearray(PIECE))
        self._start = self._end = 0
        by_tcp = connection.family in (socket.AF_INET, socket.AF_INET6)
        self._first = FIRST if by_tcp and hasattr(socket, "TCP_QUICKACK") else 0
        self._readable, self._writable = select.poll(), select.poll()
        self._readable.register(connection, select.POLLIN)
        self._vigil = Vigil()
        self._writable.register(connection, select.POLLOUT)

    def recv(self, count: int) -> bytes:
        if self._start == self._end:
            self._end = self._receive()
            self._start = 0
        start, self._start = self._start, min(self._start + count, self._end)
        return bytes(self._view[start : self._start])

    def _receive(self) -> int:
        while True:
            try:
                count = self._socket.recv_into(self._view)
                if self._first:
                    self._first -= 1
                    self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                return count
            except BlockingIOError:
                if not self._vigil.keep(lambda: self._readable.poll(0), AWAKE):
                    self._wait(self._readable)

    def send(self, data: Any) -> int:
        while True:
            try:
                return self._socket.send(data)
            except BlockingIOError:
                self._wait(self._writable)

    def _wait(self, ready: Any) -> None:
        if self._closed or not ready.poll(None if self._timeout is None else self._timeout * 1000):
            raise TimeoutError

    def settimeout(self, seconds: float | None) -> None:
        self._timeout = seconds

    def getpeername(self) -> Any:
        return self._socket.getpeername()

    def shutdown(self, how: int) -> None:
        self._socket.shutdown(how)

    def close(self) -> None:
        self._socket.close()

    def abandon(self) -> None:
        """In a forked child, whose parent's descriptor stays open."""
        self._socket.close()

    @property
    def _closed(self) -> bool:
        return self._socket.fileno() < 0
