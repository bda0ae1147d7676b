"""Runs an endpoint: a session over descriptors 0 and 1.

Rules: requests run on the main thread, in order, so that signals, plots, GPUs and databases work as people
expect; a failure of a call is the call's, and the session goes on; when the client is gone, what it
started ends within seconds.
"""

import _signal as signal  # `signal` itself makes enumerations: a tenth of an endpoint's start
import os
import select
import threading
import time
from typing import Any, Callable, Dict, List, Optional

from .cancelling import Cancelling
from .conversation import Conversation, Group
from .ending import end
from .execute import Executor, Missing
from .guard import lead_group, settle
from .objects import EndpointSide, NeedsStream, lenders
from .output import Recorder
from .protocol.errors import ProtocolFault, ValueFault
from .protocol.failures import plain_failure, take_exception, text_of
from .protocol.frames import Ahead, Bytes, Frame
from .protocol.messages import CANCEL, NOTICES, PART, PING, PONG, Failure, Output, Provide, Release, Reply
from .protocol.peer import Peer
from .protocol.pickled import PickleCodec, TrustingDecoder, names_nothing
from .silence import end_in_silence

_NOT_BEGUN = Failure({"fault": "cancelled", "cancelled": True, "text": "it had not begun"})
_SCALARS = frozenset((type(None), bool, int, float, str, bytes))
#: How long answers are held while others follow, in seconds.
HOLD = 0.001
#: So many signs of life, at most, does a client get in the time of its keepalive: it looks for them half as often.
SIGNS = 6
HERE = os.path.dirname(__file__)  # absolute, or <memory>


class _Loader(TrustingDecoder):
    """Finds what the client provided where this host may have another version of it, or none."""

    def find_other(self, module: str, name: str) -> Any:
        provided = self.side.provided(module)  # type: ignore[attr-defined]
        if provided is not None:
            return getattr(provided, name)
        try:
            return super().find_other(module, name)
        except (ImportError, AttributeError):
            raise
        except Exception as error:  # the module's own: whoever wrote it wants to see where
            told = take_exception(error, HERE)["traceback"]
            raise ValueFault("%s cannot be imported:\n%s" % (module, told)) from error


