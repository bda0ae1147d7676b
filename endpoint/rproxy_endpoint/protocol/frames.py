"""Frames: the unit that travels.

A frame is a header of 16 bytes, little-endian, the length of each buffer, the body, and the buffers::

    magic u8 | kind u8 | buffers u16 | call u32 | body u64 | buffers x u64 | body | buffer 1 | ...

Rules: nothing is copied that need not be (a large part is received straight into its own memory); a
length beyond the limits is refused before any memory is asked for; noise before the first frame (banners,
rc files) is passed over by looking for a marker that only the endpoint of this very start can print.
"""

import struct
from typing import List, NamedTuple, Optional, Sequence, Union

from .errors import ProtocolFault, ValueFault

Bytes = Union[bytes, bytearray, memoryview]

MAGIC = 0xE7
HEADER = struct.Struct("<BBHIQ")
LENGTH = struct.Struct("<Q")
SCRATCH = 1 << 16

Frame = NamedTuple(
    "Frame", [("kind", int), ("call", int), ("body", Bytes), ("buffers", List[bytearray])]
)

Limits = NamedTuple("Limits", [("frame", int), ("buffers", int), ("noise", int)])
#: 64 GiB a frame; as many buffers as one vectored write takes; 1 MiB of noise before the marker.
LIMITS = Limits(frame=1 << 36, buffers=1000, noise=1 << 20)


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
        return [head, *body]
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
        self._head: Optional[Frame] = None  # a large frame under way
        self._parts: List[memoryview] = []  # what is still to be filled of it, last part first

    def buffer(self) -> memoryview:
        """The memory where the next bytes belong; never empty."""
        if self._parts:
            return self._parts[-1]
        if self._start == self._end:
            self._start = self._end = 0
        elif self._end == SCRATCH or self._start > SCRATCH // 2:
            rest = bytes(self._view[self._start : self._end])
            self._view[: len(rest)] = rest
            self._start, self._end = 0, len(rest)
        return self._view[self._end :]

    def received(self, count: int) -> List[Frame]:
        """Takes note of `count` bytes received into `buffer()`; returns the frames that are now whole."""
        if not self._parts:
            self._end += count
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
        return not self._parts and self._start == self._end

    def _decode(self) -> List[Frame]:
        frames: List[Frame] = []
        while not self._parts and self._end - self._start >= HEADER.size:
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
                frames.append(Frame(kind, call, bytes(self._view[begin : begin + size]), []))
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
        try:
            body = bytearray(size)
            buffers = [bytearray(length) for length in lengths]
        except MemoryError:
            raise ProtocolFault("no memory for a frame of %d bytes" % (size + sum(lengths)))
        self._head = Frame(kind, call, body, buffers)
        self._parts = [memoryview(part) for part in [body, *buffers] if part]
        self._parts.reverse()
        while self._parts and self._start < self._end:
            count = min(len(self._parts[-1]), self._end - self._start)
            self._parts[-1][:count] = self._view[self._start : self._start + count]
            self._start += count
            self._fill(count)

    def _fill(self, count: int) -> None:
        part = self._parts.pop()
        if count < len(part):
            self._parts.append(part[count:])

    def _finish(self) -> List[Frame]:
        if self._head is None or self._parts:
            return []
        frame, self._head = self._head, None
        return [frame]


def after_marker(data: bytes, mark: bytes, limits: Limits = LIMITS) -> Optional[bytes]:
    """What follows the marker in `data`, or None while it has not come.

    Raises ProtocolFault when there is more noise than any rc file prints.
    """
    found = data.find(mark)
    if found >= 0:
        return data[found + len(mark) :]
    if len(data) > limits.noise:
        raise ProtocolFault("%d bytes of noise and no endpoint" % len(data))
    return None
