"""What is sent: at once, or gathered with what follows.

Rules: whoever sends holds the lock; to gather needs none, so that an interrupt finds nothing half done. What gathers
waits for less than a millisecond, and only while answers are awaited anyway; it goes ahead of what comes after it.
"""

import collections
import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

from rproxy_endpoint.protocol.frames import SMALL
from rproxy_endpoint.protocol.peer import Packed

from ..connectors.base import Stream
from ..interrupts import Held
from .waiting import Waiting

#: How long what is gathered waits, in seconds; after so many times without anything the thread ends.
PAUSE, PAUSES = 0.0005, 40
#: As many requests go at once.
ENOUGH = 256


class Outgoing:
    """Writes to a stream. `lock` is held by whoever calls `write`, which raises OSError; `sends` is told of what may
    not go at once; `flush` sends what `take` gives, and is called with the lock held."""

    def __init__(
        self, stream: Stream, lock: Any, sends: Callable[[list[Any]], None], flush: Callable[[], None]
    ) -> None:
        self._stream = stream
        self._lock = lock
        self._sends = sends
        self._flush = flush
        self.gathered: collections.deque[tuple[Packed, Waiting]] = collections.deque()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def write(self, pieces: list[Any]) -> None:
        """Sends at once."""
        if len(pieces) > 1 or len(pieces[0]) > SMALL:
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

    def has_room(self, packed: Packed) -> bool:
        """Whether a request can go with what follows."""
        _, body, buffers = packed
        return len(self.gathered) < ENOUGH and len(body) == 1 and not buffers and len(body[0]) <= SMALL

    def gather(self, packed: Packed, waiting: Waiting) -> None:
        """Has a request go with what follows soon."""
        self.gathered.append((packed, waiting))
        if self._thread is None:
            with Held(), self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._send_soon, name="rproxy sending", daemon=True)
                    self._thread.start()

    def take(self) -> list[tuple[Packed, Waiting]]:
        """What has gathered, in order; the lock must be held."""
        return [self.gathered.popleft() for _ in range(len(self.gathered))]

    def _send_soon(self) -> None:
        idle = 0
        while idle < PAUSES:
            time.sleep(PAUSE)
            idle += 1
            with self._lock:
                if idle == PAUSES:
                    self._thread = None  # from here on, whoever gathers begins another
                if self.gathered:
                    self._flush()
                    if self._thread is not None:
                        idle = 0
