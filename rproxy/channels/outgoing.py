"""What is sent: at once, or gathered with what follows.

Rules: bytes go in the order in which they came; what is gathered waits for less than a millisecond, and only while
answers are awaited anyway; whoever sends holds the lock.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

from ..connectors.base import Stream

#: How long what is gathered waits, in seconds; after so many times without anything the thread ends.
PAUSE, PAUSES = 0.0005, 40
#: As many bytes go at once.
ENOUGH = 1 << 15


class Outgoing:
    """Writes to a stream. `lock` is held by whoever calls `write` and `gather`, which raise OSError; `sends` is told of
    what may not go at once."""

    def __init__(self, stream: Stream, lock: Any, sends: Callable[[list[Any]], None]) -> None:
        self._stream = stream
        self._lock = lock
        self._sends = sends
        self._gathered: list[Any] = []
        self._size = 0
        self._thread: threading.Thread | None = None

    def write(self, pieces: list[Any]) -> None:
        """Sends at once, after what has gathered."""
        if self._gathered:
            pieces, self._gathered, self._size = [b"".join(self._gathered), *pieces], [], 0
        if len(pieces) > 1:
            self._sends(pieces)
        self._stream.write(pieces)

    def attempt(self, pieces: list[Any]) -> None:
        """Sends something by the way, in a thread that may hang in it; nothing where others send."""
        if self._lock.acquire(blocking=False):
            try:
                with contextlib.suppress(OSError):  # whoever reads learns of the end
                    self.write(pieces)
            finally:
                self._lock.release()

    def gather(self, pieces: list[Any]) -> None:
        """Sends with what follows soon, if that is not much."""
        size = sum(map(len, pieces))
        if self._size + size >= ENOUGH:
            self.write(pieces)
            return
        self._gathered += pieces
        self._size += size
        if self._thread is None:
            self._thread = threading.Thread(target=self._send_soon, name="rproxy sending", daemon=True)
            self._thread.start()

    def _send_soon(self) -> None:
        idle = 0
        while idle < PAUSES:
            time.sleep(PAUSE)
            idle += 1
            with self._lock:
                if self._gathered:
                    idle = 0
                    with contextlib.suppress(OSError):  # whoever reads learns of the end
                        self.write([])
                if idle == PAUSES:
                    self._thread = None
