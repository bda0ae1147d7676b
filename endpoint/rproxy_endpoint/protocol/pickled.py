"""The pickle codec.

Rules: the C pickler does the work, and asks only about types that have no fast path of its own; large
parts go beside the body. A `Decoder` rebuilds what `values` names and nothing else: no class, no function
of any module can be reached through it. The endpoint, which runs what its client sends by design, uses
`TrustingDecoder`.

Format: https://docs.python.org/3/library/pickle.html, protocols 4 (for Python 3.6 and 3.7) and 5.
"""

import io
import sys
import types
from _pickle import Pickler, Unpickler, loads  # the pure module `pickle` costs a start 5 ms
from typing import Any, Callable, List, Optional, Sequence, Tuple

from . import values
from .errors import ValueFault
from .frames import Ahead, Bytes
from .memory import LARGE, give_back

#: The best that this interpreter knows.
PROTOCOL = 5 if sys.version_info >= (3, 8) else 4
#: What is worth giving away while the rest is made, in bytes: as much as the pickler writes at once.
ENOUGH = 1 << 16
#: How much of a body is given away, in bytes: who gets it cannot give back its memory as it is used.
MOST = 1 << 25


class Chunks:
    """A file that keeps what is written as it comes, so that large parts are not copied together.

    It is given to `ahead`, if there is such, as soon as there is enough; but not what is large by itself, for which a
    receiver has memory of its own, and nothing after that.
    """

    __slots__ = ("_pieces", "ahead", "size")

    def __init__(self) -> None:
        self._pieces: List[Bytes] = []
        self.ahead: Ahead = None
        self.size = 0  # of what was written, in bytes

    def write(self, piece: Bytes) -> None:
        self._pieces.append(piece)
        self.size += len(piece)
        if len(piece) >= LARGE or self.size > MOST:
            self.ahead = None
        if self.ahead is not None and self.size >= ENOUGH:
            self.ahead(self.take())

    def take(self) -> List[Bytes]:
        """What was written since the last time."""
        pieces, self._pieces = self._pieces, []
        return pieces


class Source:
    """A file over a large body, which `io.BytesIO` would copy. The body is used up: its memory goes as it is read, so
    that bytes do not take theirs twice."""

    def __init__(self, body: Bytes) -> None:
        self._body = body
        self._view = memoryview(body)
        self._place = 0
        self._kept = 0  # where the memory begins that is not given back

    def read(self, size: int) -> bytes:
        data = bytes(self._view[self._place : self._place + size])
        self._move(len(data))
        return data

    def readinto(self, target: Any) -> int:
        size = min(len(target), len(self._view) - self._place)
        for start in range(0, size, LARGE):
            end = min(start + LARGE, size)
            target[start:end] = self._view[self._place : self._place + end - start]
            self._move(end - start)
        return size

    def readline(self) -> bytes:
        found = bytes(self._view[self._place : self._place + 4096]).find(b"\n")
        return self.read(found + 1 if found >= 0 else len(self._view))

    def _move(self, count: int) -> None:
        self._place += count
        if self._place - self._kept >= LARGE:
            end = self._place - self._place % LARGE
            give_back(self._body, self._kept, end)
            self._kept = end


class EncoderBase(Pickler):
    """What the encoders of the two generations share."""

    parcel = values.Parcel(values.Side())
    #: What the pickler itself may write by its name.
    named: Any = None

    def reduced(self, obj: Any) -> Any:
        """How an object without a fast path is pickled: the parts of a value, or NotImplemented."""
        if obj is values.make or obj is self.named:
            return NotImplemented
        parts = values.take(obj, self.parcel)
        if parts is None:
            parts = self.parcel.side.foreign(obj, self.parcel)
            if parts is None:
                return NotImplemented
        return values.make, (parts.kind,) + parts.args, None, parts.appended, parts.items


class AskingEncoder(EncoderBase):
    """Python 3.8 and newer ask about every type that has no fast path."""

    reducer_override = EncoderBase.reduced


class _Table:
    """A dispatch table that has an answer for every type."""

    def __init__(self, reduced: Any) -> None:
        self._reduced = reduced

    def __getitem__(self, cls: type) -> Any:
        return self._reduced


class TableEncoder(EncoderBase):
    """Python 3.6 and 3.7: a dispatch table for most types, and persistent ids for what it is not asked about."""

    def __init__(self, file: Any, protocol: int) -> None:
        super().__init__(file, protocol)
        self.dispatch_table: Any = _Table(self._reduced)

    def _reduced(self, obj: Any) -> Any:
        reduced = self.reduced(obj)
        return obj.__reduce_ex__(4) if reduced is NotImplemented else reduced

    def persistent_id(self, obj: Any) -> Optional[Tuple[Any, ...]]:
        if type(obj) in (type, types.FunctionType) and obj is not values.make and obj is not self.named:
            parts = self.parcel.side.foreign(obj, self.parcel)
            if parts is not None:
                return (parts.kind,) + parts.args
        return None


