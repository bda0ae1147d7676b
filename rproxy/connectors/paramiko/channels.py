"""Channels of paramiko, as we need them.

Rules: what a channel receives is copied no more often for being much; a channel that is a connection's socket ends
without a complaint, whatever has ended before it; a forked child never waits for threads that are not there.
"""

import collections
import threading
from typing import Any

import paramiko


class Inbox:
    """What a channel receives: like paramiko's own buffer, which moves all that waits at each reading."""

    def __init__(self) -> None:
        self._arrived = threading.Condition(threading.Lock())
        self._pieces: collections.deque[memoryview] = collections.deque()
        self._size = 0
        self._closed = False

    def feed(self, data: Any) -> None:
        with self._arrived:
            self._pieces.append(memoryview(data))
            self._size += len(data)
            self._arrived.notify_all()

    def wait(self, timeout: float | None) -> bool:
        """Whether there is something to read, or the end, within that many seconds."""
        with self._arrived:
            return self._arrived.wait_for(self.is_ready, timeout)

    def read(self, count: int, timeout: float | None = None) -> memoryview:
        """At most so many bytes of what came first; nothing at the end."""
        if not self.wait(timeout):
            raise paramiko.buffered_pipe.PipeTimeout
        with self._arrived:
            if not self._size:
                return memoryview(b"")
            piece = self._pieces.popleft()
            if len(piece) > count:
                self._pieces.appendleft(piece[count:])
                piece = piece[:count]
            self._size -= len(piece)
            return piece

    def is_ready(self) -> bool:
        """Whether there is something to read, or the end."""
        return bool(self._size) or self._closed

    def read_ready(self) -> bool:
        return bool(self._size)

    def close(self) -> None:
        with self._arrived:
            self._closed = True
            self._arrived.notify_all()

    def __len__(self) -> int:
        return self._size


class Hop:
    """A channel of a host that is jumped over, with the methods that paramiko needs of a socket."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self.send, self.recv, self.settimeout = channel.send, channel.recv, channel.settimeout
        self.getpeername = channel.getpeername

    def shutdown(self, how: int) -> None:
        self._channel.shutdown(how)

    def close(self) -> None:
        try:
            self._channel.close()
        except (paramiko.SSHException, EOFError, OSError):
            return  # its own connection has ended before

    def abandon(self) -> None:
        abandon(self._channel)

    @property
    def _closed(self) -> bool:
        return bool(self._channel.closed)


def abandon(channel: Any) -> None:
    """In a forked child: lets a channel go without a word to the host, and without its parent's locks."""
    channel.lock = threading.Lock()
    channel.closed = True
