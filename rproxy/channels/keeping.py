"""Finds out that a link is lost, or that its endpoint was stopped, where nobody says so.

Rules: only where calls wait, and only after some silence or when something large is sent, is there a thread that looks;
it never waits for the link itself. The endpoint answers pings whatever it runs; one that does not is looked after by a
command of its own, since machine code that holds the interpreter's lock keeps it from answering, and is no reason to
end a call. What is large may be on its way over a slow link for long, and lets pings wait behind it: the endpoint gives
signs of life by itself while it arrives, and they are read here, since whoever sends does not.
"""

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from ..connectors.base import Connector
from ..errors import AuthenticationError, CallTimeout, ConnectionLost, ConnectorError, HostKeyError, RProxyError
from . import losing
from .reading import Reading

#: So many looks are in the time of keepalive: the first without a word pings, the second asks the host.
LOOKS = 3
#: What is smaller goes at once or not at all, in bytes.
LARGE = 1 << 16
_NO_ANSWER = "the host does not answer either"
_ASK = "uname -n; cat /proc/{0}/stat 2>/dev/null || ps -o stat= -p {0} 2>/dev/null || {{ kill -0 {0} && echo R; }}"


class Keeper:
    """Looks after the link of one client; `ping` sends a ping, and may hang."""

    def __init__(
        self, connector: Connector, stream: Any, reading: Reading, keepalive: float | None, ping: Callable[[], None]
    ) -> None:
        self.facts: dict[str, Any] = {}  # what the far side said of itself
        self._connector, self._stream, self._reading = connector, stream, reading
        watch = getattr(stream, "watch_silence", None)  # without it, losses are the system's to find
        self._look = None if keepalive is None or watch is None else keepalive / LOOKS
        self._ping = ping
        self._moved = 0
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._over = threading.Event()
        if watch is not None and self._look is not None:
            watch(self._look)

    def told(self, hello: dict[str, Any]) -> dict[str, Any]:
        """A Hello that promises no pings where nobody would notice that one is due."""
        return hello if self._look is not None else {**hello, "keepalive": None}

    def sends(self, pieces: list[Any]) -> None:
        """Something is about to be sent for a call that waits, which a link may not take."""
        if sum(memoryview(piece).nbytes for piece in pieces) > LARGE:
            self.begin()

    def begin(self) -> None:
        """Sees to it that somebody looks as long as calls wait, of which there is one."""
        if self._look is not None:
            with self._lock:
                if self._thread is None and not self._over.is_set():
                    thread = threading.Thread(target=self._keep, name="rproxy keeper", daemon=True)
                    with contextlib.suppress(RuntimeError):  # the interpreter ends, and lets no thread begin
                        thread.start()
                        self._thread = thread

    def end(self) -> None:
        self._over.set()

    def _keep(self) -> None:
        look, silent = self._look or 0.0, 0
        self._reading.heard, self._moved = False, getattr(self._stream, "moved", 0)
        while True:
            _apart(self._ping)
            if self._over.wait(look) or self._is_done():
                return
            silent = 0 if self._has_moved() else silent + 1
            if silent:
                why = self._ask(look)
                if self._has_moved():
                    silent = 0
                elif why:
                    told = f": nothing has come from it for {look * (silent + 2):g} s, and {why}"
                    self._reading.abort(losing.lost(self._connector.target, told))
                    if why is _NO_ANSWER:
                        self._connector.renew()
                    return

    def _is_done(self) -> bool:
        with self._lock:  # whoever begins to wait now begins another
            if not self._reading.waiting:
                self._thread = None
            return self._thread is None

    def _has_moved(self) -> bool:
        """Whether something has come or gone since it was asked last."""
        _apart(self._reading.listen).join(self._look)
        moved = getattr(self._stream, "moved", 0)
        heard, self._reading.heard = self._reading.heard, False
        found = heard or moved != self._moved
        self._moved = moved
        return found

    def _ask(self, seconds: float) -> str:
        """Why the session is over, in words; "" if it is not, as far as one can know."""
        said: list[str] = []
        asked = _apart(lambda: said.append(self._state(seconds)))
        asked.join(seconds)
        return said[0] if said else _NO_ANSWER

    def _state(self, seconds: float) -> str:
        pid = self.facts["pid"]
        try:
            done = self._connector.run(_ASK.format(pid), timeout=seconds)
        except (CallTimeout, ConnectionLost):
            return _NO_ANSWER
        except (AuthenticationError, HostKeyError, ConnectorError):
            return ""  # it lets us run no second command now: nothing is known
        host, _, stat = done.stdout.decode("utf-8", "replace").strip().partition("\n")
        if host != self.facts.get("host"):
            return ""  # another node of the same name
        state = stat.rpartition(") ")[2].strip()[:1]
        if state in ("T", "t"):
            return f"its endpoint is stopped by a signal (`kill -CONT {pid}` there lets it go on)"
        return "" if state and state != "Z" else "its endpoint is gone"


def _apart(work: Callable[[], Any]) -> threading.Thread:
    """Does something that may hang, in a thread that nobody has to wait for."""

    def run() -> None:
        with contextlib.suppress(RProxyError):  # the session has ended meanwhile
            work()

    thread = threading.Thread(target=run, name="rproxy keeper", daemon=True)
    thread.start()
    return thread
