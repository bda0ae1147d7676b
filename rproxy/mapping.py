"""A function of the far side over many items: `client.map`.

Rules: as `concurrent.futures.Executor.map` has it: calls are sent ahead of what is taken, results come in the order of
the items, and what is not taken to its end is stopped.
"""

import collections
import contextvars
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .futures import RemoteFuture


def check_ahead(ahead: object) -> None:
    """Raises TypeError or ValueError for a number of calls that cannot be meant."""
    if ahead is None:
        return
    if not isinstance(ahead, int) or isinstance(ahead, bool):
        raise TypeError(f"buffersize is how many calls to send ahead, or None for all, not {ahead!r}")
    if ahead < 1:
        raise ValueError(f"buffersize is at least 1, not {ahead}")


def results(
    submit: Callable[..., "RemoteFuture"], items: Iterable[tuple[Any, ...]], ahead: int | None, timeout: float | None
) -> Iterator[Any]:
    """The result of each call in turn; the first `ahead` are sent at once, each of the others when one is taken.

    What holds for a call (its environment, where its output goes) is what held where this was called. After `timeout`
    seconds from here an answer that is not there yet is a TimeoutError.
    """
    until = None if timeout is None else time.monotonic() + timeout
    inside, calls = contextvars.copy_context(), iter(items)
    sent: collections.deque[RemoteFuture] = collections.deque()

    def send(count: int | None) -> None:
        sent.extend(submit(*arguments) for arguments in itertools.islice(calls, count))

    def take() -> Iterator[Any]:
        try:
            while sent:
                if ahead is not None:
                    inside.run(send, 1)
                result = sent[0].result(None if until is None else max(0.0, until - time.monotonic()))
                sent.popleft()
                yield result
                del result  # not to be held until the next one comes
        finally:
            _stop(sent)

    try:
        send(ahead)
    except BaseException:
        _stop(sent)
        raise
    return take()


def _stop(sent: Iterable["RemoteFuture"]) -> None:
    for future in reversed(list(sent)):  # the last first, so that none begins meanwhile
        if not future.done():
            future.stop()  # which does not wait, as `cancel` does
