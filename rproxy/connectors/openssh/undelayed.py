"""The TCP connections of an ssh that connects, without TCP's delays.

Rules: until a session runs ssh leaves Nagle's algorithm (RFC 896) on, and the system holds back acknowledgements (RFC
1122, 4.2.3.2), for which the other end's algorithm waits in turn: twice 40 ms near by. ssh has no option for that, but
where a process may have the descriptors of its children (Linux 5.6 and newer), those of their sockets can be set from
here. Nothing else is done with them; where they cannot be had, it takes as long as ssh does.
"""

import errno
import os
import socket
import sys
import time
from collections.abc import Iterator

#: The number of the system call, which is the same for nearly all processors, and what /proc calls the program.
_PIDFD_GETFD, _SSH = 438, "ssh"
#: From then on it is a user that is waited for, in seconds.
_LONG = 5.0
#: A process or a descriptor may have ended since it was seen.
_GONE = (errno.EBADF, errno.ENOENT, errno.ESRCH)


class Undelayed:
    """The connections of a process that runs ssh, and of those that it starts for the hosts on the way."""

    def __init__(self, process: int) -> None:
        self._process = process
        self._until = time.monotonic() + _LONG
        self._found: dict[str, socket.socket | None] = {}  # by what /proc calls them, since numbers are used again
        self._possible = sys.platform == "linux" and hasattr(os, "pidfd_open")

    @property
    def connections(self) -> list[socket.socket]:
        """Those that are found so far."""
        return [connection for connection in self._found.values() if connection is not None]

    def hurry(self) -> bool:
        """Has what has come acknowledged at once; to be called every millisecond or so, as long as it returns True."""
        if time.monotonic() > self._until:
            self.close()
        try:
            for process in self._processes() if self._possible else ():
                if _program(process) == _SSH:  # others, such as sudo, may be closed to us
                    self._find(process)
            for connection in self.connections:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)  # which holds until it next sends
        except OSError as error:
            if error.errno not in _GONE:  # this system does not let us have them
                self.close()
        return self._possible

    def close(self) -> None:
        """Lets go of the connections, which are those processes'."""
        self._possible = False
        for connection in self.connections:
            connection.close()
        self._found.clear()

    def _processes(self) -> Iterator[int]:
        yield self._process
        with open(f"/proc/{self._process}/task/{self._process}/children") as children:  # not every kernel tells
            yield from map(int, children.read().split())

    def _find(self, process: int) -> None:
        """Looks for connections that are new."""
        for number in os.listdir(f"/proc/{process}/fd"):
            name = os.readlink(f"/proc/{process}/fd/{number}")
            if name.startswith("socket:") and name not in self._found:
                connection = self._found[name] = _taken(process, int(number))
                if connection is not None:
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _program(process: int) -> str:
    with open(f"/proc/{process}/comm") as file:
        return file.read().strip()


def _taken(process: int, descriptor: int) -> socket.socket | None:
    """A descriptor of another process as one of this, if it is a connection by TCP. Raises OSError."""
    import ctypes  # while ssh computes

    handle = os.pidfd_open(process)
    try:
        own = ctypes.CDLL(None, use_errno=True).syscall(_PIDFD_GETFD, handle, descriptor, 0)
        if own < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(handle)
    found = socket.socket(fileno=own)
    if found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM:
        return found
    found.close()
    return None
