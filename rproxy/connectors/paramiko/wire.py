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
#: Larger packets are not taken as a whole, in bytes.
SMALL = 1 << 13
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
        self._readable, self._come, self._writable = (select.poll() for _ in range(3))  # each for one thread
        for ready, event in (
            (self._readable, select.POLLIN), (self._come, select.POLLIN), (self._writable, select.POLLOUT),
        ):  # fmt: skip
            ready.register(connection, event)
        self._vigil, self._vigil_of_others = Vigil(), Vigil()
        self._ahead = memoryview(bytearray(SMALL))

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
                self._acknowledge()
                return count
            except BlockingIOError:
                if not self._vigil.keep(lambda: self._readable.poll(0), AWAKE):
                    self._wait(self._readable)

    def _acknowledge(self) -> None:
        if self._first:
            self._first -= 1
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    @property
    def buffered(self) -> bool:
        """Whether some of what has come is not received yet."""
        return self._start < self._end

    def is_readable(self, seconds: float) -> bool:
        """Whether there is something to be received, or the end, within so long."""
        if self.buffered or self._closed:
            return True
        return _comes(self._readable, self._vigil, seconds)

    # -- for others than the thread that receives, one at a time, while that does not ------------------

    def has_come(self, seconds: float) -> bool:
        """Whether there is something to be taken, or the end, within so long."""
        return _comes(self._come, self._vigil_of_others, seconds)

    def take_packet(self, trailer: int) -> bytes:
        """The next packet, whose first four bytes tell how many follow, but for the trailer; nothing if it is large, or
        has not come as a whole. Raises OSError."""
        try:
            count = self._socket.recv_into(self._ahead, 0, socket.MSG_PEEK)
        except BlockingIOError:
            return b""
        size = int.from_bytes(self._ahead[:4], "big") + 4 + trailer
        if count < 4 or size > count:
            return b""
        packet = self._socket.recv(size)
        self._acknowledge()
        return packet

    # --------------------------------------------------------------------------------------------------

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


def _comes(ready: Any, vigil: Vigil, seconds: float) -> bool:
    """Whether what a poll looks for comes within so long, the first moment of it awake."""
    return vigil.keep(lambda: ready.poll(0), min(AWAKE, seconds)) or bool(ready.poll(seconds * 1000))
