"""One command for each request, or batch of them: for connectors that can run commands and move files, and no more.

The messages are the session's, in a session of length one. Nothing stays there between two commands.
"""

import contextlib
from typing import Any

from rproxy_endpoint.protocol.errors import ProtocolFault, ValueFault
from rproxy_endpoint.protocol.frames import Frame
from rproxy_endpoint.protocol.messages import OUTPUT, Failure
from rproxy_endpoint.protocol.peer import Packed, Peer

from ..connectors.base import Connector
from ..errors import ProtocolError, RProxyError
from .base import Channel, ChannelOptions, Sink, checked_facts, new_peer
from .carrier import Carrier

NOT_BEGUN = Failure({"fault": "cancelled", "cancelled": True, "text": "it had not begun"})


class Later:
    """A request that is sent when its answer is waited for: a command brings its answer with it."""

    unwanted = False  # whether it is not to be sent any more
    number = 0  # of the part that has brought it to a resident endpoint

    def __init__(self, message: Any, sink: Sink, limit: float | None) -> None:
        self.message, self.sink, self.limit = message, sink, limit


class CommandChannel(Channel):
    """Requests and answers by commands and files."""

    live = False
    name = "commands"

    def __init__(self, connector: Connector, options: ChannelOptions) -> None:
        self._options = options
        self._carrier = Carrier(connector, options)
        self.folder = self._carrier.folder
        self.facts: dict[str, Any] = {}
        try:
            self.facts = self._hello()
        except BaseException:
            with contextlib.suppress(RProxyError):  # the first trouble is the one to tell
                self.close()
            raise

    def _hello(self) -> dict[str, Any]:
        """What the far side says of itself: the answer to no request at all."""
        peer = new_peer(self._options)
        decode(peer, self._carrier.carry(b"".join(peer.greet(self._options.hello)), "once"), self._options.target)
        return checked_facts(peer.hello or {}, self._options.target)

    # -- requests --------------------------------------------------------------------------------------

    def begin(self, message: Any, sink: Sink, later: bool = False, limit: float | None = None) -> Later:
        return Later(message, sink, limit)

    def finish(self, begun: Later) -> Any:
        if begun.unwanted:
            return NOT_BEGUN
        message, sink, limit = begun.message, begun.sink, begun.limit
        login = self._carrier.loads_login and message.surroundings is not None and message.surroundings[3]
        if login:
            env, folders, path, _, defaults = message.surroundings
            message = message._replace(surroundings=(env, folders, path, False, defaults))
        answer = self._exchange([self.pack(message)], [sink], limit, login)[0]
        if isinstance(answer, ValueFault):
            raise answer
        return answer

    def cancel(self, begun: Later) -> None:
        begun.unwanted = True  # the thread that runs a command is the only one that can end it

    def pack(self, message: Any) -> Packed:
        return self._peer().pack(message)

    def exchange(self, requests: list[Packed], sinks: list[Sink], limit: float | None = None) -> list[Any]:
        return self._exchange(requests, sinks, limit, False)

    def _exchange(self, requests: list[Packed], sinks: list[Sink], limit: float | None, login: bool) -> list[Any]:
        peer = self._peer()
        notices = [piece for notice in self._options.before() for piece in peer.send(notice)]
        pieces = [piece for packed in requests for piece in peer.seal(packed, peer.number())]
        data = b"".join([*peer.greet(self._options.hello), *notices, *pieces])
        frames = decode(peer, self._carrier.carry(data, "once", limit=limit, login=login), self._options.target)
        answers = read_answers(peer, frames, sinks, 1, self._options.ambient)
        if any(answer is None for answer in answers):
            raise self._carrier.lost("an answer is missing in what it said")
        return answers

    def _peer(self) -> Peer:
        peer = new_peer(self._options)
        peer.codec = self._options.codec(self.facts)
        return peer

    def close(self) -> None:
        self._carrier.close()


def decode(peer: Peer, data: bytes, target: str) -> list[Frame]:
    """The frames of an answer. Raises ProtocolError."""
    try:
        frames: list[Frame] = peer.feed(data)
        peer.ended()
    except ProtocolFault as fault:
        raise ProtocolError(f"{target} does not speak the protocol: {fault}") from fault
    return frames


def read_answers(peer: Peer, frames: list[Frame], sinks: list[Sink], first: int, ambient: Sink) -> list[Any]:
    """What answers the requests from number `first` on, one for each sink: a Reply, a Failure, the ValueFault why
    it cannot be rebuilt here, or None if it is missing. Output goes to the sinks, or to `ambient`."""
    answers: list[Any] = [None] * len(sinks)
    for frame in frames:
        place = frame.call - first
        if frame.kind == OUTPUT:
            output = peer.read(frame)
            (sinks[place] if 0 <= place < len(sinks) else ambient)(output.stream, output.data)
        elif 0 <= place < len(sinks):
            try:
                answers[place] = peer.read(frame)
            except ValueFault as fault:
                answers[place] = fault
    return answers
