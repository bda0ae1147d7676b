"""One command for each request, or batch of them: for connectors that can run commands and move files, and no more.

Rules: requests that are small enough ride in the command, or in its input where that is private, larger ones are
pushed as a file before; an answer comes back on the command's output, a longer one is pulled after. The messages
are the session's, in a session of length one. An answer counts only if it is proven to be whole and this command's
own: else nobody knows whether the call has run, and nothing is tried again.
"""

import base64
import contextlib
import os
from typing import Any, NamedTuple

from rproxy_endpoint.protocol.envelope import seal, unseal
from rproxy_endpoint.protocol.errors import ProtocolFault, ValueFault
from rproxy_endpoint.protocol.frames import Frame
from rproxy_endpoint.protocol.messages import KINDS, OUTPUT, Stored
from rproxy_endpoint.protocol.peer import Packed, Peer

from ..connectors.base import Completed, Connector
from ..deployment.bootstrap import archive_message, check_deploying
from ..deployment.launcher import new_token, words_of
from ..deployment.preparing import deploy_pushed, prepare
from ..errors import ConnectionLost, ProtocolError, RemoteNotSetupError, RProxyError
from .base import Channel, ChannelOptions, Sink, checked_facts, new_peer
from .files import Files

STORED = KINDS[Stored]


class _Sent(NamedTuple):
    """A command on its way: its token, where a long answer will be, and what is left over if it does not run."""

    command: str
    input: bytes
    token: str
    answer: str
    files: list[str]


