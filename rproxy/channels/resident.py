"""A session with a resident endpoint, which stays on its host between the commands that bring it requests.

Rules: one command at a time, so that requests come in the order of their numbers; each part of what is sent has a
number, and the resident endpoint runs what it has had not again: notices are sent until they are proven to have
come, requests once.
"""

import contextlib
import hashlib
import os
import threading
import time
import weakref
from typing import Any

from rproxy_endpoint.protocol.errors import ValueFault
from rproxy_endpoint.protocol.peer import Packed

from ..connectors.base import Connector
from ..deployment.bundle import bundle
from ..errors import CallTimeout, ConnectionLost, RProxyError
from .asking import AWAY, Asking
from .base import Channel, ChannelOptions, Residence, Sink, checked_facts, new_peer
from .carrier import Carrier, Unanswered
from .command import NOT_BEGUN, Later, decode, read_answers
from .waiting import was_stopped

#: How long an endpoint may take to answer a goodbye, and the host to bring it there, in seconds.
GOODBYE, SLOWEST = 4.0, 20.0
#: A part of what is sent, and its number.
Part = tuple[int, bytes]


class ResidentChannel(Channel):
    """Requests and answers by commands, of a session that lasts."""

    live = True
    name = "resident"

    def __init__(self, connector: Connector, options: ChannelOptions, residence: Residence) -> None:
        self._options = options
        self._peer = new_peer(options)
        self._carrier = Carrier(connector, options)
        self.folder = self._carrier.folder
        self._client = os.urandom(8).hex()
        self._name = _socket_name(residence, options, self._client)
        words = (self._name, f"{residence.idle_timeout:g}")
        self._asking = Asking(
            self._carrier, self._client, words, wait=options.keepalive or 0.0, slowest=connector.start_timeout,
            reconnect_timeout=residence.reconnect_timeout,
        )  # fmt: skip
        self._number = 0  # of the part that was sent last
        self._unproven: list[Part] = []  # notices that may not have come
        self._lock = threading.Lock()
        goodbye = f"{self._client} {'bye' if residence.session else 'end'}\n".encode()
        way = "no" if residence.session else "end"
        self._leave = weakref.finalize(self, _say, self._carrier, goodbye, (*words, way), os.getpid())
        try:
            hello = self._part(b"".join(self._peer.greet(options.hello)))
            decode(self._peer, self._asking.answer("new", self._number, _joined([hello]))[0], options.target)
            self.facts = checked_facts(self._peer.hello or {}, options.target)
        except BaseException:
            with contextlib.suppress(RProxyError):  # the first trouble is the one to tell
                self.close()
            raise
        self._peer.codec = options.codec(self.facts)

    # -- requests --------------------------------------------------------------------------------------

    def begin(self, message: Any, sink: Sink, later: bool = False, limit: float | None = None) -> Later:
        return Later(self.pack(message), sink, limit)

    def finish(self, begun: Later) -> Any:
        if begun.unwanted and not begun.number:
            return NOT_BEGUN  # without waiting for the command of another call to end
        try:
            answer = self._exchange([begun.message], [begun.sink], begun.limit, begun)[0]
        except ConnectionLost as lost:
            if begun.unwanted and not lost.may_have_run:
                return NOT_BEGUN  # the word to stop it came ahead of it
            raise
        if isinstance(answer, ValueFault):
            raise answer
        return answer

    def cancel(self, begun: Later) -> None:
        begun.unwanted = True
        if begun.number:
            threading.Thread(target=self._stop, args=(begun.number,), daemon=True).start()

    def _stop(self, number: int) -> None:
        with contextlib.suppress(RProxyError):  # then it goes on, as its future tells
            self._asking.stop(number)

    def pack(self, message: Any) -> Packed:
        return self._peer.pack(message)

    def exchange(self, requests: list[Packed], sinks: list[Sink], limit: float | None = None) -> list[Any]:
        return self._exchange(requests, sinks, limit, None)

    def _exchange(
        self, requests: list[Packed], sinks: list[Sink], limit: float | None, later: Later | None
    ) -> list[Any]:
        peer, options = self._peer, self._options
        until = None if limit is None else time.monotonic() + limit
        with self._lock:
            if later is not None and later.unwanted:
                return [NOT_BEGUN]
            notices = b"".join(piece for notice in options.before() for piece in peer.send(notice))
            if notices:
                self._unproven.append(self._part(notices))
            numbers = [peer.number() for _ in requests]
            try:
                pieces = [
                    piece for packed, call in zip(requests, numbers, strict=True) for piece in peer.seal(packed, call)
                ]
                request = self._part(b"".join(pieces))
                parts = _joined([*self._unproven, request])
                if later is not None:
                    later.number = self._number
                    if later.unwanted:  # since a moment ago
                        self.cancel(later)
                data, late = self._asking.answer("more", self._number, parts, until)
                frames = decode(peer, data, options.target)
            except BaseException:
                for call in numbers:
                    peer.forget(call)
                if self._asking.refused == self._number:  # what came with it was not taken, and never will be
                    self._unproven = [self._part(data) for _, data in self._unproven]
                raise
            self._unproven.clear()
        answers = read_answers(peer, frames, sinks, numbers[0], options.ambient)
        if any(answer is None for answer in answers):
            raise self._carrier.lost("an answer is missing in what it said")
        if late:
            stopped = any(map(was_stopped, answers))
            raise CallTimeout("it was stopped there" if stopped else "it came to its end there meanwhile")
        return answers

    def _part(self, data: bytes) -> Part:
        """A part of what is sent, with the next number."""
        self._number += 1
        return self._number, data

    def close(self) -> None:
        self._asking.close()
        self._carrier.close(silent=self._leave() is False)


def _joined(parts: list[Part]) -> bytes:
    """Parts as they are sent: each with its number and size."""
    return b"".join(b"%d %d\n" % (number, len(data)) + data for number, data in parts)


def _socket_name(residence: Residence, options: ChannelOptions, client: str) -> str:
    """The name of the socket: this client's own, or the same for all who mean the same session."""
    if residence.session is None:
        return client
    launcher = options.launcher
    meant = "\0".join((residence.session, bundle().name, str(launcher.python), launcher.root))
    return hashlib.sha256(meant.encode()).hexdigest()[:16]


def _say(carrier: Carrier, data: bytes, words: tuple[str, ...], owner: int) -> bool:
    """Says something to the endpoint, and returns whether its host has answered in time: one that has not been told
    ends by itself."""
    if os.getpid() == owner:  # not at the end of a forked child
        try:
            carrier.carry(data, "relay", *words, f"{GOODBYE:g}", limit=GOODBYE + SLOWEST)
        except CallTimeout:
            return False
        except RProxyError as error:
            return error.stage not in AWAY
        except Unanswered:
            return True
    return True
