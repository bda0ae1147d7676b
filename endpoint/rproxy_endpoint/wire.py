"""Messages between a resident endpoint and the commands that come to it: a length of 8 bytes, and the bytes."""

import select
import socket
import struct
from typing import Optional

LENGTH = struct.Struct("<Q")
#: In the place of an answer: the client is not known here; what it sent came before; what it asks after has never
#: come; there is no answer yet.
GONE, LATE, NEVER, RUNNING = b"gone", b"late", b"never", b"running"


def send(connection: socket.socket, data: bytes) -> None:
    connection.sendall(LENGTH.pack(len(data)))
    connection.sendall(data)


def receive(connection: socket.socket) -> Optional[bytes]:
    """The next message, or None at the end."""
    head = _exactly(connection, LENGTH.size)
    return None if head is None else _exactly(connection, LENGTH.unpack(head)[0])


def _exactly(connection: socket.socket, size: int) -> Optional[bytes]:
    data = bytearray()
    while len(data) < size:
        more = connection.recv(min(size - len(data), 1 << 20))
        if not more:
            return None
        data += more
    return bytes(data)


def hung_up(connection: socket.socket, milliseconds: int) -> bool:
    """Whether the other end closes the connection within that time."""
    poll = select.poll()
    poll.register(connection, 0)
    return bool(poll.poll(milliseconds))