class CommandChannel(Channel):
    """Requests and answers by commands and files."""

    live = False

    def __init__(self, connector: Connector, options: ChannelOptions) -> None:
        self._connector = connector
        self._options = options
        self._files: Files | None = None
        self.facts: dict[str, Any] = {}
        try:
            self._files = self._prepare()
            peer, _ = self._answers(b"".join(new_peer(options).greet(options.hello)), 0)
            self.facts = checked_facts(peer.hello or {}, options.target)
        except BaseException:
            with contextlib.suppress(RProxyError):  # the first trouble is the one to tell
                self.close()
            raise

    # -- setting up ------------------------------------------------------------------------------------

    def _prepare(self) -> Files:
        """Makes the private folder, and deploys the endpoint if it is not there."""
        launcher = self._options.launcher
        folder, there = prepare(self._connector, launcher)
        if not there:
            check_deploying(launcher, self._connector.target)
        files = self._files = Files(self._connector, folder)
        if not there:
            path = files.new("archive")
            files.push(archive_message(), path)
            deploy_pushed(self._connector, launcher, folder, path)
        return files

    # -- requests --------------------------------------------------------------------------------------

    def begin(self, message: Any, sink: Sink, later: bool = False) -> tuple[Any, Sink]:
        return message, sink  # a command brings its answer with it

    def finish(self, begun: tuple[Any, Sink]) -> Any:
        message, sink = begun
        login = self._connector.login and message.surroundings is not None and message.surroundings[3]
        if login:  # the service loads it
            env, folders, path, _, defaults = message.surroundings
            message = message._replace(surroundings=(env, folders, path, False, defaults))
        answer = self._exchange([self.pack(message)], [sink], login)[0]
        if isinstance(answer, ValueFault):
            raise answer
        return answer

    def pack(self, message: Any) -> Packed:
        return self._peer(0).pack(message)

    def exchange(self, requests: list[Packed], sinks: list[Sink]) -> list[Any]:
        return self._exchange(requests, sinks, False)

    def _exchange(self, requests: list[Packed], sinks: list[Sink], login: bool) -> list[Any]:
        peer = self._peer(0)
        notices = [piece for notice in self._options.before() for piece in peer.send(notice)]
        pieces = [piece for packed in requests for piece in peer.seal(packed, peer.number())]
        data = b"".join([*peer.greet(self._options.hello), *notices, *pieces])
        peer, frames = self._answers(data, len(requests), login)
        answers: list[Any] = [None] * len(requests)
        for frame in frames:
            if frame.kind == OUTPUT:
                output = peer.read(frame)
                sinks[max(frame.call, 1) - 1](output.stream, output.data)
            else:
                answers[frame.call - 1] = _read(peer, frame)
        if any(answer is None for answer in answers):
            raise self._lost("an answer is missing in what it said", None)
        return answers

    def _peer(self, count: int) -> Peer:
        """A peer that waits for the answers to so many requests."""
        peer = new_peer(self._options)
        if self.facts:
            peer.codec = self._options.codec(self.facts)
        for _ in range(count):
            peer.number()
        return peer

    # -- commands --------------------------------------------------------------------------------------

    def _answers(self, data: bytes, count: int, login: bool = False) -> tuple[Peer, list[Frame]]:
        """The frames that answer these bytes, wherever they come, and the peer that can read them."""
        assert self._files is not None
        sent = self._sent(self._files, data)
        self._files.leave(sent.files)  # until it is proven that the command has removed them
        options = {"login": True} if login else {}
        done = self._connector.run(sent.command, input=sent.input, **options)
        peer = self._peer(count)
        frames = self._decode(peer, self._printed(done, sent.token))
        self._files.gone(sent.files)
        stored = [frame for frame in frames if frame.kind == STORED]
        if not stored:
            return peer, frames
        path = peer.read(stored[0]).path
        if path != sent.answer:
            raise ProtocolError(f"{self._options.target} left its answer at {path!r}, which is not its place")
        self._files.leave([path])
        peer = self._peer(count)
        return peer, self._decode(peer, self._files.pull(path, sent.token))

    def _sent(self, files: Files, data: bytes) -> _Sent:
        """The command for a request; the request itself is pushed, if it is too large for that."""
        connector, token, answer, left = self._connector, new_token(), files.new("answer"), files.left()
        sealed = seal(token, data)
        if len(sealed) <= connector.input_limit:
            return _Sent(self._command(token, answer, "-", left), sealed, token, answer, [*left, answer])
        command = self._command(token, answer, "=" + base64.b64encode(sealed).decode(), left)
        if len(os.fsencode(command)) <= connector.command_limit:
            return _Sent(command, b"", token, answer, [*left, answer])
        request = files.new("request")
        files.leave([request])
        files.push(sealed, request)
        return _Sent(self._command(token, answer, "@" + request, left), b"", token, answer, [*left, answer, request])

    def _command(self, token: str, answer: str, request: str, left: list[str]) -> str:
        connector = self._connector
        form = "text" if connector.text_only else "binary"
        limits = str(connector.output_limit), str(connector.file_patience)
        return self._options.launcher.endpoint(token, "once", token, form, *limits, answer, request, *left)

    def _printed(self, done: Completed, token: str) -> bytes:
        """What the endpoint itself has printed. Raises ConnectionLost if that is not proven to be whole."""
        target = self._options.target
        found = words_of(token).search(done.stdout)
        if found is None:
            raise self._lost("its answer is missing", done)
        word = (found.group(1) or b"").decode()
        if word == "need":
            raise RemoteNotSetupError(
                f"the endpoint is gone from {self._options.launcher.root} on {target}; the call did not run. "
                "Make a new client to deploy it again."
            )
        if word == "late":
            raise ConnectionLost(
                f"the request for {target} did not come whole to its command in {self._connector.file_patience:g} s; "
                "the call did not run",
                may_have_run=False,
            )
        if word and word != "end":
            raise RemoteNotSetupError(
                f"Python does not start on {target} any more; the call did not run: {_end_of(done)}"
            )
        data = unseal(token, done.stdout[found.end() :], self._connector.text_only)
        if data is None:
            raise self._lost("its answer was cut off or damaged", done)
        return data

    def _decode(self, peer: Peer, data: bytes) -> list[Frame]:
        try:
            frames: list[Frame] = peer.feed(data)
            peer.ended()
        except ProtocolFault as fault:
            raise ProtocolError(f"{self._options.target} does not speak the protocol: {fault}") from fault
        return frames

    def _lost(self, why: str, done: Completed | None) -> ConnectionLost:
        said = "" if done is None else f" ({_end_of(done)})"
        return ConnectionLost(
            f"the command on {self._options.target} has ended: {why}{said}. Whether the call has run is unknown."
        )

    def close(self) -> None:
        if self._files is not None:
            self._files.remove()


def _read(peer: Peer, frame: Frame) -> Any:
    """The message in a frame, or the ValueFault why it cannot be rebuilt here."""
    try:
        return peer.read(frame)
    except ValueFault as fault:
        return fault


def _end_of(done: Completed) -> str:
    said = (done.stderr or done.stdout)[-2000:].decode("utf-8", "replace").strip()
    return f"exit code {done.returncode}" + (f"; it said:\n{said}" if said else "")
