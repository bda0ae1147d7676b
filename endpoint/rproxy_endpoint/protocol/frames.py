"""Frames: the unit that travels.

A frame is a header of 16 bytes, little-endian, the length of each buffer, the body, and the buffers::

    magic u8 | kind u8 | buffers u16 | call u32 | body u64 | buffers x u64 | body | buffer 1 | ...

Rules: nothing is copied that need not be (a large part is received straight into its own memory); a
length beyond the limits is refused before any memory is asked for, and a large one within them gets its memory
as its bytes come. Before the first frame the endpoint prints a marker that only this very start can know, so
that noise (banners, rc files) is not taken for it.
"""

import struct
from typing import Any, Callable, List, NamedTuple, Optional, Sequence, Tuple, Union

from .errors import ProtocolFault, ValueFault
from .memory import memory_for

Bytes = Union[bytes, bytearray, memoryview]
Ahead = Optional[Callable[[List[Bytes]], None]]

MAGIC = 0xE7
HEADER = struct.Struct("<BBHIQ")
LENGTH = struct.Struct("<Q")
SCRATCH = 1 << 16
#: Frames up to here are cheaper to copy together than to write in pieces.
SMALL = 4000
NO_ROOM = memoryview(b"")

Frame = NamedTuple(
    "Frame",
    [
        ("kind", int),
        ("call", int),
        ("body", Bytes),
        ("buffers", List[Any]),  # memory that may be written to
        ("within", int),  # the other side's request that this one is asked from, or 0
    ],
)

Limits = NamedTuple("Limits", [("frame", int), ("buffers", int)])
#: 64 GiB a frame; as many buffers as one vectored write takes.
LIMITS = Limits(frame=1 << 36, buffers=1000)


def marker(token: str) -> bytes:
    """What the endpoint prints before its first frame.

    The token of the command line comes back reversed, so that a shell which echoes its commands
    (``set -x``, csh's ``verbose``) cannot be taken for the endpoint.
    """
    return b"\n<rproxy:" + token[::-1].encode("ascii") + b">"


def encode(
    kind: int, call: int, body: Sequence[Bytes], buffers: Sequence[memoryview], limits: Limits = LIMITS
) -> List[Bytes]:
    """The pieces of one frame, to be written one after the other.

    Raises ValueFault for a frame over the limits: it was not sent, and the stream is sound.
    """
    if len(body) == 1 and not buffers and len(body[0]) <= SMALL <= limits.frame:  # most frames
        return [HEADER.pack(MAGIC, kind, 0, call, len(body[0])) + body[0]]
    size = sum(map(len, body))
    lengths = [view.nbytes for view in buffers]
    if size + sum(lengths) > limits.frame:
        raise ValueFault(
            "%d bytes are more than one message may have (%d)" % (size + sum(lengths), limits.frame)
        )
    if len(lengths) > limits.buffers:
        raise ValueFault("%d buffers are more than one message may have (%d)" % (len(lengths), limits.buffers))
    head = HEADER.pack(MAGIC, kind, len(lengths), call, size)
    if not lengths:
        return [b"".join([head, *body])] if size <= SMALL else [head, *body]
    table = b"".join(map(LENGTH.pack, lengths))
    return [head + table, *body, *buffers]


