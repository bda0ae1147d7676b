"""A request without an answer yet, and the thread that waits for it."""

import collections
import threading
import time
from typing import Any

from rproxy_endpoint.protocol.frames import Frame
from rproxy_endpoint.protocol.messages import Failure

from .base import Sink
from .interrupts import Held

NOTHING: collections.deque[Frame] = collections.deque()  # few requests are asked anything


class Waiting:
    """A request without an answer yet."""

    __slots__ = (
        "answer", "asked", "held", "inner", "late", "number", "outer", "sink", "thread", "trouble", "until", "wake",
    )  # fmt: skip

    def __init__(self, sink: Sink, outer: "Waiting | None", limit: float | None, held: Held) -> None:
        self.sink = sink
        self.number = 0
        self.held = held  # what Ctrl-C raises, while it waits
        self.until = None if limit is None else time.monotonic() + limit
        self.late = False  # whether it has taken longer than that
        self.outer = outer  # the request of this thread from within which this one is asked
        self.inner: Waiting | None = None  # the one that is asked from within this one, if it waits now
        # What the far side asks from within the thread's requests.
        self.asked: collections.deque[Frame] = outer.asked if outer is not None else NOTHING
        self.thread = threading.get_ident()
        self.answer: Frame | None = None
        self.trouble: Exception | None = None  # what the sink raised
        self.wake: threading.Lock | None = None  # held until it is this one's turn, or its answer is there


def was_stopped(answer: Any) -> bool:
    return type(answer) is Failure and bool(answer.error.get("cancelled"))


def wake_up(waiting: Waiting) -> None:
    """Wakes a thread that sleeps; the state's lock must be held."""
    wake, waiting.wake = waiting.wake, None
    if wake is not None:
        wake.release()
