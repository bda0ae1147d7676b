"""What both channels offer, and the options that they share."""

import abc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from rproxy_endpoint.protocol.peer import Packed, Peer
from rproxy_endpoint.protocol.values import Side

from ..deployment.launcher import Launcher
from ..errors import ProtocolError, RProxyError
from ..joining import JoiningPeer

if TYPE_CHECKING:
    from ..tracing import Watch

#: Takes what was printed: the stream (1 or 2) and the bytes.
Sink = Callable[[int, bytes], None]


class ChannelOptions(NamedTuple):
    """What a channel needs to know.

    `side` answers the codec's questions; `codec` makes the codec once the far side has said what it is;
    `hello` is what this side says of itself; `ambient` takes output that belongs to no call; `before`
    gives the notices that go ahead of the next request; `lender` answers what the far side asks for objects
    that are lent to it: from what reads its message and what packs the answer, it gives the packed answer and what has
    to live until that is sent; `watch` sees each message;
    `keepalive` is how long the far side may be silent under a call before it is looked after, in seconds (None: for
    ever).
    """

    target: str
    launcher: Launcher
    side: Side
    codec: Callable[[dict[str, Any]], Any]
    hello: dict[str, Any]
    ambient: Sink
    before: Callable[[], list[Any]]
    lender: Callable[[Callable[[], Any], Callable[[Any], Any]], tuple[Any, Any]]
    watch: "Watch | None" = None
    keepalive: float | None = None


class Residence(NamedTuple):
    """A resident endpoint: after how many seconds without a request it ends, the name of a session that is shared
    with other clients, and for how many seconds to try to join it again when the link is lost."""

    idle_timeout: float = 600.0
    session: str | None = None
    reconnect_timeout: float = 60.0


class Channel(abc.ABC):
    """Carries requests of one client."""

    #: What `info` calls it.
    name: str

    #: Whether objects can stay on the far side between two requests.
    live: bool
    #: Whether the far side can ask for objects of this side while it runs a request.
    lends: bool = False
    #: What the far side said of itself.
    facts: dict[str, Any]
    #: The private folder of this client there, if it has one.
    folder: str = ""

    def request(self, message: Any, sink: Sink, limit: float | None) -> Any:
        """What answers a request: `begin` and `finish` in one."""
        return self.finish(self.begin(message, sink, False, limit))

    @abc.abstractmethod
    def begin(self, message: Any, sink: Sink, later: bool = False, limit: float | None = None) -> Any:
        """Sends a request; what the call prints goes to `sink`. Returns what `finish` takes: in this thread,
        at once, unless it is said to be later. After `limit` seconds the call is stopped.

        Raises ValueFault if a value cannot travel, ConnectionLost if the link has ended.
        """

    @abc.abstractmethod
    def finish(self, begun: Any) -> Any:
        """Waits for the Reply or Failure of a request.

        Raises ValueFault if a value cannot be rebuilt, ConnectionLost if the link ended, CallTimeout, with what
        became of the call, if it took longer than its limit.
        """

    @abc.abstractmethod
    def cancel(self, begun: Any) -> None:
        """Has the far side stop a call that `finish` waits for, if it can; does not wait."""

    @abc.abstractmethod
    def pack(self, message: Any) -> Packed:
        """A request whose values are bytes by now, for `exchange`. Raises ValueFault."""

    @abc.abstractmethod
    def exchange(self, requests: list[Packed], sinks: list[Sink], limit: float | None = None) -> list[Any]:
        """Sends several requests, together if that is possible; returns what answers each, in order: a Reply, a
        Failure, or the ValueFault why it cannot be rebuilt here. Raises ConnectionLost, CallTimeout."""

    def is_asked(self) -> bool:
        """Whether this context answers what the far side asks: a request from here runs within the one that asks."""
        return False

    def look(self) -> None:
        """Finds out, without waiting, whether the session has ended meanwhile."""
        return

    def lose(self, error: RProxyError) -> None:
        """Ends the waiting of all calls with an error."""
        return

    @abc.abstractmethod
    def close(self) -> None:
        """Ends the far side's part. Twice is fine."""


def checked_facts(facts: dict[str, Any], target: str) -> dict[str, Any]:
    """What a far side said of itself, if it is what an endpoint says. Raises ProtocolError."""
    python, folder = facts.get("python"), facts.get("folder")
    numbers = isinstance(python, list) and len(python) == 3 and all(type(part) is int for part in python)
    if not (numbers and type(facts.get("pickle")) is int and isinstance(folder, str)):
        raise ProtocolError(f"{target} does not say what an endpoint says of itself")
    return {**facts, "executable": str(facts.get("executable"))}


def new_peer(options: ChannelOptions) -> Peer:
    return JoiningPeer("client", options.side) if options.watch is None else options.watch.peer(options.side)
