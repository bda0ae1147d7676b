"""The rest of the endpoint: what few sessions need. It is asked of the client when some of it is first imported.

Rules: it goes into the endpoint's folder, for the sessions to come, or where that cannot be written into memory.
It is asked for from within the request that needs it, like an object that the client lent; who cannot ask is told so
by an ImportError.
"""

import importlib
import os
import sys
import threading
from typing import Any

from .protocol.messages import Call

HERE = os.path.dirname(__file__)  # absolute, or <memory>
_PACKAGES = ("rproxy_endpoint", "rproxy_endpoint.protocol")
#: The number under which the client lends the function that returns it.
_REST = 0


def extend() -> None:
    """Makes importable what is in the folder of the rest."""
    folder = os.path.join(HERE, "rest")
    if os.path.isdir(folder):
        for name in _PACKAGES:
            place = os.path.join(folder, *name.split("."))
            sys.path_importer_cache.pop(place, None)
            path = importlib.import_module(name).__path__  # type: ignore[attr-defined, unused-ignore]
            if place not in path:
                path.append(place)


def watch(side: Any) -> None:
    """Has imports that find nothing ask the client of a session."""
    sys.meta_path.append(_Arriving(side))  # type: ignore[arg-type, unused-ignore]


class _Everybody:
    """The requests that lent something which is always lent."""

    def __contains__(self, call: int) -> bool:
        return True


class _Arriving:
    """A finder, asked for what no other one finds."""

    _rproxy_calls = _Everybody()

    def __init__(self, side: Any) -> None:
        self._side = side
        self._lock = threading.RLock()
        self._asked = False

    def __repr__(self) -> str:
        return "the rest of the endpoint"

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name.rpartition(".")[0] not in _PACKAGES:
            return None
        extend()  # another session may have brought it meanwhile
        found = self._found(name)
        if found is None:
            self._bring(name)
            found = self._found(name)
        return found

    def _found(self, name: str) -> Any:
        """What the other finders find."""
        path = sys.modules[name.rpartition(".")[0]].__path__
        specs = (finder.find_spec(name, path) for finder in sys.meta_path if finder is not self)
        return next((spec for spec in specs if spec is not None), None)

    def _bring(self, name: str) -> None:
        with self._lock:
            if self._asked:
                return
            self._asked = True
            try:
                _place(self._side.ask(self, Call(_REST, "", (), {}, None, False)))
            except Exception as error:
                self._asked = False
                raise ImportError("a part of the endpoint is not here, and could not be had: %s" % error, name=name)


def _place(packed: bytes) -> None:
    from . import deployment

    if not HERE.startswith(deployment.MEMORY):
        try:
            deployment.deploy(HERE, "rest", packed)
            extend()
            return
        except OSError:
            pass  # read-only, full, or not ours: it is for this session alone
    deployment.remember(packed)
