"""A session over a duplex stream.

Rules: any number of threads may ask at once; the bytes of a request are written as a whole; values are decoded in
the thread that asked for them. What the far side asks from within a call is answered in that call's thread, and what
that asks in turn goes within it. A call that is wanted no more (Ctrl-C, a timeout) is stopped there, and its answer
taken all the same.
"""

import _thread
import collections
import threading
import time
from functools import partial
from typing import Any

from rproxy_endpoint.protocol.errors import ValueFault
from rproxy_endpoint.protocol.messages import CANCEL, PING
from rproxy_endpoint.protocol.peer import Packed

from ..connectors.base import StreamConnector
from ..deployment.bootstrap import start
from ..errors import CallTimeout, ConnectionLost, RProxyError
from ..interrupts import NOTHING_HELD, Held, HeldBack
from . import losing
from .answering import Answering
from .base import Channel, ChannelOptions, Sink, checked_facts, new_peer
from .hurrying import Hurried, is_large, turn
from .keeping import Keeper
from .outgoing import Outgoing
from .reading import Reading
from .waiting import Waiting, was_stopped


class StreamChannel(Channel):
    """Requests and answers over one stream."""

    live = True
    lends = True
    name = "stream"

    def __init__(self, connector: StreamConnector, options: ChannelOptions) -> None:
        self._options = options
        self._peer = new_peer(options)
        self._sending: Any = threading.RLock()  # to be asked whether this thread has it
        self._answering = Answering()
        self._answers = self._answering.threads
        self._stream, first = start(connector, options.launcher)
        self._reading = Reading(
            self._stream, self._peer, options.target, options.ambient,
            answer=self._answer_asked, cancel=self.cancel, silent=self._look_after,
        )  # fmt: skip
        self._waiting = self._reading.waiting
        self._keeper = Keeper(
            connector, self._stream, self._reading, options.keepalive,
            ping=lambda: self._outgoing.attempt([self._peer.bare(PING)]),
        )  # fmt: skip
        self._outgoing = Outgoing(self._stream, self._sending, self._keeper.sends, self._flush)
        try:
            self._write(self._peer.greet(self._keeper.told(options.hello)))
            self.facts = self._keeper.facts = checked_facts(self._reading.open(first), options.target)
        except BaseException:
            self._stream.close()
            raise
        self._peer.codec = options.codec(self.facts)
        losing.hear_of_exit()

    def request(self, message: Any, sink: Sink, limit: float | None) -> Any:
        return self._exchange(self._packed(message), sink, limit)  # values' own code may make calls itself

    def _exchange(self, packed: Packed, sink: Sink, limit: float | None) -> Any:
        with Held(self._cancel_soon) as held:
            waiting = Waiting(sink, held)
            self._begin(packed, waiting, False, limit, held)
            return self._finish(waiting)

    def begin(self, message: Any, sink: Sink, later: bool = False, limit: float | None = None) -> Waiting:
        packed = self._packed(message)
        waiting = Waiting(sink, NOTHING_HELD)
        try:
            # Where others are on their way, nobody waits for this one alone.
            gathers = later and self._waiting and limit is None and not self._answers and self._reading.lost is None
            if gathers and self._outgoing.has_room(packed):
                self._outgoing.gather(packed, waiting)
            else:
                with Held(self._cancel_soon) as held:
                    self._begin(packed, waiting, later, limit, held)
        except (RProxyError, ValueFault):
            raise
        except BaseException:  # an interrupt, which may have come after it was sent
            self._abandon_soon(waiting)
            raise
        return waiting

    def _packed(self, message: Any) -> Packed:
        if self._reenters():
            raise RProxyError(
                "a call cannot be made here, by a finalizer, a signal handler or what shows output, "
                "while this thread is in the middle of another call"
            )
        return self._peer.pack(message)

    def pack(self, message: Any) -> Packed:
        return self._peer.pack(message)

    def exchange(self, requests: list[Packed], sinks: list[Sink], limit: float | None = None) -> list[Any]:
        answers: list[Any] = []
        for packed, sink in zip(requests, sinks, strict=True):
            try:
                answers.append(self._exchange(packed, sink, limit))
            except ValueFault as fault:
                answers.append(fault)
        return answers

    def _begin(self, packed: Packed, waiting: Waiting, later: bool, limit: float | None, held: Held) -> None:
        held.begun = waiting
        if limit is not None:
            waiting.until = time.monotonic() + limit
        if self._answers and not later:
            outer = waiting.outer = self._answers.get(waiting.thread)
            if outer is not None:
                waiting.asked = outer.asked
        try:
            if limit is None:
                self._send(packed, waiting)
            elif is_large(packed):
                send, abandon = partial(self._send, packed, waiting), partial(self._abandon, waiting)
                Hurried(self._sending, send, abandon).within(limit)
            else:
                with turn(self._sending, limit):
                    self._send(packed, waiting)
        except ConnectionLost:
            losing.check_exit()
            raise
        if held.error is not None:
            self.cancel(waiting)

    def finish(self, begun: Waiting) -> Any:
        if begun.answer is not None and begun.trouble is None:
            return self._peer.read(begun.answer)
        with Held(self._cancel_soon) as held:
            begun.held, held.begun = held, begun
            begun.thread = threading.get_ident()
            return self._finish(begun)

    def _finish(self, waiting: Waiting) -> Any:
        try:
            self._reading.wait_for(waiting)
        except BaseException:
            if waiting.outer is not None:
                waiting.outer.inner = None
            self._abandon_soon(waiting)
            raise
        if waiting.answer is None:
            assert self._reading.lost is not None
            raise losing.repeated(self._reading.lost) from self._reading.lost
        answer = self._peer.read(waiting.answer)
        if waiting.late:
            raise CallTimeout("it was stopped there" if was_stopped(answer) else "it came to its end there meanwhile")
        if waiting.trouble is not None:
            raise waiting.trouble
        return answer

    def cancel(self, begun: Waiting) -> None:
        """Has the far side stop a call, if it still runs; its answer tells whether that was so."""
        try:
            with Held(), turn(self._sending, 0):
                self._cancel(begun)
        except CallTimeout:  # what others send may take long
            self._cancel_soon(begun)

    def _cancel(self, begun: Waiting) -> None:
        with self._sending:
            self._flush()
            if begun.number and begun.answer is None and self._reading.lost is None:
                self._write([self._peer.bare(CANCEL, begun.number)])

    def _cancel_soon(self, waiting: Waiting) -> None:
        """For a signal handler: its thread may be in the middle of sending, and `threading` of starting another."""
        _thread.start_new_thread(self._cancel, (waiting,))

    def _reenters(self) -> bool:
        """Whether this thread is in here already: then it would wait for itself."""
        return self._reading.is_reader(threading.get_ident()) or bool(self._sending._is_owned())

    def _abandon_soon(self, waiting: Waiting) -> None:
        """Has the answer of a call taken that was interrupted here: others wait behind it, and it tells of objects and
        types."""
        with HeldBack():
            waiting.thread = 0  # this one is not in the middle of it any more: it may call again at once
            threading.Thread(target=self._abandon, args=(waiting,), daemon=True).start()

    def _abandon(self, waiting: Waiting) -> None:
        waiting.sink, waiting.thread = self._options.ambient, threading.get_ident()
        waiting.outer, waiting.asked = None, collections.deque()  # what is asked of it is refused: it lends nothing now
        waiting.held, waiting.until = NOTHING_HELD, None
        try:
            self._cancel(waiting)
            if waiting.number:  # else it was not sent
                self._reading.wait_for(waiting)
            if waiting.answer is not None:
                self._peer.read(waiting.answer)
        except (RProxyError, ValueFault):
            return  # nobody waits for it any more

    def _send(self, packed: Any, waiting: Waiting) -> None:
        peer = self._peer
        with self._sending:
            if self._outgoing.gathered:
                self._flush()
            if self._reading.lost is not None:
                raise losing.not_sent(self._reading.lost)
            number = peer.number()
            try:
                pieces = peer.seal(packed, number)
                notices = self._notices()
                if self._answers:
                    within = self._answering.question()
                    notices = [*notices, peer.within(within)] if within else notices
            except BaseException:
                peer.forget(number)
                raise
            waiting.number = number
            self._waiting[number] = waiting
            try:
                self._outgoing.write(notices + pieces if notices else pieces)
            except OSError as error:
                self._reading.end(f"cannot send: {error}")
                raise losing.not_sent(self._reading.lost) from error  # not all of it went, so it is no request there
            except BaseException:
                if len(pieces) > 1:  # half a frame may be on its way; a small one goes at once or not at all
                    lost = f"a request to {self._options.target} was interrupted as it was sent"
                    self._reading.abort(ConnectionLost(lost))
                raise

    def _flush(self) -> None:
        """Sends what has gathered, in one piece; the lock of those who send must be held."""
        gathered = [(self._peer.number(), *request) for request in self._outgoing.take()]
        if not gathered:
            return
        self._reading.expect({number: waiting for number, _, waiting in gathered})
        if self._reading.lost is not None:
            return
        try:
            sealed = [piece for number, packed, _ in gathered for piece in self._peer.seal(packed, number)]
            self._outgoing.write([*self._notices(), b"".join(sealed)])
        except OSError as error:
            self._reading.end(f"cannot send: {error}")
        except BaseException as error:  # half a frame may be on its way
            self._reading.abort(losing.lost(self._options.target, f": cannot send: {error!r}"))
            if not isinstance(error, Exception):
                raise

    def _write(self, pieces: list[Any]) -> None:
        try:
            self._outgoing.write(pieces)
        except OSError as error:
            self._reading.end(f"cannot send: {error}")

    def _notices(self) -> list[Any]:
        found = self._options.before()
        return [piece for notice in found for piece in self._peer.send(notice)] if found else found

    # -- what the far side asks ------------------------------------------------------------------------

    def is_asked(self) -> bool:
        return self._answering.question() > 0

    def _answer_asked(self, waiting: Waiting) -> None:
        """Answers one question of the far side, while others may read."""
        frame = waiting.asked.popleft()
        self._reading.leave(waiting)
        with self._answering.answer(waiting, frame.call), waiting.held.let_go():
            packed, _living = self._options.lender(lambda: self._peer.read(frame), self._peer.pack)
        with self._sending:
            if self._reading.lost is None:
                self._write([*self._notices(), *self._peer.seal(packed, frame.call)])

    def _look_after(self) -> None:
        self._keeper.begin()

    # -- the end ---------------------------------------------------------------------------------------

    def look(self) -> None:
        with self._sending:  # others who would send wait for what is found
            self._reading.listen()

    def lose(self, error: RProxyError) -> None:
        self._reading.lose(error)

    def close(self) -> None:
        self._keeper.end()
        self.lose(RProxyError(f"the client of {self._options.target} is closed"))
        self._stream.close()
