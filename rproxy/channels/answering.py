"""Which threads answer what the far side asks from within a request, and which contexts belong to that.

Rules: what is asked is answered in the thread of the request; what that asks in turn goes within it, also from other
threads and tasks that run in a copy of its context.
"""

import contextlib
import threading
from collections.abc import Iterator
from contextvars import ContextVar

from .waiting import Waiting

#: The question of the far side that is being answered: by the id of its channel, its number.
_answering: ContextVar[dict[int, int]] = ContextVar("rproxy_answering")


class Answering:
    """What one channel answers. `threads` are those that do, and for which request."""

    def __init__(self) -> None:
        self.threads: dict[int, Waiting] = {}

    def question(self) -> int:
        """The question that this context belongs to, by its number; 0 if there is none."""
        return _answering.get({}).get(id(self), 0) if self.threads else 0

    @contextlib.contextmanager
    def answer(self, waiting: Waiting, question: int) -> Iterator[None]:
        """The block answers a question that is asked from within a request of this thread."""
        thread = threading.get_ident()
        outer, self.threads[thread] = self.threads.get(thread), waiting
        token = _answering.set({**_answering.get({}), id(self): question})
        try:
            yield
        finally:
            _answering.reset(token)
            if outer is None:
                del self.threads[thread]
            else:
                self.threads[thread] = outer
