"""Stops calls at the client's word.

Rules: a call that has not begun never begins; one that runs is interrupted as Ctrl-C at a terminal would do it, by
one KeyboardInterrupt in the main thread and SIGINT for the processes that it has started; what has been answered is
left alone, and so is what this side does itself.
"""

import _signal as signal  # `signal` itself makes enumerations: a tenth of an endpoint's start
import os
import threading
import time
from typing import Any, Callable, List, Set

from .ending import started_since

_BOOT_CLOCK = 7  # CLOCK_BOOTTIME, by which Linux tells when a process began; `time` has its name from 3.7 on
#: How long a handler of the call's own has before it is told again, in seconds; then twice as long.
PAUSE = 1.0


class Cancelling:
    """The calls of one session that the client wants no more.

    `calls` are those that run now, each from within the one before it; `waiting` those without an answer; `refuse`
    answers one that has not begun.
    """

    def __init__(self, calls: List[int], waiting: Set[int], refuse: Callable[[int], None]) -> None:
        self.running = False  # whether the main thread is in user code, which may be interrupted
        self.elsewhere: Set[int] = set()  # calls that run in other threads, which nothing can interrupt
        self.wanted: Set[int] = set()  # calls that are to stop
        self._calls = calls
        self._waiting = waiting
        self._refuse = refuse
        self._refused: Set[int] = set()
        self._lock = threading.Lock()
        self._pending = False  # whether the main thread is still to be interrupted
        self._again, self._pause = 0.0, PAUSE  # when a handler of the call's own is told again, and how long after that
        self._main: Any = threading.main_thread().ident

    def cancel(self, call: int, since: float) -> None:
        """Takes note that a call is to stop; it began after that time of `clock()`."""
        if call not in self._waiting or call in self.wanted:
            return
        with self._lock:
            # In this order: the main thread takes note of the call before it looks whether it is wanted no more.
            self.wanted.add(call)
            if call not in self._calls:
                self._refused.add(call)
                self._refuse(call)
            elif call not in self.elsewhere:
                self._pending, self._again, self._pause = True, 0.0, PAUSE
        if self._pending:
            for process in started_since(since):
                try:
                    os.kill(process, signal.SIGINT)
                except OSError:
                    continue  # it has just ended
            self.press()

    def was_refused(self, call: int) -> bool:
        """Whether a call that is about to begin has its answer already."""
        with self._lock:
            if call not in self._refused:
                return False
            self._refused.remove(call)
            self.wanted.discard(call)
            return True

    def press(self) -> None:
        """Wakes the main thread; again and again, since what runs there may have passed over the signal. A handler of
        the call's own gets time between, for it may be cleaning up."""
        if not (self._pending and self.running):
            return
        if signal.getsignal(signal.SIGINT) != self.on_signal:
            now = time.time()
            if now < self._again:
                return
            self._again, self._pause = now + self._pause, 2 * self._pause
        signal.pthread_kill(self._main, signal.SIGINT)

    def interrupt(self) -> None:
        """Interrupts what runs: nobody waits for it any more."""
        self._pending = True
        self.press()

    def on_signal(self, number: int, frame: Any) -> None:
        """SIGINT interrupts what a call runs, and nothing else: an answer on its way must arrive whole."""
        if self.running and (self._pending or not self.wanted):
            self._pending = False
            raise KeyboardInterrupt

    def check(self) -> None:
        """Raises KeyboardInterrupt if the main thread is still to be interrupted: for where it was not to be."""
        if self._pending and threading.get_ident() == self._main:
            self._pending = False
            raise KeyboardInterrupt

    def forget(self, call: int) -> None:
        """The call has come to its end."""
        self.elsewhere.discard(call)
        if call in self.wanted:
            self.wanted.discard(call)
            self._pending = False


def clock() -> float:
    """Seconds since the system's start, as processes' beginnings are told."""
    try:
        return time.clock_gettime(_BOOT_CLOCK)
    except (AttributeError, OSError):
        return 0.0  # not Linux
