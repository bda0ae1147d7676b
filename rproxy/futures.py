"""Calls that are not waited for: they are sent at once, and their answers go to futures.

Rules: calls run there in the order in which they were submitted, as all calls do; what holds for a call (its
environment, where its output goes) is what held where it was submitted; a future is cancelled only if the far side
says that its call was stopped, or had not begun.
"""

import collections
import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any, NamedTuple

from .channels import Sink
from .code.names import meant
from .errors import CallCancelled
from .lending import Loans
from .proxies import stand_in_of
from .session import Session

#: How long `cancel` waits for the far side to say what has become of the call, in seconds.
PATIENCE = 2.0
#: How long the thread that takes answers waits for another call, in seconds: calls often follow each other.
LINGER = 0.1


class RemoteFuture(Future[Any]):
    """The future of a call that was sent. `stop` has the far side stop it, and does not wait."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.stop: Callable[[], None] = lambda: None
        self._session = session

    def result(self, timeout: float | None = None) -> Any:
        self._check_process()
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        self._check_process()
        return super().exception(timeout)

    def _check_process(self) -> None:
        """Raises RProxyError in a forked child, where the thread that takes answers is not."""
        if not self.done():
            self._session.check_process()

    def running(self) -> bool:
        """Whether the call was sent, and has no result yet."""
        return not self.done()

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


class _Begun(NamedTuple):
    """A call that was sent: what `Session.finish` takes, and what is lent for it."""

    future: RemoteFuture
    message: Any
    waiting: Any
    scope: Any


class Futures:
    """Takes the answers of one session's submitted calls, in a thread that lives a moment longer than they."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._order: Any = threading.RLock()  # answers are waited for in the order in which requests were sent
        self._lock = threading.Condition()
        self._begun: collections.deque[_Begun] = collections.deque()
        self._thread: threading.Thread | None = None

    def submit(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> "Future[Any]":
        """Sends a call of a remote function, or of a local one. Raises what keeps it from being sent."""
        return self.send(self.message(function, args, kwargs))

    def send(self, message: Any, sink: Sink | None = None) -> RemoteFuture:
        """Sends a request. Raises what keeps it from being sent."""
        assert self._session.channel is not None  # a forked child's lock may be held by a thread that it has not
        future = RemoteFuture(self._session)
        with self._order:
            if Loans.any:
                with self._session.side.loans.scope(lasting=True) as scope:
                    begun = _Begun(future, message, self._session.begin(message, sink), scope)
            else:
                begun = _Begun(future, message, self._session.begin(message, sink), None)
            future.stop = functools.partial(self._stop, begun)
            with self._lock:
                if self._thread is threading.current_thread():
                    # A callback of one submitted call submits another, for which it may wait.
                    threading.Thread(target=self._finish, args=(begun,), daemon=True).start()
                    return future
                self._begun.append(begun)
                if self._thread is None:
                    self._thread = threading.Thread(target=self._finish_all, name="rproxy futures", daemon=True)
                    self._thread.start()
                else:
                    self._lock.notify()
        return future

    def message(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The call of a remote function, or of a local one, as it is sent from here. Raises TypeError."""
        state = stand_in_of(function)
        if state is None:
            function = meant(function) or function  # what `client.function` made runs there anyway
            return self._session.call_message(function, "", args, kwargs)
        if state._self_session is not self._session:
            raise TypeError(f"{function!r} belongs to another client than this one of {self._session.target}")
        return self._session.call_message(state._self_target, state._self_path, args, kwargs)

    def _stop(self, begun: _Begun) -> None:
        self._session.check_open()
        self._session.cancel(begun.waiting)
        with self._lock:
            if begun in self._begun:  # its answer comes before those of the calls ahead of it
                self._begun.remove(begun)
                threading.Thread(target=self._finish, args=(begun,), daemon=True).start()
            elif self._thread is threading.current_thread():
                # A callback of one call's future cancels another: this thread may wait for that, and another goes on.
                self._thread = threading.Thread(target=self._finish_all, name="rproxy futures", daemon=True)
                self._thread.start()

    def _finish_all(self) -> None:
        while True:
            with self._lock:
                if not self._begun:
                    self._lock.wait(LINGER)
                if self._thread is not threading.current_thread():
                    return
                if not self._begun:
                    self._thread = None
                    return
                begun = self._begun.popleft()
            self._finish(begun)
            del begun  # not to be held until the next answer comes

    def _finish(self, begun: _Begun) -> None:
        try:
            if begun.scope is None:
                value = self._session.finish(begun.message, begun.waiting)
            else:
                with self._session.side.loans.scope(begun.scope):
                    value = self._session.finish(begun.message, begun.waiting)
        except CallCancelled:
            begun.future.was_cancelled()
        except BaseException as error:  # whatever it is, it is the future's to tell
            begun.future.set_exception(error)
        else:
            begun.future.set_result(value)
