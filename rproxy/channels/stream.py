"""A session over a duplex stream.

Rules: any number of threads may ask at once; the bytes of a request are written as a whole; one of the
waiting threads reads for all of them (so that a lone caller reads its own answer, without a hand-over), and
passes that on when its own answer has come; values are decoded in the thread that asked for them. What the far
side asks from within a call is answered in that call's thread, and what that asks in turn goes within it.
"""

import collections
import threading
from contextvars import ContextVar
from typing import Any

from rproxy_endpoint.protocol.errors import ProtocolFault, ValueFault
from rproxy_endpoint.protocol.frames import Frame
from rproxy_endpoint.protocol.messages import OUTPUT
from rproxy_endpoint.protocol.peer import Packed

from ..connectors.base import StreamConnector
from ..deployment.bootstrap import start
from ..errors import ConnectionLost, ProtocolError, RProxyError
from .base import Channel, ChannelOptions, Sink, checked_facts, new_peer

#: The question of the far side that is being answered: by the id of its channel, its number.
_answering: ContextVar[dict[int, int]] = ContextVar("rproxy_answering")
_NOTHING: collections.deque[Frame] = collections.deque()  # few requests are asked anything


class _Waiting:
    """A request without an answer yet."""

    __slots__ = ("answer", "asked", "inner", "outer", "sink", "thread", "trouble", "wake")

    def __init__(self, sink: Sink, outer: "_Waiting | None") -> None:
        self.sink = sink
        self.outer = outer  # the request of this thread from within which this one is asked
        self.inner: _Waiting | None = None  # the one that is asked from within this one, if it waits now
        # What the far side asks from within the thread's requests.
        self.asked: collections.deque[Frame] = outer.asked if outer is not None else _NOTHING
        self.thread = threading.get_ident()
        self.answer: Frame | None = None
        self.trouble: Exception | None = None  # what the sink raised
        self.wake: threading.Lock | None = None  # held until it is this one's turn, or its answer is there


