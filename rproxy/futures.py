"""Calls that are not waited for: they are sent at once, and their answers go to futures.

Rules: calls run there in the order in which they were submitted, as all calls do; what holds for a call (its
environment, where its output goes) is what held where it was submitted; a future is cancelled only if the far side
says that its call was stopped, or had not begun.
"""

import collections
import threading
from concurrent.futures import Future, wait
from typing import Any

from .channels import Sink
from .code.names import meant
from .errors import CallCancelled
from .interrupts import Held
from .marking import Local
from .proxies import stand_in_of
from .session import Session

#: How long `cancel` waits for the far side to say what has become of the call, in seconds.
PATIENCE = 2.0
#: How long the thread that takes answers waits for another call, in seconds: calls often follow each other.
LINGER = 0.1


class _Condition(type(threading.RLock())):  # type: ignore[misc]
    """What `concurrent.futures` uses of a `threading.Condition`, made whole only when a thread waits: a Future's own
    is most of its objects, which the garbage collector visits for as long as the program keeps the future."""

    __slots__ = ("_whole",)

    def wait(self, timeout: float | None = None) -> bool:
        if not hasattr(self, "_whole"):
            self._whole = threading.Condition(self)
        return self._whole.wait(timeout)

    def notify_all(self) -> None:
        if hasattr(self, "_whole"):
            self._whole.notify_all()


class RemoteFuture(Future[Any]):
    """The future of a call that was sent."""

    _state = "PENDING"
    _result = _exception = None
    message: Any = None
    begun: Any = None  # what `Session.finish` takes
    scope: Any = None  # what is lent for it

    def __init__(self, futures: "Futures") -> None:
        # As Future makes itself, but for its condition, which takes longer than all else of it.
        self._condition: Any = _Condition()
        self._waiters: list[Any] = []
        self._done_callbacks: list[Any] = []
        self._futures = futures

    def result(self, timeout: float | None = None) -> Any:
        self._check_process()
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        self._check_process()
        return super().exception(timeout)

    def _check_process(self) -> None:
        """Raises RProxyError in a forked child, where the thread that takes answers is not."""
        if self.begun is not None:
            self._futures.session.check_process()

    def running(self) -> bool:
        """Whether the call was sent, and has no result yet."""
        return not self.done()

    def stop(self) -> None:
        """Has the far side stop the call, and does not wait."""
        begun = self.begun
        if begun is not None:
            self._futures.stop(self, begun)

    def let_go(self) -> None:
        """Holds no longer what was needed until the answer came, its arguments among it."""
        self.message = self.begun = self.scope = None

    def cancel(self) -> bool:
        """Stops the call there, as Ctrl-C would, and returns whether that was done: False for a call that has come to
        its end, or that does not stop within two seconds."""
        if not self.done():
            self.stop()
            wait([self], PATIENCE)
        return self.cancelled()

    def was_cancelled(self) -> None:
        """Takes note that the far side has stopped the call."""
        super().cancel()
        self.set_running_or_notify_cancel()


class Futures:
    """Takes the answers of one session's submitted calls, in a thread that lives a moment longer than they."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._order: Any = threading.RLock()  # answers are waited for in the order in which requests were sent
        self._sent: collections.deque[RemoteFuture] = collections.deque()
        self._more = threading.Condition()
        self._thread: threading.Thread | None = None  # that takes the answers
        self._sleeps = True  # whether it has to be woken, or begun

    def submit(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> "Future[Any]":
        """Sends a call of a remote function, or of a local one. Raises what keeps it from being sent."""
        return self.send(self.message(function, args, kwargs))

    def send(self, message: Any, sink: Sink | None = None) -> RemoteFuture:
        """Sends a request. Raises what keeps it from being sent."""
        session = self.session
        channel = session.channel  # a forked child's lock may be held by a thread that it has not
        future = RemoteFuture(self)
        future.message = message
        # A callback of one submitted call submits another, for which it, or its event loop, may wait.
        apart = self._thread is threading.current_thread() or channel.is_asked()
        with self._order:
            if Local.any:
                with session.side.loans.scope(lasting=True) as future.scope:
                    future.begun = session.begin(message, sink)
            else:
                future.begun = session.begin(message, sink)
            if not apart:
                self._sent.append(future)
        if apart:
            threading.Thread(target=self._finish, args=(future,), daemon=True).start()
        elif self._sleeps:
            with Held():
                self._wake()
        return future

    def message(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The call of a remote function, or of a local one, as it is sent from here. Raises TypeError."""
        state = stand_in_of(function)
        if state is None:
            function = meant(function) or function  # what `client.function` made runs there anyway
            return self.session.call_message(function, "", args, kwargs)
        if state._self_session is not self.session:
            raise TypeError(f"{function!r} belongs to another client than this one of {self.session.target}")
        return self.session.call_message(state._self_target, state._self_path, args, kwargs)

    def stop(self, future: RemoteFuture, begun: Any) -> None:
        self.session.check_open()
        self.session.cancel(begun)
        with self._more:
            if future in self._sent:  # its answer comes before those of the calls ahead of it
                self._sent.remove(future)
                threading.Thread(target=self._finish, args=(future,), daemon=True).start()
            elif self._thread is threading.current_thread():
                # A callback of one call's future cancels another: this thread may wait for that, and another goes on.
                self._begin()

    def _wake(self) -> None:
        with self._more:
            if self._thread is None:
                self._begin()
            else:
                self._more.notify()

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self._finish_all, name="rproxy futures", daemon=True)
        self._thread.start()

    def _finish_all(self) -> None:
        own = threading.current_thread()
        while self._thread is own:
            try:
                future = self._sent.popleft()
            except IndexError:
                if not self._linger():
                    return
                continue
            self._finish(future)
            del future  # not to be held until the next answer comes

    def _linger(self) -> bool:
        """Waits for another call, and returns whether one came."""
        with self._more:
            self._sleeps = True  # from here on, whoever adds one looks at it afterwards
            if not self._sent:
                self._more.wait(LINGER)
            if self._sent:
                self._sleeps = False
            else:
                self._thread = None
            return not self._sleeps

    def _finish(self, future: RemoteFuture) -> None:
        session = self.session
        try:
            if future.scope is None:
                value = session.finish(future.message, future.begun)
            else:
                with session.side.loans.scope(future.scope):
                    value = session.finish(future.message, future.begun)
        except CallCancelled:
            future.let_go()
            future.was_cancelled()
        except BaseException as error:  # whatever it is, it is the future's to tell
            future.let_go()
            future.set_exception(error)
        else:
            future.let_go()
            future.set_result(value)
