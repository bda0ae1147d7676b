"""Iterating over a remote object.

Rules: a `for` loop fetches items in batches, which grow from one; what was fetched and not yet used belongs
to the iterator's stand-in, so that whoever goes on with the same iterator misses nothing; `next()` fetches
one, and nothing ahead. `send` and `throw` need the far side to be where this side is: they are refused
while items are ahead.
"""

import collections
from typing import Any

from .base import join, stand_in_of

#: No batch has more items; bytes and time are bounded by the far side.
MOST = 1 << 14


class Ahead:
    """What is known of a remote iterator on this side: items to come, and whether they are the last."""

    def __init__(self) -> None:
        self.items: collections.deque[Any] = collections.deque()
        self.ended = False
        self.size = 1  # of the next batch


class Batches:
    """A local iterator over a remote one."""

    def __init__(self, iterator: Any) -> None:
        self._iterator = iterator  # keeps the far side's object
        self._state = stand_in_of(iterator)

    def __iter__(self) -> "Batches":
        return self

    def __next__(self) -> Any:
        state, ahead = self._state, self._state._self_ahead
        while not ahead.items:
            if ahead.ended:
                raise StopIteration
            items, ahead.ended = state._self_session.next_items(state._self_target, ahead.size)
            ahead.items.extend(items)
            ahead.size = min(2 * ahead.size, MOST)
        return ahead.items.popleft()


def iterate(self: Any) -> Any:
    """`__iter__` of proxies."""
    state = stand_in_of(self)
    return Batches(state._self_session.call(state._self_target, join(state._self_path, "__iter__"), (), {}))


def next_item(self: Any) -> Any:
    """`__next__` of proxies: what was fetched ahead, else one item."""
    state = stand_in_of(self)
    ahead = state._self_ahead
    if ahead.items:
        return ahead.items.popleft()
    if ahead.ended:
        raise StopIteration
    return state._self_session.call(state._self_target, "__next__", (), {})


def check_in_step(state: Any, name: str) -> None:
    """Raises RuntimeError if the far side's generator is ahead of this side."""
    if state._self_ahead.items:
        raise RuntimeError(
            f"{name}() cannot reach a generator that has run ahead: a for loop has fetched "
            f"{len(state._self_ahead.items)} items more than it used. Use next() with {name}()"
        )