class Decoder:
    """Turns received bytes into frames.

    Either `feed(data)`, or, without a copy: receive into `buffer()` and tell how many with `received(n)`.
    """

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._scratch = bytearray(SCRATCH)
        self._view = memoryview(self._scratch)
        self._start = 0  # what of the scratch memory is not yet decoded
        self._end = 0
        # A large frame under way: its kind and call, the sizes of the parts that have not begun to come (the last
        # first), those that have, and where the rest of the last of these belongs.
        self._head: Optional[Tuple[int, int]] = None
        self._sizes: List[int] = []
        self._parts: List[Any] = []
        self._room = NO_ROOM

    def buffer(self) -> memoryview:
        """The memory where the next bytes belong; never empty. Raises ProtocolFault where there is none."""
        if self._room:
            return self._room
        if self._start == self._end:
            self._start = self._end = 0
            return self._view
        if self._end == SCRATCH or self._start > SCRATCH // 2:
            rest = bytes(self._view[self._start : self._end])
            self._view[: len(rest)] = rest
            self._start, self._end = 0, len(rest)
        return self._view[self._end :]

    def received(self, count: int) -> List[Frame]:
        """Takes note of `count` bytes received into `buffer()`; returns the frames that are now whole."""
        if not self._room:
            start, self._end = self._start, self._end + count
            if not start and self._end == count >= HEADER.size:
                magic, kind, buffers, call, size = HEADER.unpack_from(self._scratch)
                whole = HEADER.size + size == count and not buffers and magic == MAGIC
                if whole and size <= self._limits.frame:  # one small frame alone, as most come
                    self._end = 0
                    return [tuple.__new__(Frame, (kind, call, bytes(self._view[HEADER.size : count]), [], 0))]
            return self._decode()
        self._fill(count)
        return self._finish() + self._decode()

    def feed(self, data: Bytes) -> List[Frame]:
        """The frames that are whole with these bytes."""
        frames: List[Frame] = []
        view = memoryview(data)
        while view:
            room = self.buffer()
            count = min(len(room), len(view))
            room[:count] = view[:count]
            frames += self.received(count)
            view = view[count:]
        return frames

    @property
    def idle(self) -> bool:
        """True between two frames."""
        return not self._room and self._start == self._end

    def _decode(self) -> List[Frame]:
        frames: List[Frame] = []
        while not self._room and self._end - self._start >= HEADER.size:
            magic, kind, count, call, size = HEADER.unpack_from(self._scratch, self._start)
            if magic != MAGIC:
                raise ProtocolFault("a frame begins with byte %#04x instead of %#04x" % (magic, MAGIC))
            if count > self._limits.buffers or size > self._limits.frame:
                raise ProtocolFault(
                    "a frame announces %d buffers and %d bytes, more than the limits" % (count, size)
                )
            begin = self._start + HEADER.size + count * LENGTH.size
            if begin > self._end:
                break
            if not count and begin + size <= self._end:
                frames.append(tuple.__new__(Frame, (kind, call, bytes(self._view[begin : begin + size]), [], 0)))
                self._start = begin + size
                continue
            lengths = [
                LENGTH.unpack_from(self._scratch, self._start + HEADER.size + index * LENGTH.size)[0]
                for index in range(count)
            ]
            if size + sum(lengths) > self._limits.frame:
                raise ProtocolFault("a frame announces %d bytes, more than the limit" % (size + sum(lengths)))
            self._start = begin
            self._open(kind, call, size, lengths)
            frames += self._finish()
        return frames

    def _open(self, kind: int, call: int, size: int, lengths: List[int]) -> None:
        """Makes room for a frame and moves there what has come of it already."""
        self._head = (kind, call)
        self._sizes = [*reversed(lengths), size]
        self._next_part()
        while self._room and self._start < self._end:
            count = min(len(self._room), self._end - self._start)
            self._room[:count] = self._view[self._start : self._start + count]
            self._start += count
            self._fill(count)

    def _fill(self, count: int) -> None:
        self._room = self._room[count:]
        if not self._room:
            self._next_part()

    def _next_part(self) -> None:
        """Makes room for the next part that is not empty, if there is one."""
        self._room = NO_ROOM  # also lets go of the part before, which is its owner's from here on
        while self._sizes and not self._room:
            self._parts.append(memory_for(self._sizes.pop()))
            self._room = memoryview(self._parts[-1]) if len(self._parts[-1]) else NO_ROOM

    def _finish(self) -> List[Frame]:
        if self._head is None or self._room:
            return []
        (kind, call), (body, *buffers) = self._head, self._parts
        self._head, self._parts = None, []
        return [Frame(kind, call, body, buffers, 0)]
