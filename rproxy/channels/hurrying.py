"""Sends what may take longer than its call is given.

Rules: half a message on its way cannot be taken back, so a thread goes on with it when its time is over; whoever made
the call is told so, and does not wait. The call is stopped when it has come.
"""

import contextlib
import contextvars
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

from rproxy_endpoint.protocol.peer import Packed

from ..errors import CallTimeout
from .keeping import LARGE

_NOT_SENT = "it was not sent, since others' requests were on their way"
_ON_ITS_WAY = "it was still on its way there, and will be stopped when it has come"


def is_large(packed: Packed) -> bool:
    """Whether it may take long to send a request: a link takes at once what is smaller, or nothing."""
    _, body, buffers = packed
    return sum(map(len, body)) + sum(buffer.nbytes for buffer in buffers) > LARGE


@contextlib.contextmanager
def turn(lock: Any, seconds: float) -> Iterator[None]:
    """The block has the lock of those who send. Raises CallTimeout if that takes longer than so many seconds."""
    if not lock.acquire(timeout=min(seconds, threading.TIMEOUT_MAX)):
        raise CallTimeout(_NOT_SENT)
    try:
        yield
    finally:
        lock.release()


class Hurried:
    """The sending of one request, under the lock of those who send; `give_up` is called once it is sent, if that took
    too long."""

    def __init__(self, lock: Any, send: Callable[[], None], give_up: Callable[[], None]) -> None:
        self._turn = lock
        self._send = send
        self._give_up = give_up
        self._state = threading.Lock()
        self._over = threading.Event()
        self._begun = self._unwanted = False
        self._error: BaseException | None = None

    def within(self, seconds: float) -> None:
        """Returns when it is sent. Raises what sending raises, and CallTimeout."""
        run = functools.partial(contextvars.copy_context().run, self._run, seconds)
        threading.Thread(target=run, name="rproxy sending", daemon=True).start()
        try:
            self._over.wait(min(seconds, threading.TIMEOUT_MAX))
        finally:
            with self._state:
                self._unwanted = not self._over.is_set()
        if self._unwanted:
            raise CallTimeout(_ON_ITS_WAY if self._begun else _NOT_SENT)
        if self._error is not None:
            raise self._error

    def _run(self, seconds: float) -> None:
        try:
            with turn(self._turn, seconds):
                with self._state:
                    self._begun = not self._unwanted
                if self._begun:
                    self._send()
        except BaseException as error:  # it is the caller's to see
            self._error = error
        with self._state:
            self._over.set()
        if self._unwanted and self._begun and self._error is None:
            self._give_up()
