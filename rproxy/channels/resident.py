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
from ..errors import CallTimeout, RProxyError
from .asking import Asking
from .base import Channel, ChannelOptions, Residence, Sink, checked_facts, new_peer
from .carrier import Carrier
from .command import Begun, decode, read_answers
from .waiting import was_stopped


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
        self._unproven: list[bytes] = []  # notices that may not have come
        self._lock = threading.Lock()
        goodbye = f"{self._client} {'bye' if residence.session else 'end'}\n".encode()
        self._leave = weakref.finalize(self, _say, self._carrier, goodbye, (*words, "no", "0"), os.getpid())
        try:
            hello = self._part(b"".join(self._peer.greet(options.hello)))
            decode(self._peer, self._asking.answer("new", self._number, hello)[0], options.target)
            self.facts = checked_facts(self._peer.hello or {}, options.target)
        except BaseException:
            with contextlib.suppress(RProxyError):  # the first trouble is the one to tell
                self.close()
            raise
        self._peer.codec = options.codec(self.facts)

    # -- requests --------------------------------------------------------------------------------------

    def begin(self, message: Any, sink: Sink, later: bool = False, limit: float | None = None) -> Begun:
        return self.pack(message), sink, limit  # a command brings its answer with it

    def finish(self, begun: Begun) -> Any:
        packed, sink, limit = begun
        answer = self.exchange([packed], [sink], limit)[0]
        if isinstance(answer, ValueFault):
            raise answer
        return answer

    def cancel(self, begun: Begun) -> None:
        return  # the thread that runs the command is the only one that can end it

    def pack(self, message: Any) -> Packed:
        return self._peer.pack(message)

    def exchange(self, requests: list[Packed], sinks: list[Sink], limit: float | None = None) -> list[Any]:
        peer, options = self._peer, self._options
        until = None if limit is None else time.monotonic() + limit
        with self._lock:
            notices = b"".join(piece for notice in options.before() for piece in peer.send(notice))
            if notices:
                self._unproven.append(self._part(notices))
            numbers = [peer.number() for _ in requests]
            try:
                pieces = [
                    piece for packed, call in zip(requests, numbers, strict=True) for piece in peer.seal(packed, call)
                ]
                request = self._part(b"".join(pieces))
                parts = b"".join(self._unproven) + request
                data, late = self._asking.answer("more", self._number, parts, until)
                frames = decode(peer, data, options.target)
            except BaseException:
                for call in numbers:
                    peer.forget(call)
                raise
            self._unproven.clear()
        answers = read_answers(peer, frames, sinks, numbers[0], options.ambient)
        if any(answer is None for answer in answers):
            raise self._carrier.lost("an answer is missing in what it said")
        if late:
            stopped = any(map(was_stopped, answers))
            raise CallTimeout("it was stopped there" if stopped else "it came to its end there meanwhile")
        return answers

    def _part(self, data: bytes) -> bytes:
        """A part of what is sent, with its number and size."""
        self._number += 1
        return b"%d %d\n" % (self._number, len(data)) + data

    def close(self) -> None:
        self._leave()
        self._carrier.close()


def _socket_name(residence: Residence, options: ChannelOptions, client: str) -> str:
    """The name of the socket: this client's own, or the same for all who mean the same session."""
    if residence.session is None:
        return client
    launcher = options.launcher
    meant = "\0".join((residence.session, bundle().name, str(launcher.python), launcher.root))
    return hashlib.sha256(meant.encode()).hexdigest()[:16]


def _say(carrier: Carrier, data: bytes, words: tuple[str, ...], owner: int) -> None:
    if os.getpid() == owner:  # not at the end of a forked child
        # One that is gone, or cannot be reached any more, ends by itself.
        with contextlib.suppress(RProxyError):
            carrier.carry(data, "relay", *words)