Encoder = AskingEncoder if sys.version_info >= (3, 8) else TableEncoder


class Decoder(Unpickler):
    """Rebuilds values; anything else that the bytes name is refused."""

    side = values.Side()
    buffers: Sequence[Any] = ()
    body: Bytes = b""
    made = False
    _parcel: Optional[values.Parcel] = None  # few replies need one

    def find_class(self, module: str, name: str) -> Any:
        if name == "make" and module == values.__name__:
            self.made = True
            return self._make
        return self.find_other(module, name)

    def find_other(self, module: str, name: str) -> Any:
        raise ValueFault("the bytes name %.80s.%.80s, which is not data" % (module, name))

    def persistent_load(self, parts: Any) -> Any:
        return self._make(*parts)

    def _make(self, kind: str, *args: Any) -> Any:
        if self._parcel is None:
            self._parcel = values.Parcel(self.side, self.buffers)
        return values.make_value(self._parcel, kind, *args)


class TrustingDecoder(Decoder):
    """Rebuilds whatever the bytes name: for the side that runs what it is told anyway."""

    def find_other(self, module: str, name: str) -> Any:
        return Unpickler.find_class(self, module, name)


def names_nothing(body: Bytes) -> bool:
    """Whether a pickle of protocol 4 or 5 has no STACK_GLOBAL in it, and no NEXT_BUFFER."""
    return b"\x93" not in body and b"\x97" not in body


class PickleCodec:
    """Values as pickles, by the given encoder and decoder.

    `is_plain` says of bytes whether they are data alone, for which no decoder of ours is needed.
    """

    name = "cloudpickle"

    def __init__(
        self,
        protocol: int = PROTOCOL,
        encoder: Any = Encoder,
        decoder: Any = Decoder,
        is_plain: Callable[[Bytes], bool] = lambda body: False,
    ) -> None:
        self._protocol = min(protocol, PROTOCOL)
        self._encoder = encoder
        self._decoder = decoder
        self._is_plain = is_plain
        self._spare: List[Tuple[Any, Chunks]] = []  # encoders that can be used again: a new one costs 2 us

    def dumps(self, value: Any, side: values.Side, ahead: Ahead = None) -> Tuple[List[Bytes], List[memoryview]]:
        """The pieces of the body and the buffers beside it. Raises ValueFault."""
        try:
            encoder, chunks = self._spare.pop()
        except IndexError:
            encoder, chunks = self._new_encoder()
        encoder.parcel.side = side
        chunks.ahead, chunks.size = ahead, 0
        try:
            encoder.dump(value)
        except ValueFault:
            raise
        except RecursionError:
            raise ValueFault("nested too deeply")
        except Exception as error:
            raise ValueFault("%s: %s" % (type(error).__name__, error)) from error
        pieces, buffers = chunks.take(), encoder.parcel.buffers
        if chunks.size <= ENOUGH:  # else it was large, and so is the memory that it holds
            encoder.clear_memo()
            encoder.parcel.buffers = []
            self._spare.append((encoder, chunks))
        return pieces, buffers

    def _new_encoder(self) -> Tuple[Any, Chunks]:
        chunks = Chunks()
        encoder = self._encoder(chunks, self._protocol)
        encoder.parcel = values.Parcel(values.Side())
        if self._protocol < 5 <= PROTOCOL:
            encoder.named = bytearray  # its instances are written so below protocol 5
        return encoder, chunks

    def loads(self, body: Bytes, buffers: Sequence[Any], side: values.Side) -> Any:
        """The value of a body. Raises ValueFault."""
        if isinstance(body, (bytes, bytearray)) and not buffers:
            try:
                if self._is_plain(body):
                    return loads(body)
            except Exception as error:
                raise ValueFault("not a pickle of data: %s: %s" % (type(error).__name__, error)) from error
        decoder = self._decoder(io.BytesIO(body) if len(body) < 1 << 16 else Source(body))
        decoder.side, decoder.buffers, decoder.body = side, buffers, body
        try:
            return decoder.load()
        except ValueFault:
            raise
        except ImportError as error:
            raise ValueFault("it needs a module that is missing on this side: %s" % error) from error
        except Exception as error:
            raise ValueFault("not a pickle of data: %s: %s" % (type(error).__name__, error)) from error
        finally:
            if decoder.made:  # the memo knows the decoder's `_make`: without this they keep each other alive
                decoder.memo.clear()