class StreamChannel(Channel):
    """Requests and answers over one stream."""

    live = True
    lends = True
    name = "stream"

    def __init__(self, connector: StreamConnector, options: ChannelOptions) -> None:
        self._options = options
        self._peer = new_peer(options)
        self._lost: RProxyError | None = None
        self._sending: Any = threading.RLock()  # RLocks, to be asked whether this thread has them
        self._state: Any = threading.RLock()
        self._waiting: dict[int, _Waiting] = {}
        self._answers: dict[int, _Waiting] = {}  # the threads that answer the far side, and for which request
        self._reader: _Waiting | None = None  # whose thread reads for all
        self._frames: collections.deque[Frame] = collections.deque()  # received, not yet handed out
        self._stream, first = start(connector, options.launcher)
        try:
            try:
                self._stream.write(self._peer.greet(options.hello))
            except OSError as error:
                self._end(f"cannot send: {error}")
            self._frames += self._feed(first)
            while self._peer.hello is None:
                self._read()
                if self._lost is not None:
                    raise self._lost
            self.facts = checked_facts(self._peer.hello, options.target)
        except BaseException:
            self._stream.close()
            raise
        self._peer.codec = options.codec(self.facts)

    def begin(self, message: Any, sink: Sink, later: bool = False) -> _Waiting:
        if self._reenters():
            raise RProxyError(
                "a call cannot be made here, by a finalizer, a signal handler or what shows output, "
                "while this thread is in the middle of another call"
            )
        return self._begin(self.pack(message), sink, later)  # values' own code runs here, and may make calls itself

    def pack(self, message: Any) -> Packed:
        return self._peer.pack(message)

    def exchange(self, requests: list[Packed], sinks: list[Sink]) -> list[Any]:
        answers: list[Any] = []
        for packed, sink in zip(requests, sinks, strict=True):
            try:
                answers.append(self.finish(self._begin(packed, sink)))
            except ValueFault as fault:
                answers.append(fault)
        return answers

    def _begin(self, packed: Packed, sink: Sink, later: bool = False) -> _Waiting:
        waiting = _Waiting(sink, self._answers.get(threading.get_ident()) if self._answers and not later else None)
        self._send(packed, waiting)
        return waiting

    def finish(self, begun: _Waiting) -> Any:
        waiting = begun
        waiting.thread = threading.get_ident()
        try:
            self._await(waiting)
        except BaseException:
            if waiting.outer is not None:
                waiting.outer.inner = None
            # Its answer must be read all the same: others wait behind it, and it tells of objects and types.
            threading.Thread(target=self._abandon, args=(waiting,), daemon=True).start()
            raise
        answer = self._answer(waiting)
        if waiting.trouble is not None:
            raise waiting.trouble
        return answer

    def _reenters(self) -> bool:
        """Whether this thread is in here already: then it would wait for itself."""
        reader = self._reader
        reads = reader is not None and reader.thread == threading.get_ident()
        return reads or self._sending._is_owned() or self._state._is_owned()

    def _abandon(self, waiting: _Waiting) -> None:
        """Takes the answer of a call that was interrupted here."""
        waiting.sink, waiting.thread = self._options.ambient, threading.get_ident()
        waiting.outer, waiting.asked = None, collections.deque()  # what is asked of it is refused: it lends nothing now
        try:
            self._await(waiting)
            self._answer(waiting)
        except (RProxyError, ValueFault):
            return  # nobody waits for it any more

    def _answer(self, waiting: _Waiting) -> Any:
        if waiting.answer is None:
            assert self._lost is not None
            raise type(self._lost)(*self._lost.args) from self._lost
        return self._peer.read(waiting.answer)

    def _send(self, packed: Any, waiting: _Waiting) -> None:
        peer = self._peer
        with self._sending:
            if self._lost is not None:
                raise self._not_sent()
            number = peer.number()
            try:
                pieces = peer.seal(packed, number)
                notices = self._notices()
                if self._answers:
                    within = _answering.get({}).get(id(self))
                    notices += [peer.within(within)] if within else []
            except BaseException:
                peer.forget(number)
                raise
            with self._state:
                self._waiting[number] = waiting
            try:
                self._stream.write([*notices, *pieces] if notices else pieces)
            except OSError as error:
                self._end(f"cannot send: {error}")
            except BaseException:
                if len(pieces) > 1:  # half a frame may be on its way; a small one goes at once or not at all
                    self._lose(ConnectionLost(f"a request to {self._options.target} was interrupted as it was sent"))
                raise

    def _notices(self) -> list[Any]:
        return [piece for notice in self._options.before() for piece in self._peer.send(notice)]

    # -- what the far side asks ------------------------------------------------------------------------

    def _answer_asked(self, waiting: _Waiting) -> None:
        """Answers one question of the far side, while others may read."""
        frame = waiting.asked.popleft()
        if self._reader is waiting:
            self._pass_on()
        thread = threading.get_ident()
        outer, self._answers[thread] = self._answers.get(thread), waiting
        token = _answering.set({**_answering.get({}), id(self): frame.call})
        try:
            packed = self._options.lender(lambda: self._peer.read(frame), self._peer.pack)
        finally:
            _answering.reset(token)
            if outer is None:
                del self._answers[thread]
            else:
                self._answers[thread] = outer
        with self._sending:
            if self._lost is None:
                pieces = [*self._notices(), *self._peer.seal(packed, frame.call)]
                try:
                    self._stream.write(pieces)
                except OSError as error:
                    self._end(f"cannot send: {error}")

    # -- reading ---------------------------------------------------------------------------------------

    def _await(self, waiting: _Waiting) -> None:
        """Waits for the answer, reading for all if nobody else does. Whoever is interrupted in it stays the
        reader, until `_abandon` goes on in its name."""
        outer = waiting.outer
        if outer is not None:
            outer.inner = waiting
        while True:
            if waiting.asked:
                self._answer_asked(waiting)
                continue
            if waiting.answer is not None or self._lost is not None:
                break
            with self._state:
                idle = waiting.answer is None and self._lost is None and not waiting.asked
                if self._reader is None:
                    self._reader = waiting
                elif self._reader is not waiting and idle:
                    waiting.wake = threading.Lock()
                    waiting.wake.acquire()
                wake = waiting.wake
            if self._reader is waiting:
                if waiting.answer is None and self._lost is None and not waiting.asked:  # now that nobody else reads
                    self._read()
            elif wake is not None:
                wake.acquire()
        if outer is not None:
            outer.inner = None
        if self._reader is waiting:
            self._pass_on()

    def _pass_on(self) -> None:
        """Lets another thread read, if one waits."""
        with self._state:
            self._reader = next((other for other in self._waiting.values() if other.wake is not None), None)
            if self._reader is not None:
                _wake(self._reader)

    def _read(self) -> None:
        if not self._frames:
            try:
                count = self._stream.readinto(self._peer.buffer())
            except OSError as error:
                self._end(str(error))
                return
            if not count:
                self._end("")
                return
            try:
                self._frames += self._peer.received(count)
            except ProtocolFault as fault:
                self._break(fault)
        while self._frames:
            self._take(self._frames.popleft())

    def _feed(self, data: bytes) -> list[Frame]:
        try:
            return self._peer.feed(data)
        except ProtocolFault as fault:
            raise self._break(fault) from fault

    def _take(self, frame: Frame) -> None:
        if frame.kind == OUTPUT:
            self._print(frame)
            return
        with self._state:
            if frame.within:
                self._hand_over(frame)
                return
            waiting = self._waiting.pop(frame.call, None)
            if waiting is not None:  # else the client was closed meanwhile
                waiting.answer = frame
                _wake(waiting)

    def _hand_over(self, frame: Frame) -> None:
        """Gives a question to the thread whose request it is asked from; the state's lock must be held."""
        waiting = self._waiting.get(frame.within)
        if waiting is None:
            return  # the client was closed meanwhile
        if waiting.asked is _NOTHING:
            waiting.asked = collections.deque()
        waiting.asked.append(frame)
        while waiting.inner is not None:
            waiting = waiting.inner
        _wake(waiting)

    def _print(self, frame: Frame) -> None:
        waiting = self._waiting.get(frame.call)
        output = self._peer.read(frame)
        if waiting is None:
            self._options.ambient(output.stream, output.data)
            return
        try:
            waiting.sink(output.stream, output.data)
        except Exception as error:  # it is the asking thread's to see, not the reading one's
            waiting.trouble = waiting.trouble or error

    def _not_sent(self) -> RProxyError:
        """For calls that come after the end."""
        if isinstance(self._lost, ConnectionLost):
            return ConnectionLost(f"{self._lost.args[0]}\nThis call was not sent.", may_have_run=False)
        assert self._lost is not None
        return type(self._lost)(*self._lost.args)

    # -- the end ---------------------------------------------------------------------------------------

    def _end(self, why: str) -> None:
        """The stream has ended: every waiting call learns it."""
        told = self._stream.diagnosis()
        try:
            self._peer.ended()
        except ProtocolFault as fault:
            why = why or str(fault)
        self._lose(
            ConnectionLost(
                f"the session with {self._options.target} has ended{': ' + why if why else ''} ({told}). "
                "Whether a call that was under way has run is unknown. Make a new client to go on."
            )
        )

    def _break(self, fault: ProtocolFault) -> ProtocolError:
        error = ProtocolError(f"{self._options.target} does not speak the protocol: {fault}")
        self._lose(error)
        self._stream.close()
        return error

    def _lose(self, error: RProxyError) -> None:
        with self._state:
            self._lost = self._lost or error
            for waiting in self._waiting.values():
                _wake(waiting)
            self._waiting.clear()

    def close(self) -> None:
        self._lose(RProxyError(f"the client of {self._options.target} is closed"))
        self._stream.close()


def _wake(waiting: _Waiting) -> None:
    """Wakes a thread that sleeps; the state's lock must be held."""
    wake, waiting.wake = waiting.wake, None
    if wake is not None:
        wake.release()