class Server:
    """Answers requests; the bytes of the answers go to `write`, which is the client's descriptor at first."""

    def __init__(self, live: bool) -> None:
        self.side = EndpointSide(live)
        self.peer = Peer("endpoint", self.side)
        self.recorder = Recorder(self._output, self._hung_up, live)
        self._executor = Executor(self.side)
        self.write: Callable[[List[Bytes]], None] = lambda pieces: write_all(self.recorder.output, pieces)
        self.conversation: Optional[Conversation] = None  # where objects can be lent
        self.side.ask = self._ask
        self._calls: List[int] = []  # the requests that run now, each from within the one before it
        self.cancelling = Cancelling(self._calls, self.peer.waiting, self._refuse)
        self._held: List[Bytes] = []  # answers that are not yet written
        self._since = 0.0  # when the first of them was made
        self._chosen = False
        self._pid = os.getpid()
        self._trouble = ""  # with what came ahead of a request
        self._said = 0.0  # when the last sign of life was given

    def handle(self, frame: Frame) -> None:
        """Runs one request to its answer, or takes a notice."""
        if not self._chosen:
            self._choose(self.peer.hello or {})
        if frame.kind in NOTICES:
            try:
                self._notice(self.peer.read(frame))
            except BaseException as error:  # a notice has no answer: the next request tells
                self._trouble = "%s: %s" % (type(error).__name__, text_of(str, error))
            return
        self._calls.append(frame.call)
        if self.cancelling.wanted and self.cancelling.was_refused(frame.call):
            self._calls.remove(frame.call)
            return
        reading = self.side.reading
        outer, reading.call = getattr(reading, "call", 0), frame.call
        pieces = self._pieces(self._answer(frame), frame.call)
        reading.call = outer
        self.recorder.flush()
        if os.getpid() != self._pid:
            os._exit(0)  # the call has forked, and its child has come to the call's end: that is not its to tell
        with self.recorder.lock:
            self.recorder.drain()
            self._calls.remove(frame.call)
            # An answer to what is asked from within a call is what that call waits for.
            if self.conversation is not None and self.conversation.pending and len(pieces) == 1 and not self._calls:
                self._hold(pieces)
            else:
                self._send(pieces)
        if self.cancelling.wanted:
            self.cancelling.forget(frame.call)

    def _hold(self, pieces: List[Bytes]) -> None:
        """Keeps an answer for a moment, as others follow it: a write for each would take longer than most calls."""
        now = time.perf_counter()
        if not self._held:
            self._since = now
        self._held += pieces
        if now - self._since > HOLD:
            self._send([])

    def _send(self, pieces: List[Bytes]) -> None:
        """Writes what was held, and these; the recorder's lock must be held."""
        if self._held:
            pieces, self._held = [b"".join(self._held)] + pieces, []
        self.write(pieces)

    def flush(self) -> None:
        """Writes what was held."""
        if self._held:
            with self.recorder.lock:
                self._send([])

    def tick(self) -> None:
        """What the watching thread does while a call runs."""
        self.cancelling.press()
        try:
            self.flush()
        except OSError:
            return  # the client is gone, which the main thread will see

    def _choose(self, hello: Dict[str, Any]) -> None:
        """Does what the client's Hello asks for."""
        self._chosen = True
        self.side.trust = frozenset(hello.get("trust", ()))
        self.side.tmp = str(hello.get("tmp", ""))
        self.side.objects.begin(int(hello.get("objects", 1)))
        if self.conversation is not None and hello.get("keepalive"):
            watched = (self.conversation, float(hello["keepalive"]), self._hung_up)
            threading.Thread(target=end_in_silence, args=watched, name="rproxy silence", daemon=True).start()
        if hello.get("serializer") == "cloudpickle":
            self.peer.codec = PickleCodec(decoder=_Loader, is_plain=names_nothing)

    def _notice(self, message: Any) -> None:
        if type(message) is Release:
            self.side.objects.release(message.objects)
        elif type(message) is Provide:
            self.side.provide(message.kind, message.items)

    def _answer(self, frame: Frame) -> Any:
        try:
            message = self.peer.read(frame)
        except ValueFault as fault:
            text, self._trouble = "%s %s" % (fault, self._trouble), ""
            return Failure({"fault": "arguments", "text": text.strip()})
        stopping = self.cancelling
        if frame.call in stopping.wanted:
            return _NOT_BEGUN
        outer = stopping.running
        try:
            try:
                stopping.running = True
                return Reply(self._executor.run(message))
            finally:
                stopping.running = outer
        except Missing as missing:
            return Failure(dict(_told(missing.error), missing=True))
        except BaseException as error:  # SystemExit and KeyboardInterrupt end the call, not the session
            stopping.running = outer
            if os.getpid() != self._pid:
                raise  # a forked child, which ends by it as it would anywhere
            told = _told(error)
            if frame.call in stopping.wanted and isinstance(error, KeyboardInterrupt):
                told["cancelled"] = True
            return Failure(told)

    def _refuse(self, call: int) -> None:
        with self.recorder.lock:
            self._send(self.peer.send(_NOT_BEGUN, call))

    # -- what the client wants meanwhile ---------------------------------------------------------------

    def heed(self, frame: Frame) -> None:
        """Does what a frame without a body says; in the thread that reads."""
        if frame.kind == CANCEL and self.conversation is not None:
            self.cancelling.cancel(frame.call, self.conversation.since)
        elif frame.kind == PING:
            with self.recorder.lock:
                self._send([self.peer.bare(PONG)])

    def reassure(self) -> None:
        """Says by a Pong, now and then, that this side lives. Never waits, as the client may for this thread to read:
        whoever has the lock says something too, and a client for which much lies ready has enough."""
        now, keepalive = time.perf_counter(), (self.peer.hello or {}).get("keepalive")
        if keepalive and now - self._said > keepalive / SIGNS and self.recorder.lock.acquire(False):
            try:
                if select.select([], [self.recorder.output], [], 0)[1]:
                    self.write([self.peer.bare(PONG)])
                    self._said = now
            except OSError:
                return  # the client is gone, which the main thread will see
            finally:
                self.recorder.lock.release()

    def _pieces(self, answer: Any, call: int) -> List[Bytes]:
        """The bytes of an answer; if it cannot travel, of one that says so."""
        try:
            if type(answer) is Reply and type(answer.value) in _SCALARS:  # nothing to take hold of
                return self.peer.send(answer, call)
            return self._encode(answer, call)
        except BaseException as error:  # values' own code runs there, and may raise anything
            trouble = error
        if type(answer) is Failure and "mro" in answer.error:
            try:
                return self._encode(Failure(plain_failure(answer.error)), call)
            except BaseException as error:
                trouble = error
        kind = "live" if isinstance(trouble, NeedsStream) else "result"
        text = str(trouble) if isinstance(trouble, ValueFault) else type(trouble).__name__
        return self._encode(Failure({"fault": kind, "text": text}), call)

    def _encode(self, answer: Any, call: int) -> List[Bytes]:
        found: List[Bytes] = self.side.packed(self.peer.send, answer, call, self._ahead(answer, call))
        return found

    def _ahead(self, answer: Any, call: int) -> Ahead:
        """What takes the first pieces of a large Reply, of which a Failure takes the place if the others fail."""

        def send(pieces: List[Bytes]) -> None:
            if os.getpid() == self._pid:
                with self.recorder.lock:
                    self._send(self.peer.seal((PART, pieces, []), call))

        return send if type(answer) is Reply and self.conversation is not None else None

    def _output(self, stream: int, data: bytes) -> None:
        self._send(self.peer.send(Output(stream, data), self._calls[-1] if self._calls else 0))
        if self.conversation is not None:
            self.conversation.active = True

    def _hung_up(self) -> None:
        """The client is gone while a call runs, or while nothing does: then `end` is under way as well."""
        end()
        if self.conversation is not None:
            self.conversation.pending.clear()
        self.cancelling.interrupt()

    # -- what the client lent --------------------------------------------------------------------------

    def _ask(self, lent: Any, message: Any) -> Any:
        """What the client answers about an object of its own; raises what that raises there."""
        line = self.conversation
        if line is None or os.getpid() != self._pid:
            raise RuntimeError("%r can be used only in the process that it was lent to" % lent)
        packed = self.side.packed(self.peer.pack, message)
        self.recorder.flush()
        own = threading.current_thread() is threading.main_thread()
        outer = self.cancelling.running
        if own:
            self.cancelling.running = False  # an interrupt belongs to what the client runs now
        try:
            with self.recorder.lock:
                call = self._call_of(lent)
                self.recorder.drain()
                number = self.peer.number()
                try:
                    pieces = self.peer.seal(packed, number)
                except BaseException:
                    self.peer.forget(number)
                    raise
                line.open(number)
                self._send([self.peer.within(call)] + pieces)
            frame = line.answer(number, self.handle_group if own else self._handle_elsewhere)
        finally:
            if own:
                self.cancelling.running = outer
        self.side.reading.call = call
        self.cancelling.check()
        answer = self.peer.read(frame)
        if type(answer) is Reply:
            return answer.value
        from .lent import borrowed_error

        raise borrowed_error(answer.error, self.side.locate)

    def _call_of(self, lent: Any) -> int:
        """The request to ask from: the one that this thread runs, or for threads of the user's own, one of
        those that lent it."""
        lending = [call for call in self._calls if call in lenders(lent)]
        if not lending:
            raise RuntimeError(
                "%r was lent for a call that has ended; lend it to the call that uses it, and use it before that "
                "call returns" % lent
            )
        own: int = getattr(self.side.reading, "call", 0)
        return own if own in self._calls else lending[-1]

    def handle_group(self, group: Group) -> None:
        while group:  # and no name for a frame: large arguments must not wait here for the next request
            self.handle(group.pop(0))

    def _handle_elsewhere(self, group: Group) -> None:
        """For threads of user code."""
        self.cancelling.elsewhere.update(frame.call for frame in group)
        self.handle_group(group)


