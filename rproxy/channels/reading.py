"""The answers: which requests wait for one, and who reads them.

Rules: one of the waiting threads reads for all of them (so that a lone caller reads its own answer, without a
hand-over), and passes that on when its own answer has come; at the end every waiting request learns why.
"""

import collections
import threading
import time
from collections.abc import Callable
from typing import Any

from rproxy_endpoint.protocol.errors import ProtocolFault
from rproxy_endpoint.protocol.frames import Frame
from rproxy_endpoint.protocol.messages import OUTPUT, PONG
from rproxy_endpoint.protocol.peer import Peer

from .. import log
from ..connectors.base import Silence, Stream
from ..errors import CallTimeout, ConnectionLost, ProtocolError, RProxyError
from ..interrupts import NOTHING_HELD
from . import losing
from .base import Sink
from .waiting import Waiting, hand_over, show, wake_up

#: How long a call that has taken too long may take to be stopped there, in seconds.
PATIENCE = 2.0
#: Frames that answer no request.
_BY_THE_WAY = (OUTPUT, PONG)


class Reading:
    """Hands out what comes over a stream.

    `answer` answers a question of the far side that is asked from within a request, in the thread of that; `cancel` has
    the far side stop a request; `silent` is called when nothing has come for a while.
    """

    def __init__(
        self, stream: Stream, peer: Peer, target: str, ambient: Sink, *,
        answer: Callable[[Waiting], None], cancel: Callable[[Waiting], None], silent: Callable[[], None],
    ) -> None:  # fmt: skip
        self.waiting: dict[int, Waiting] = {}  # by their numbers
        self.lost: RProxyError | None = None  # why there will be no more
        self.heard = False  # whether something has come; others set it back
        self._stream, self._peer, self._target, self._ambient = stream, peer, target, ambient
        self._answer, self._cancel, self._silent = answer, cancel, silent
        self._ready = getattr(stream, "ready", None)
        self._state: Any = threading.RLock()  # to be asked whether this thread has it
        self._reader: Waiting | None = None  # whose thread reads for all
        self._frames: collections.deque[Frame] = collections.deque()  # received, not yet handed out

    def open(self, first: bytes) -> dict[str, Any]:
        """What the far side says of itself, of which so much has come. Raises ConnectionLost, ProtocolError."""
        try:
            self._frames += self._peer.feed(first)
        except ProtocolFault as fault:
            raise self._break(fault) from fault
        while self._peer.hello is None and self.lost is None:
            self._read()
        if self.lost is not None:
            raise self.lost
        assert self._peer.hello is not None
        return self._peer.hello

    def expect(self, requests: dict[int, Waiting]) -> None:
        """Takes note of requests by their numbers, whose threads may wait already."""
        with self._state:
            for number, waiting in requests.items():
                waiting.number = number
                if self.lost is not None:
                    wake_up(waiting)
            if self.lost is None:
                self.waiting.update(requests)
                if self._reader is None:
                    self._pass_on()

    def is_reader(self, thread: int) -> bool:
        """Whether that thread is in here already, and would wait for itself."""
        reader = self._reader
        return (reader is not None and reader.thread == thread) or bool(self._state._is_owned())

    def wait_for(self, waiting: Waiting) -> None:
        """Waits for the answer, reading for all if nobody else does. Whoever is interrupted in it stays the
        reader, until another thread waits in its name."""
        outer = waiting.outer
        if outer is not None:
            outer.inner = waiting
        while True:
            if waiting.asked:
                self._answer(waiting)
                continue
            if waiting.answer is not None or self.lost is not None:
                break
            left = None if waiting.until is None else self._left(waiting)
            with self._state:
                if self._reader is None:
                    self._reader = waiting
                elif self._reader is not waiting and not (waiting.answer or self.lost or waiting.asked):
                    waiting.wake = threading.Lock()
                    waiting.wake.acquire()
                wake = waiting.wake
            if self._reader is waiting:
                if not (waiting.answer or self.lost or waiting.asked):  # now that nobody else reads
                    self._read(left)
            elif wake is not None:
                wake.acquire(True, -1 if left is None else left)
        if outer is not None:
            outer.inner = None
        self.leave(waiting)

    def _left(self, waiting: Waiting) -> float:
        """How long a call may still be waited for, in seconds. When its time is over it is stopped there; raises
        CallTimeout if that takes too long."""
        assert waiting.until is not None
        left = waiting.until - time.monotonic()
        if left > 0:
            return left
        if waiting.late:
            with self._state:
                waiting.wake = None  # nobody is to make this thread the reader
            raise CallTimeout("it could not be stopped there, and may go on")
        waiting.late, waiting.until = True, time.monotonic() + PATIENCE
        self._cancel(waiting)
        return PATIENCE

    def listen(self) -> None:
        """Takes what has come, unless somebody reads."""
        with self._state:
            if self._reader is not None or self.lost is not None or self._ready is None:
                return
            self._reader = Waiting(self._ambient, NOTHING_HELD)
        try:
            while self.lost is None and self._ready(0.0):
                self._read()
        finally:
            self._pass_on()

    def leave(self, waiting: Waiting) -> None:
        """Lets others read while this request's thread is busy with something else."""
        if self._reader is waiting:
            self._pass_on()

    def _pass_on(self) -> None:
        """Lets another thread read, if one waits."""
        with self._state:
            self._reader = None
            if self.waiting:
                self._reader = next((other for other in list(self.waiting.values()) if other.wake is not None), None)
                if self._reader is not None:
                    wake_up(self._reader)

    def _read(self, left: float | None = None) -> None:
        """Takes what comes next; waits no longer than that many seconds, where the stream can."""
        if not self._frames:
            try:
                if left is not None and self._ready is not None and not self._ready(left):
                    return
                count = self._stream.readinto(self._peer.buffer())
            except Silence:
                self._silent()
                return
            except OSError as error:
                self.end(str(error))
                return
            if not count:
                self.end("")
                return
            self.heard = True
            try:
                self._frames += self._peer.received(count)
            except ProtocolFault as fault:
                self._break(fault)
        while self._frames:
            if self._frames[0].kind in _BY_THE_WAY:
                self._show(self._frames.popleft())
                continue
            with self._state:
                while self._frames and self._frames[0].kind not in _BY_THE_WAY:
                    self._hand_out(self._frames.popleft())

    def _show(self, frame: Frame) -> None:
        if frame.kind == OUTPUT:
            show(self._peer.read(frame), self.waiting.get(frame.call), self._ambient)

    def _hand_out(self, frame: Frame) -> None:
        """Gives a question, or an answer, to the thread that waits; the state's lock must be held."""
        if frame.within:
            hand_over(frame, self.waiting.get(frame.within))
            return
        waiting = self.waiting.pop(frame.call, None)
        if waiting is not None:  # else the client was closed meanwhile
            waiting.answer = frame
            wake_up(waiting)

    def end(self, why: str) -> None:
        """The stream has ended: every waiting call learns it."""
        told = self._stream.diagnosis()
        try:
            self._peer.ended()
        except ProtocolFault as fault:
            why = why or str(fault)
        self.lose(losing.lost(self._target, f"{': ' + why if why else ''} ({told})"))

    def _break(self, fault: ProtocolFault) -> ProtocolError:
        error = ProtocolError(f"{self._target} does not speak the protocol: {fault}")
        self.lose(error)
        self._stream.close()
        return error

    def lose(self, error: RProxyError) -> None:
        with self._state:
            first, self.lost = self.lost is None, self.lost or error
            for waiting in list(self.waiting.values()):
                wake_up(waiting)
            self.waiting.clear()
        if first and isinstance(error, ConnectionLost | ProtocolError):
            log.info("channel", "lost %s: %s", self._target, error)

    def abort(self, error: RProxyError) -> None:
        """Ends the session with an error, also for the thread that reads."""
        self.lose(error)
        getattr(self._stream, "abort", self._stream.close)()
