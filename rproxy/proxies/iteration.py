"""Iterating over a remote object.

Rules: a `for` loop fetches items in batches, which grow from one; what was fetched and not yet used belongs
to the iterator's stand-in, so that whoever goes on with the same iterator misses nothing; `next()` fetches
one, and nothing ahead. `send` and `throw` need the far side to be where this side is: they are refused
while items are ahead, and after them nothing is fetched ahead any more.
"""

import collections
from typing import Any

from .base import join, stand_in_of

#: No batch has more items; bytes and time are bounded by the far side.
MOST = 1 << 14
#: What makes an iterator a generator, to `yield from`.
STEPS = frozenset(("send", "throw", "close"))


class Ahead:
    """What is known of a remote iterator on this side: items to come, and whether they are the last."""

    def __init__(self) -> None:
        self.items: collections.deque[Any] = collections.deque()
        self.ended: Any = False  # or (value,) for what a generator has returned, until that was told
        self.size = 1  # of the next batch
        self.in_step = False  # whether one at a time is fetched

    def grow(self) -> None:
        """Makes the next batch larger."""
        if not self.in_step:
            self.size = min(2 * self.size, MOST)

    def end(self) -> StopIteration:
        """The end of the iterator, as its first and as its later users see it."""
        value, self.ended = self.ended, True
        return StopIteration(*value) if type(value) is tuple else StopIteration()


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
                raise ahead.end()
            items, ahead.ended = state._self_session.next_items(state._self_target, ahead.size)
            ahead.items.extend(items)
            ahead.grow()
        return ahead.items.popleft()


class Steps(Batches):
    """The same over a generator, for `yield from`, which passes on what is sent and thrown."""

    def send(self, value: Any) -> Any:
        return next(self) if value is None else self._iterator.send(value)

    def throw(self, *error: Any) -> Any:
        return self._iterator.throw(*error)

    def close(self) -> None:
        self._state._self_ahead.items.clear()
        self._iterator.close()


def batches(iterator: Any) -> Any:
    """A local iterator over a remote one, if it has not come by value."""
    state = stand_in_of(iterator)
    if state is None:
        return iterator
    return Steps(iterator) if state._self_methods >= STEPS else Batches(iterator)


def iterate(self: Any) -> Any:
    """`__iter__` of proxies."""
    state = stand_in_of(self)
    return batches(state._self_session.call(state._self_target, join(state._self_path, "__iter__"), (), {}))


def next_item(self: Any) -> Any:
    """`__next__` of proxies: what was fetched ahead, else one item."""
    state = stand_in_of(self)
    ahead = state._self_ahead
    if ahead.items:
        return ahead.items.popleft()
    if ahead.ended:
        raise ahead.end()
    return state._self_session.call(state._self_target, "__next__", (), {})


def keep_in_step(state: Any, name: str) -> None:
    """Has nothing fetched ahead from here on. Raises RuntimeError if the far side's generator is ahead already."""
    if state._self_ahead.items:
        raise RuntimeError(
            f"{name}() cannot reach a generator that has run ahead: a for loop has fetched "
            f"{len(state._self_ahead.items)} items more than it used. Use next() with {name}()"
        )
    state._self_ahead.in_step, state._self_ahead.size = True, 1
