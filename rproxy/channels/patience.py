"""How long to try something again, and how often."""

import math
import random
import threading
import time

#: The first pause between two attempts, and the longest, in seconds.
FIRST, LONGEST = 0.1, 5.0


class Patience:
    """Pauses that grow, for so many seconds in all from the first one on; `wake` ends one early."""

    def __init__(self, seconds: float, wake: threading.Event | None = None) -> None:
        self._seconds = seconds
        self._wake = wake or threading.Event()
        self._until = 0.0
        self._next = FIRST

    def pause(self, until: float = math.inf) -> bool:
        """Waits until the next attempt is due, or for that time; False, at once, if there should be none."""
        now = time.monotonic()
        self._until = self._until or now + self._seconds
        # Of many clients that have lost the same host, not all come back at the same time.
        length = min(self._next * random.uniform(0.75, 1.25), self._until - now)
        if length <= 0:
            return False
        self._wake.wait(max(0.0, min(length, until - now)))
        self._wake.clear()
        self._next = min(2 * self._next, LONGEST)
        return True