def _told(error: BaseException) -> Dict[str, Any]:
    """A failure; also of an exception that raises others when it is looked at."""
    try:
        return take_exception(error, HERE)
    except BaseException as trouble:
        text = "an exception that cannot be told (%s)" % type(trouble).__name__
        return {"fault": "exception", "text": text}


# -- a session -----------------------------------------------------------------------------------------


def write_all(descriptor: int, pieces: List[Bytes]) -> None:
    """Writes everything, in as few system calls as there can be."""
    if len(pieces) == 1 and len(pieces[0]) <= 4096:  # a pipe takes that much at once or not at all
        os.write(descriptor, pieces[0])
        return
    views = [memoryview(piece).cast("B") for piece in pieces]
    while views:
        written = os.writev(descriptor, views[:1000])
        while views and written >= len(views[0]):
            written -= len(views.pop(0))
        if written:
            views[0] = views[0][written:]


def serve_session() -> None:
    """Serves the client at descriptors 0 and 1, which has had its Hello, until it closes descriptor 0."""
    guard = lead_group(0)
    server = Server(live=True)
    line = server.conversation = Conversation(server.peer, server.recorder.input, server.heed, server.reassure)
    signal.signal(signal.SIGINT, server.cancelling.on_signal)
    _show_crashes(server.recorder.errors)
    settle(guard)
    server.recorder.start()
    threading.Thread(target=line.watch, args=(server.tick,), name="rproxy watch", daemon=True).start()
    try:
        group = line.next_group()
        while group:
            server.handle_group(group)
            if not line.pending:
                server.flush()
            group = line.next_group()
    except ProtocolFault as fault:
        os.write(server.recorder.errors, ("rproxy endpoint: %s\n" % fault).encode())
    except BrokenPipeError:
        pass  # the client is gone in the middle of an answer
    end()


def _show_crashes(errors: int) -> None:
    """A segmentation fault says where, on the stream whose end the client reads then."""
    import faulthandler

    faulthandler.enable(file=errors)
