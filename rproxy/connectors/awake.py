"""Waiting without sleeping, for a moment: to wake a sleeping processor takes longer than most answers.

Rules: whoever has waited so in vain sleeps at once the next times, up to 64 of them, until an answer comes in time
again; so it costs next to nothing where answers come from far, or where others want the processor.
"""

import os
import time
from collections.abc import Callable

_MOST_RESTS = 64


class Vigil:
    """One reader's habit."""

    def __init__(self) -> None:
        self._rests = 0  # how often it still sleeps at once
        self._next = 1

    def keep(self, came: Callable[[], object], seconds: float) -> bool:
        """Whether what is waited for comes while this thread stays awake; it gives way to whoever else wants to
        run."""
        if came():
            return True
        if self._rests or not seconds:
            self._rests = max(0, self._rests - 1)
            return False
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            os.sched_yield()
            if came():
                if time.perf_counter() < until:
                    self._next = 1
                return True
        self._rests = self._next
        self._next = min(2 * self._next, _MOST_RESTS)
        return False
