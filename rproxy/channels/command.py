"""One command for each request: for connectors that can run commands and move files, and no more.

Rules: a request that fits into a command rides in it, a longer one is pushed as a file before; an answer
comes back on the command's output, a longer one is pulled after. The messages are the session's, in a
session of length one. Files are in a private folder of this client, under names that nobody can guess;
the endpoint removes a request once it is read, the next command an answer once it is pulled, and the end
of the client the folder.
"""

import base64
import contextlib
import os
import shlex
import tempfile
import weakref
from collections.abc import Callable
from typing import Any

from rproxy_endpoint.protocol.errors import ProtocolFault
from rproxy_endpoint.protocol.frames import Frame
from rproxy_endpoint.protocol.messages import ANSWERS, OUTPUT, Stored

from ..connectors.base import Completed, Connector
from ..deployment.bootstrap import archive_message, check_deploying
from ..deployment.bundle import bundle
from ..deployment.launcher import new_token, words_of
from ..deployment.preparing import deploy_pushed, prepare
from ..errors import ConnectionLost, ProtocolError, RemoteNotSetupError, RProxyError
from .base import Channel, ChannelOptions, Sink, checked_facts, new_peer


class CommandChannel(Channel):
    """Requests and answers by commands and files."""

    live = False

    def __init__(self, connector: Connector, options: ChannelOptions) -> None:
        self._connector = connector
        self._options = options
        self._remove: list[str] = []  # answers that the next command removes
        self._ending: Callable[[], object] | None = None
        self.facts: dict[str, Any] = {}
        try:
            self._prepare()
            self.facts = self._hello()
        except BaseException:
            with contextlib.suppress(RProxyError):  # the first trouble is the one to tell
                self.close()
            raise

    # -- setting up ------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Makes the private folder, and deploys the endpoint if it is not there."""
        launcher = self._options.launcher
        self.folder, there = prepare(self._connector, launcher)
        if not there:
            check_deploying(launcher, self._connector.target)
        self._ending = weakref.finalize(self, _remove_folder, self._connector, self.folder, os.getpid())
        if not there:
            self._deploy()

    def _deploy(self) -> None:
        path = f"{self.folder}/{bundle().name}.zip"
        self._push(archive_message(), path)
        deploy_pushed(self._connector, self._options.launcher, self.folder, path)

    def _hello(self) -> dict[str, Any]:
        """What the far side says of itself: the answer to no request at all."""
        peer = new_peer(self._options)
        done, token = self._run(b"".join(peer.greet(self._options.hello)))
        self._frames(peer, done, token)
        return checked_facts(peer.hello or {}, self._options.target)

    # -- requests --------------------------------------------------------------------------------------

    def begin(self, message: Any, sink: Sink, later: bool = False) -> tuple[Any, Sink]:
        return message, sink  # a command brings its answer with it

    def finish(self, begun: tuple[Any, Sink]) -> Any:
        message, sink = begun
        peer = new_peer(self._options)
        peer.codec = self._options.codec(self.facts)
        number = peer.number()
        pieces = peer.send(message, number)
        notices = [piece for notice in self._options.before() for piece in peer.send(notice)]
        data = b"".join([*peer.greet(self._options.hello), *notices, *pieces])
        done, token = self._run(data)
        answer = None
        for frame in self._frames(peer, done, token):
            if frame.kind == OUTPUT:
                output = peer.read(frame)
                sink(output.stream, output.data)
            elif frame.kind in ANSWERS:
                answer = peer.read(frame)
        if type(answer) is Stored:
            return self._fetch(answer, message, sink)
        if answer is None:
            raise self._lost("its answer is missing", done)
        return answer

    def _run(self, data: bytes) -> tuple[Completed, str]:
        connector, token = self._connector, new_token()
        form = "text" if connector.text_only else "binary"
        words = ["once", token, form, str(connector.output_limit), self.folder]
        remove, self._remove = self._remove, []
        command = self._options.launcher.endpoint(token, *words, "=" + base64.b64encode(data).decode(), *remove)
        if len(os.fsencode(command)) > connector.command_limit:
            path = f"{self.folder}/request-{os.urandom(8).hex()}"
            self._push(data, path)
            command = self._options.launcher.endpoint(token, *words, "@" + path, *remove)
        done = connector.run(command)
        found = words_of(token).search(done.stdout)
        if found is not None and found[1] == b"need" and self._options.launcher.deploy:
            self._deploy()  # the endpoint has gone meanwhile, and so the request was not even read
            done = connector.run(command)
        return done, token

    def _push(self, data: bytes, path: str) -> None:
        with tempfile.NamedTemporaryFile(prefix="rproxy-") as file:
            file.write(data)
            file.flush()
            self._connector.push(file.name, path)

    def _frames(self, peer: Any, done: Completed, token: str) -> list[Frame]:
        """The frames of an answer. Raises ConnectionLost if it is not whole."""
        found = words_of(token).search(done.stdout)
        if found is None:
            raise self._lost("its answer is missing", done)
        if found.group(1) == b"need":
            raise RemoteNotSetupError(
                f"the endpoint is gone from {self._options.launcher.root} on {self._options.target}; "
                "the call did not run. Make a new client to deploy it again."
            )
        answer = done.stdout[found.end() :]
        if self._connector.text_only:
            body, end, _ = answer.partition(b"<end>")
            if not end:
                raise self._lost("its answer was cut off", done)
            answer = base64.b64decode(body)
        return self._decode(peer, answer, done)

    def _decode(self, peer: Any, answer: bytes, done: Completed) -> list[Frame]:
        try:
            frames: list[Frame] = peer.feed(answer)
            peer.ended()
        except ProtocolFault as fault:
            if "ended in the middle" in str(fault):
                raise self._lost("its answer was cut off", done) from fault
            raise ProtocolError(f"{self._options.target} does not speak the protocol: {fault}") from fault
        return frames

    def _fetch(self, stored: Stored, message: Any, sink: Sink) -> Any:
        """The answer that was left in a file: the same frames."""
        name = stored.path.rpartition("/")[2]
        if stored.path != f"{self.folder}/{name}":
            raise ProtocolError(f"{self._options.target} left its answer at {stored.path!r}, which is not its place")
        self._remove.append(stored.path)
        with tempfile.TemporaryDirectory(prefix="rproxy-") as folder:
            local = os.path.join(folder, "answer")
            self._connector.pull(stored.path, local)
            with open(local, "rb") as file:
                data = file.read()
        peer = new_peer(self._options)
        peer.codec = self._options.codec(self.facts)
        peer.number()
        answer = None
        for frame in self._decode(peer, data, Completed(b"", b"", 0)):
            if frame.kind == OUTPUT:
                output = peer.read(frame)
                sink(output.stream, output.data)
            else:
                answer = peer.read(frame)
        if len(data) != stored.size or answer is None:
            raise self._lost("its answer was cut off", Completed(b"", b"", 0))
        return answer

    def _lost(self, why: str, done: Completed) -> ConnectionLost:
        return ConnectionLost(
            f"the command on {self._options.target} has ended: {why} ({_end_of(done)}). "
            "Whether the call has run is unknown."
        )

    def close(self) -> None:
        if self._ending is not None:
            self._ending()


def _remove_folder(connector: Connector, folder: str, owner: int) -> None:
    if os.getpid() == owner:  # not at the end of a forked child
        connector.run("rm -rf " + shlex.quote(folder), timeout=60)


def _end_of(done: Completed) -> str:
    said = (done.stderr or done.stdout)[-2000:].decode("utf-8", "replace").strip()
    return f"exit code {done.returncode}" + (f"; it said:\n{said}" if said else "")
