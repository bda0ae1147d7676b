"""What goes ahead of a request, so that its arguments can be loaded.

Rules: what a session has been sent is not sent again, until it has changed or the far side could not load
something; where each request has a process of its own, each brings all that it needs.
"""

import threading
from collections.abc import Iterable
from typing import Any, NamedTuple

from rproxy_endpoint.protocol.messages import Provide


class Item(NamedTuple):
    """One thing to send: `content` is what the kind of notice wants, `version` tells whether it has changed."""

    kind: str
    key: str
    version: str
    content: Any


class Outbox:
    """What the requests of one client need."""

    def __init__(self) -> None:
        self._waiting = threading.local()  # for the request that this thread is about to send
        self._always: list[Item] = []
        self._used = False
        self._sent: dict[tuple[str, str], str] = {}

    def __bool__(self) -> bool:
        return self._used  # most clients never need anything

    def put(self, items: Iterable[Item]) -> None:
        self._used = True
        self._waiting.items = [*getattr(self._waiting, "items", ()), *items]

    def keep(self, items: Iterable[Item]) -> None:
        """Puts something ahead of every request from now on."""
        fresh = list(items)
        self._used = True
        keys = {item[:2] for item in fresh}
        self._always = [item for item in self._always if item[:2] not in keys] + fresh

    def take(self, lasting: bool) -> list[Provide]:
        """The notices that go ahead of this thread's request; `lasting` says whether earlier ones still hold."""
        waiting = getattr(self._waiting, "items", ())
        if not waiting and not self._always:
            return []
        self._waiting.items = []
        found: dict[str, dict[str, Any]] = {}
        for kind, key, version, content in {item[:2]: item for item in (*self._always, *waiting)}.values():
            if not lasting or self._sent.get((kind, key)) != version:
                found.setdefault(kind, {})[key] = content
                self._sent[kind, key] = version
        return [Provide(kind, items) for kind, items in found.items()]

    def forget(self) -> None:
        """Something of what was sent may not have arrived."""
        self._sent.clear()
