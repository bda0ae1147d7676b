"""Ctrl-C while the main thread waits for an answer.

Rules: the first one stops the call there, and is raised here once the call has come to its end: in the middle of
things it would lose what is on its way; the second one is raised at once. It is the program's own handler that says
what an interrupt means: nothing changes for one that raises nothing.
"""

import _signal  # `signal.signal` takes ten times as long, a good part of a call
import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from signal import SIGINT
from types import TracebackType
from typing import Any

_main = threading.main_thread().ident


def _forked() -> None:
    global _main  # noqa: PLW0603 - whichever thread forks is the main one of its child
    _main = threading.get_ident()


os.register_at_fork(after_in_child=_forked)


def _ignore(begun: Any) -> None:
    """Nothing is to be stopped."""


class Held:
    """Keeps back, inside its block, what the handler of SIGINT raises; calls `stop(begun)` when it does, once there is
    a request that has begun. What is done inside is done as a whole: else a lock of Python code, as a Condition is,
    could stay locked."""

    __slots__ = ("_own", "_stop", "begun", "error")

    def __init__(self, stop: Callable[[Any], None] = _ignore) -> None:
        self._stop = stop
        self.begun: Any = None
        self.error: BaseException | None = None  # what was kept back
        self._own: Any = None  # the program's handler, while it is not the one

    def __enter__(self) -> "Held":
        if threading.get_ident() == _main:
            own = _signal.getsignal(SIGINT)
            if callable(own):
                self._own = own
                _signal.signal(SIGINT, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.begun = None  # which holds this: what has been answered goes at once
        if self._own is not None:
            _signal.signal(SIGINT, self._own)
            self._own = None  # no sooner: an interrupt until then is this one's to keep
        if self.error is not None and error is None:
            raise self.error

    def _on_signal(self, number: int, frame: Any) -> None:
        own = self._own
        if own is None:
            return
        if self.error is not None:
            own(number, frame)
            return
        try:
            own(number, frame)
        except BaseException as error:
            self.error = error
            if self.begun is not None:
                self._stop(self.begun)

    @contextlib.contextmanager
    def let_go(self) -> Iterator[None]:
        """Runs the program's own code, which may be interrupted, inside the block."""
        own = self._own
        if own is None:
            yield
            return
        _signal.signal(SIGINT, own)
        try:
            yield
        finally:
            _signal.signal(SIGINT, self._on_signal)


class HeldBack(Held):
    """As `Held`, for a short while in which no interrupt may be raised at all, however many come."""

    __slots__ = ()

    def _on_signal(self, number: int, frame: Any) -> None:
        if self._own is not None:
            try:
                self._own(number, frame)
            except BaseException as error:
                self.error = error


#: For threads that no signal interrupts.
NOTHING_HELD = Held()
