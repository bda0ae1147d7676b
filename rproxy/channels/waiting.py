"""A request without an answer yet, and the thread that waits for it."""

import collections
import threading
from typing import Any

from rproxy_endpoint.protocol.frames import Frame
from rproxy_endpoint.protocol.messages import Failure

from ..interrupts import Held
from .base import Sink

NOTHING: collections.deque[Frame] = collections.deque()  # few requests are asked anything


class Waiting:
    """A request without an answer yet. What few requests need is set when they do: most take microseconds."""

    outer: "Waiting | None" = None  # the request of this thread from within which this one is asked
    inner: "Waiting | None" = None  # the one that is asked from within this one, if it waits now
    asked: collections.deque[Frame] = NOTHING  # what the far side asks from within the thread's requests
    number = 0
    until: float | None = None  # when it is to be stopped
    late = False  # whether that was
    answer: Frame | None = None
    trouble: Exception | None = None  # what the sink raised
    wake: Any = None  # a lock, held until it is this one's turn, or its answer is there

    def __init__(self, sink: Sink, held: Held) -> None:
        self.sink = sink
        self.held = held  # what Ctrl-C raises, while it waits
        self.thread = threading.get_ident()


def was_stopped(answer: Any) -> bool:
    return type(answer) is Failure and bool(answer.error.get("cancelled"))


def show(output: Any, waiting: Waiting | None, ambient: Sink) -> None:
    """Gives what was printed to whom it belongs."""
    if waiting is None:
        ambient(output.stream, output.data)
        return
    try:
        waiting.sink(output.stream, output.data)
    except Exception as error:  # it is the asking thread's to see, not the reading one's
        waiting.trouble = waiting.trouble or error


def wake_up(waiting: Waiting) -> None:
    """Wakes a thread that sleeps; the state's lock must be held."""
    wake, waiting.wake = waiting.wake, None
    if wake is not None:
        wake.release()


def hand_over(question: Frame, waiting: Waiting | None) -> None:
    """Gives a question to the thread whose request it is asked from; the state's lock must be held."""
    if waiting is None:
        return  # the client was closed meanwhile
    if waiting.asked is NOTHING:
        waiting.asked = collections.deque()
    waiting.asked.append(question)
    while waiting.inner is not None:
        waiting = waiting.inner
    wake_up(waiting)
