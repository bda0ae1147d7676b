"""A session over a duplex stream.

Rules: any number of threads may ask at once; the bytes of a request are written as a whole; one of the
waiting threads reads for all of them (so that a lone caller reads its own answer, without a hand-over), and
passes that on when its own answer has come; values are decoded in the thread that asked for them.
"""

import threading
from typing import Any

from rproxy_endpoint.protocol.errors import ProtocolFault
from rproxy_endpoint.protocol.frames import Frame
from rproxy_endpoint.protocol.messages import OUTPUT

from ..connectors.base import StreamConnector
from ..deployment.bootstrap import converse, new_token
from ..errors import ConnectionLost, ProtocolError, RProxyError
from .base import Channel, ChannelOptions, Sink, checked_facts, new_peer


class _Waiting:
    """A request without an answer yet."""

    __slots__ = ("answer", "lead", "sink", "trouble", "wake")

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.answer: Frame | None = None
        self.trouble: Exception | None = None  # what the sink raised
        self.lead = False  # told to read for all
        self.wake: threading.Lock | None = None


class StreamChannel(Channel):
    """Requests and answers over one stream."""

    live = True

    def __init__(self, connector: StreamConnector, options: ChannelOptions) -> None:
        token = new_token()
        self._options = options
        self._peer = new_peer(options)
        self._lost: RProxyError | None = None
        self._sending = threading.Lock()
        self._state = threading.Lock()
        self._waiting: dict[int, _Waiting] = {}
        self._reading = False
        self._stream = connector.open(options.launcher.endpoint(token, "session", token))
        try:
            first = converse(self._stream, options.launcher, options.target, token)
            self._stream.write(self._peer.greet(options.hello))
            self._take(self._feed(first))
            while self._peer.hello is None:
                self._read()
                if self._lost is not None:
                    raise self._lost
            self.facts = checked_facts(self._peer.hello, options.target)
        except BaseException:
            self._stream.close()
            raise
        self._peer.codec = options.codec(self.facts)

    def request(self, message: Any, sink: Sink) -> Any:
        waiting = _Waiting(sink)
        self._send(message, waiting)
        self._await(waiting)
        if waiting.trouble is not None:
            raise waiting.trouble
        assert waiting.answer is not None
        return self._peer.read(waiting.answer)

    def _send(self, message: Any, waiting: _Waiting) -> None:
        peer = self._peer
        packed = peer.pack(message)  # values' own code runs here, and may make calls itself
        with self._sending:
            if self._lost is not None:
                raise self._not_sent()
            number = peer.number()
            try:
                pieces = peer.seal(packed, number)
            except BaseException:
                peer.forget(number)
                raise
            self._waiting[number] = waiting
            notices = self._options.before()
            if notices:
                pieces = [*(piece for notice in notices for piece in peer.send(notice)), *pieces]
            try:
                self._stream.write(pieces)
            except OSError as error:
                self._end(f"cannot send: {error}")
            except BaseException:
                # Ctrl-C with half a request on its way: what follows would be taken for its other half.
                self._lose(ConnectionLost(f"a request to {self._options.target} was interrupted as it was sent"))
                raise

    # -- reading ---------------------------------------------------------------------------------------

    def _await(self, waiting: _Waiting) -> None:
        """Waits for the answer, reading for all if nobody else does."""
        with self._state:
            if not self._reading:
                self._reading = waiting.lead = True
            elif waiting.answer is None:
                waiting.wake = threading.Lock()
                waiting.wake.acquire()
        if waiting.wake is not None:
            waiting.wake.acquire()  # its answer is there, or it is its turn to read
        if waiting.lead:
            try:
                while waiting.answer is None and self._lost is None:
                    self._read()
            finally:
                self._pass_on()
        if waiting.answer is None and self._lost is not None:
            raise type(self._lost)(*self._lost.args) from self._lost

    def _pass_on(self) -> None:
        """Lets another thread read, if one waits."""
        with self._state:
            self._reading = False
            for other in self._waiting.values():
                if other.wake is not None and other.answer is None and not other.lead:
                    self._reading = other.lead = True
                    other.wake.release()
                    break

    def _read(self) -> None:
        try:
            count = self._stream.readinto(self._peer.buffer())
        except OSError as error:
            self._end(str(error))
            return
        if not count:
            self._end("")
            return
        try:
            frames = self._peer.received(count)
        except ProtocolFault as fault:
            raise self._break(fault) from fault
        self._take(frames)

    def _feed(self, data: bytes) -> list[Frame]:
        try:
            return self._peer.feed(data)
        except ProtocolFault as fault:
            raise self._break(fault) from fault

    def _take(self, frames: list[Frame]) -> None:
        for frame in frames:
            if frame.kind == OUTPUT:
                self._print(frame)
                continue
            waiting = self._waiting.pop(frame.call)
            with self._state:
                waiting.answer = frame
                if waiting.wake is not None and not waiting.lead:
                    waiting.wake.release()

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
                if waiting.wake is not None and not waiting.lead:
                    waiting.wake.release()
            self._waiting.clear()

    def close(self) -> None:
        self._lose(RProxyError(f"the client of {self._options.target} is closed"))
        self._stream.close()
