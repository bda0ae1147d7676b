"""One end of a conversation, in either role: messages in, bytes out; bytes in, messages out.

Rules: a Hello opens each direction and says the protocol's version; each side numbers its requests, each
number once; an answer belongs to a request that waits for one; a role sends only its own messages, and an
endpoint asks only from within a request of the client's that waits for its answer. Whoever breaks a rule gets
a ProtocolFault, after which the peer refuses everything. Frames are checked as they come; their values are
decoded by `read`, in the thread that wants them.
"""

from typing import Any, Dict, List, Optional, Set, Tuple

from . import VERSION
from .errors import ProtocolFault, ValueFault
from .frames import LIMITS, Ahead, Bytes, Decoder, Frame, Limits, encode
from .jsoned import JsonCodec
from .messages import (
    ANSWERS,
    BARE,
    CANCEL,
    CLASSES,
    HELLO,
    KINDS,
    LOANS,
    NOTICES,
    OUTPUT,
    PART,
    PING,
    PLAIN,
    PONG,
    REQUESTS,
    WITHIN,
    Failure,
    Hello,
    Output,
    Reply,
)
from .values import Side

_JSON = JsonCodec()
#: The messages whose fields the client uses as they are.
_FIELDS: Dict[Any, Tuple[type, ...]] = {Hello: (dict,), Failure: (dict,)}
#: A message whose values are bytes by now: its kind, its body, the buffers beside it.
Packed = Tuple[int, List[Bytes], List[memoryview]]
_SENDS = {
    "client": REQUESTS | NOTICES | {KINDS[Reply], KINDS[Failure], WITHIN, CANCEL, PING},
    "endpoint": ANSWERS | LOANS | {OUTPUT, WITHIN, PONG, PART},
}


