"""Waiting without sleeping, for a moment: to wake a sleeping processor takes longer than most answers.

Rules: whoever has waited so in vain sleeps at once the next times, up to 256 of them, until an answer comes in time
again; so does who had to wait for the processor, which others want. So it costs next to nothing where answers come from
far, and on a busy machine. The moment is longer than a call takes with both sides asleep: else who has slept once would
keep the other from finding it awake, and so on.
"""

import os
import time
from collections.abc import Callable

#: How long to wait for what is near, in seconds.
AWAKE = 5e-4
#: Whoever comes back from giving way so late has given it to somebody who needs it, in seconds.
LATE = 1e-4
_MOST_RESTS = 256


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
        now = time.perf_counter()
        until = now + seconds
        while now < until:
            os.sched_yield()
            before, now = now, time.perf_counter()
            if now - before > LATE:
                break
            if came():
                self._next = 1
                return True
        self._rests = self._next
        self._next = min(2 * self._next, _MOST_RESTS)
        return False
