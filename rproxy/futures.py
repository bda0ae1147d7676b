"""Calls that are not waited for: they are sent at once, and their answers go to futures.

Rules: calls run there in the order in which they were submitted, as all calls do; what holds for a call (its
environment, where its output goes) is what held where it was submitted; a call that was sent cannot be taken
back, and its future says so.
"""

import collections
import threading
from concurrent.futures import Future
from typing import Any

from .proxies import stand_in_of
from .session import Session


class Futures:
    """Takes the answers of one session's submitted calls, in a thread that lives while there are any."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._begun: collections.deque[tuple[Future[Any], Any, Any, Any]] = collections.deque()
        self._running = False

    def submit(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> "Future[Any]":
        """Sends a call of a remote function, or of a local one. Raises what keeps it from being sent."""
        state = stand_in_of(function)
        if state is None:
            function = getattr(function, "_rproxy_function", function)  # what `client.function` made runs there anyway
            message = self._session.call_message(function, "", args, kwargs)
        elif state._self_session is self._session:
            message = self._session.call_message(state._self_target, state._self_path, args, kwargs)
        else:
            raise TypeError(f"{function!r} belongs to another client than this one of {self._session.target}")
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()  # so `cancel` does not pretend
        with self._session.side.loans.scope(lasting=True) as scope:
            begun = self._session.begin(message, later=True)
        with self._lock:
            self._begun.append((future, message, begun, scope))
            if not self._running:
                self._running = True
                threading.Thread(target=self._finish_all, name="rproxy futures", daemon=True).start()
        return future

    def _finish_all(self) -> None:
        while True:
            with self._lock:
                if not self._begun:
                    self._running = False
                    return
                future, message, begun, scope = self._begun.popleft()
            try:
                with self._session.side.loans.scope(scope):
                    value = self._session.finish(message, begun)
            except BaseException as error:  # whatever it is, it is the future's to tell
                future.set_exception(error)
            else:
                future.set_result(value)
            del future, message, begun, scope  # not to be held until the next answer comes
