"""How far a push or a pull has come, told to whoever started it.

Rules: a connector may tell it, and need not; what is told reaches the one copy that this thread or task makes,
whichever connectors are stacked below it.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

_told: ContextVar[Callable[[int], None]] = ContextVar("rproxy_told")


def report(done: int) -> None:
    """For `push` and `pull`: so many bytes of the file are done. What this raises ends the copy."""
    tell = _told.get(None)
    if tell is not None:
        tell(done)


@contextlib.contextmanager
def told_to(tell: Callable[[int], None]) -> Iterator[None]:
    """Inside the block, what connectors report in this thread or task goes to a function."""
    token = _told.set(tell)
    try:
        yield
    finally:
        _told.reset(token)