class Peer:
    """The state of one side of a session.

    `role` is "client" or "endpoint"; `side` answers the codec's questions about objects and classes.
    """

    def __init__(self, role: str, side: Side, limits: Limits = LIMITS) -> None:
        self.codec: Any = _JSON  # until the Hello chooses another
        self.side = side
        self.limits = limits
        self.hello: Optional[Dict[str, Any]] = None  # what the other side said of itself
        self.waiting: Set[int] = set()  # the client's requests without an answer yet
        self.asked: Set[int] = set()  # the endpoint's
        self._accepts = _SENDS["endpoint" if role == "client" else "client"]
        self._role = role
        self._own = self.waiting if role == "client" else self.asked  # this side's own requests
        self._decoder = Decoder(limits)
        self._number = 0  # the client's last request's
        self._asking = 0  # the endpoint's
        self._within = 0  # what the next frame is said to be asked from
        self._joins = False  # whether frames have to be joined with what was said of them
        self._fault: Optional[ProtocolFault] = None

    # -- bytes out -------------------------------------------------------------------------------------

    def greet(self, facts: Dict[str, Any]) -> List[Bytes]:
        """The bytes of this side's Hello."""
        return self.send(Hello(dict(facts, protocol=VERSION)))

    def number(self) -> int:
        """A number for the next request, which then waits for its answer."""
        if self._role == "endpoint":
            self._asking += 1
            self.asked.add(self._asking)
            return self._asking
        self._number += 1
        self.waiting.add(self._number)
        return self._number

    def forget(self, call: int) -> None:
        """Takes back the number of a request that was never sent."""
        (self.asked if self._role == "endpoint" else self.waiting).discard(call)

    def within(self, call: int) -> Bytes:
        """What goes ahead of a request that is asked from within the other side's request of that number."""
        return self.bare(WITHIN, call)

    def bare(self, kind: int, call: int = 0) -> Bytes:
        """A frame without a body."""
        return encode(kind, call, [], [], self.limits)[0]

    def send(self, message: Any, call: int = 0, ahead: Ahead = None) -> List[Bytes]:
        """The bytes of a message. Raises ValueFault if a value in it cannot travel: nothing is sent then."""
        return self.seal(self.pack(message, ahead), call)

    def pack(self, message: Any, ahead: Ahead = None) -> Packed:
        """The part of `send` that runs the code of the values: in no particular order, and under no lock. `ahead`
        takes the first pieces of a large body while the others are made.

        Raises ValueFault if a value cannot travel.
        """
        kind = KINDS[type(message)]
        if kind == OUTPUT:
            return kind, [bytes((message.stream,)), message.data], []
        codec = _JSON if kind in PLAIN else self.codec
        body, buffers = codec.dumps(tuple(message), self.side, ahead)
        return kind, body, buffers

    def seal(self, packed: Packed, call: int = 0) -> List[Bytes]:
        """The bytes of a packed message. Raises ValueFault if it is over the limits."""
        if self._fault is not None:
            raise self._fault
        kind, body, buffers = packed
        pieces = encode(kind, call, body, buffers, self.limits)
        if kind in ANSWERS:
            (self.waiting if self._role == "endpoint" else self.asked).discard(call)
        return pieces

    # -- bytes in --------------------------------------------------------------------------------------

    def buffer(self) -> memoryview:
        """The memory where the next bytes belong."""
        return self._decoder.buffer()

    def received(self, count: int) -> List[Frame]:
        """The frames that are whole with `count` more bytes in `buffer()`. Raises ProtocolFault."""
        return self._guarded(self._decoder.received, count)

    def feed(self, data: Bytes) -> List[Frame]:
        """The frames that are whole with these bytes. Raises ProtocolFault."""
        return self._guarded(self._decoder.feed, data)

    @property
    def idle(self) -> bool:
        """Whether no message has come in part."""
        return self._decoder.idle

    def ended(self) -> None:
        """Takes note that no more bytes come. Raises ProtocolFault in the middle of a frame."""
        if not self.idle:
            self._fault = ProtocolFault("the stream ended in the middle of a message")
            raise self._fault

    def _guarded(self, decode: Any, data: Any) -> List[Frame]:
        if self._fault is not None:
            raise self._fault
        try:
            frames: List[Frame] = decode(data)
            if self.hello is None and frames:
                self._open(frames.pop(0))
            check = self._check
            for frame in frames:
                check(frame)
            return self._joined(frames) if self._joins else frames
        except ProtocolFault as fault:
            self._fault = fault
            raise

    def _check(self, frame: Frame) -> None:
        kind, call = frame.kind, frame.call
        if kind in ANSWERS and call in self._own:  # the most frequent cases by far
            self._own.remove(call)
            return
        if kind not in self._accepts:
            raise ProtocolFault("a message of kind %d from the %s's other side" % (kind, self._role))
        if kind == OUTPUT and (frame.buffers or not frame.body or frame.body[0] not in (1, 2)):
            raise ProtocolFault("an Output of no stream")
        if kind in BARE:
            self._check_bare(frame)
        elif kind in ANSWERS:
            raise ProtocolFault("an answer to request %d, which waits for none" % call)
        elif self._role == "endpoint":
            if kind in REQUESTS:
                self._number = self._counted(call, self._number)
                self.waiting.add(call)
        elif kind in REQUESTS:
            self._asking = self._counted(call, self._asking)
            self.asked.add(call)
            self._joins = True
        elif call not in self.waiting and (call or kind == PART):
            raise ProtocolFault("an answer to request %d, which waits for none" % call)
        elif kind == PART:
            self._joins = True

    def _check_bare(self, frame: Frame) -> None:
        kind, call = frame.kind, frame.call
        if frame.body or frame.buffers:
            raise ProtocolFault("a message of kind %d with a body" % kind)
        if kind == WITHIN:
            if not call or (self._role == "client" and call not in self.waiting):
                raise ProtocolFault("a request from within request %d, which does not run" % call)
            self._joins = True
        elif kind == CANCEL and not 0 < call <= self._number:
            raise ProtocolFault("an end of request %d, which never came" % call)

    @staticmethod
    def _counted(call: int, last: int) -> int:
        if call <= last:
            raise ProtocolFault("request %d came after request %d" % (call, last))
        return call

    def _joined(self, frames: List[Frame]) -> List[Frame]:
        """Requests with what they are asked from, and nothing else of that."""
        joined: List[Frame] = []
        for frame in frames:
            if frame.kind == WITHIN and not self._within:
                self._within = frame.call
                continue
            if self._within and frame.kind not in REQUESTS:
                raise ProtocolFault("a message of kind %d where a request was announced" % frame.kind)
            if self._role == "client" and frame.kind in REQUESTS and not self._within:
                raise ProtocolFault("request %d of an endpoint from within none" % frame.call)
            joined.append(frame._replace(within=self._within))
            self._within = 0
        self._joins = self._within != 0
        return joined

    def _open(self, frame: Frame) -> None:
        if frame.kind != HELLO:
            raise ProtocolFault("a message of kind %d before the Hello" % frame.kind)
        try:
            facts: Dict[str, Any] = self._message(Hello, _JSON, frame).facts
        except ValueFault as error:
            raise ProtocolFault("not a Hello: %s" % error)
        version = facts.get("protocol")
        if type(version) is not int:
            raise ProtocolFault("a Hello without the version of its protocol")
        if version != VERSION:
            raise ProtocolFault("the other side speaks protocol %d, this one %d" % (version, VERSION))
        self.hello = facts

    def read(self, frame: Frame) -> Any:
        """The message in a frame.

        Raises ValueFault if a value in it cannot be rebuilt here: the session is sound all the same.
        """
        kind = frame.kind
        if kind == OUTPUT:
            return Output(frame.body[0], bytes(frame.body[1:]))
        return self._message(CLASSES[kind], _JSON if kind in PLAIN else self.codec, frame)

    def _message(self, cls: Any, codec: Any, frame: Frame) -> Any:
        fields = codec.loads(frame.body, frame.buffers, self.side)
        if type(fields) is not tuple or len(fields) != len(cls._fields):
            raise ValueFault("a %s has other fields" % cls.__name__)
        if cls in _FIELDS and tuple(map(type, fields)) != _FIELDS[cls]:
            raise ValueFault("a %s has fields of other types" % cls.__name__)
        return tuple.__new__(cls, fields)
