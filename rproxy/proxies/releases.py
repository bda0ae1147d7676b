"""What the far side may let go of: noted by finalizers, carried by the next request.

Rules: a finalizer sends nothing, and waits for nobody; a proxy that another finalizer brings back to life while
its release is noted keeps its object, and is released when it is gone for good.
"""

import collections
import weakref
from collections.abc import MutableMapping
from typing import Any


class Releases:
    """Objects whose proxies are gone, and how often each was received."""

    def __init__(self, proxies: MutableMapping[int, Any]) -> None:
        self._proxies = proxies  # those that live, by number
        self._noted: collections.deque[tuple[int, list[int], Any]] = collections.deque()
        self._revived: dict[int, Any] = {}  # by the id of the reference: references that note it when they die

    def __len__(self) -> int:
        return len(self._noted)

    def note(self, number: int, received: list[int], proxy: Any = None) -> None:
        """Takes note of an object, and of its proxy, if this is said by its finalizer.

        `received` holds how often it was received, which may still change for a proxy that comes back to life.
        """
        self._noted.append((number, received, None if proxy is None else weakref.ref(proxy)))

    def take(self) -> tuple[tuple[int, int], ...]:
        """(number, times) of all that were noted, but of proxies that live again."""
        gone = []
        while self._noted:
            number, received, reference = self._noted.popleft()
            proxy = None if reference is None else reference()
            if proxy is not None:
                self._revive(number, received, proxy)
            elif received[0]:
                gone.append((number, received[0]))
                received[0] = 0
        return tuple(gone)

    def _revive(self, number: int, received: list[int], proxy: Any) -> None:
        """Its finalizer has run, and will not run again."""
        self._proxies.setdefault(number, proxy)

        def note(reference: Any) -> None:
            self._noted.append((number, received, None))
            del self._revived[id(reference)]

        reference = weakref.ref(proxy, note)
        self._revived[id(reference)] = reference
