"""Brings bytes to a host by a command, and brings back what answers them, by whatever way there is.

Rules: what is small enough rides in the command, or in its input where that is private, what is larger is pushed
as a file before; an answer comes on the command's output, a longer one is pulled after. An answer counts only if it
is proven to be whole and this command's own: else nobody knows whether the call has run, and nothing is tried again. A
call that nobody waits for any more is ended by another command: services go on with what they have begun.
"""

import base64
import os
from typing import Any

from rproxy_endpoint.protocol.envelope import seal, unseal

from ..connectors.base import Completed, Connector
from ..deployment.bootstrap import archive_message, check_deploying
from ..deployment.launcher import new_token, words_of
from ..deployment.preparing import deploy_pushed, end_of, prepare
from ..errors import CallTimeout, ConnectionLost, RemoteNotSetupError, RProxyError
from .base import ChannelOptions
from .checking import check_link
from .files import Files

#: How long the command may take that ends another one's call, in seconds.
TO_END = 10.0


class Unanswered(Exception):
    """A command has said a word about its request instead of the answer: ``running`` or ``never``."""


class Carrier:
    """The commands and files of one client."""

    def __init__(self, connector: Connector, options: ChannelOptions) -> None:
        self._connector = connector
        self._launcher = options.launcher
        self._target = options.target
        #: The private folder there.
        self.folder, there = prepare(connector, options.launcher)
        if not there:
            check_deploying(options.launcher, connector.target)
        self._files = Files(connector, self.folder)
        if not there:
            self._deploy()

    def _deploy(self) -> None:
        path = self._files.new("archive")
        self._files.push(archive_message(whole=True), path)
        deploy_pushed(self._connector, self._launcher, self.folder, path)

    @property
    def loads_login(self) -> bool:
        """Whether the service loads the user's login environment, if it is told to."""
        return self._connector.login

    def carry(self, data: bytes, mode: str, *words: str, limit: float | None = None, login: bool = False) -> bytes:
        """What the endpoint answers, in one of its modes; `words` are those that the mode has of its own.

        Raises CallTimeout, with what became of it, if the command takes longer than `limit` seconds; ConnectionLost,
        where `may_have_run` says whether the endpoint may have got the bytes; Unanswered, and whatever the connector
        raises.
        """
        files, connector, token = self._files, self._connector, new_token()
        sealed, answer, left = seal(token, data), files.new("answer"), files.left()

        def command(request: str) -> str:
            form = "text" if connector.text_only else "binary"
            limits = str(connector.output_limit), str(connector.file_patience)
            letter = token, form, *limits, answer, request
            return self._launcher.endpoint(token, mode, *letter, *words, *left)

        at_risk, line = [*left, answer], command("-")
        private = len(sealed) <= connector.input_limit
        if not private:
            line = command("=" + base64.b64encode(sealed).decode())
            if len(os.fsencode(line)) > connector.command_limit:
                request = files.new("request")
                at_risk.append(request)
                files.leave([request])
                files.push(sealed, request)
                line = command("@" + request)
        files.leave(at_risk)  # until it is proven that the command has removed them
        options: dict[str, Any] = {"input": sealed if private else b""}
        if login:
            options["login"] = True
        if limit is not None:
            options["timeout"] = limit
        try:
            done = connector.run(line, **options)
            if self._launcher.deploy and _needs_endpoint(done, token):
                self._deploy()  # it has gone meanwhile, and so the request was not even read
                done = connector.run(line, **options)
        except BaseException as error:
            how = self._end(token) if mode == "once" and _may_go_on(error) else "its command was given up"
            if limit is not None and isinstance(error, CallTimeout):
                raise CallTimeout(how) from error
            raise
        found = self._printed(done, token)
        files.gone(at_risk)
        if found is not None:
            return found
        files.leave([answer])
        return files.pull(answer, token)

    def _printed(self, done: Completed, token: str) -> bytes | None:
        """What the endpoint itself has printed, or None if it is in a file. Raises ConnectionLost."""
        found = words_of(token).search(done.stdout)
        if found is None:
            raise self.lost("its answer is missing", done)
        word = (found.group(1) or b"").decode()
        if word == "stored":
            return None
        if word and word != "end":
            raise self._refused(word, done)
        data = unseal(token, done.stdout[found.end() :], self._connector.text_only)
        if data is None:
            raise self.lost("its answer was cut off or damaged", done)
        return data

    def _refused(self, word: str, done: Completed) -> Exception:
        """What a word in the answer's place means."""
        if word in ("running", "never"):
            return Unanswered(word)
        if word == "need":
            return RemoteNotSetupError(
                f"the endpoint is gone from {self._launcher.root} on {self._target}; the call did not run. "
                "Make a new client to deploy it again."
            )
        if word == "late":
            return ConnectionLost(
                f"the request for {self._target} did not come whole to its command in "
                f"{self._connector.file_patience:g} s, or came before; the call did not run",
                may_have_run=False,
            )
        if word == "barred":
            return RemoteNotSetupError(
                f"no resident endpoint can be kept on {self._target}, and nothing has run there: {end_of(done)}\n"
                "Mend that, or connect without resident=True."
            )
        if word == "gone":
            return ConnectionLost(
                f"the resident endpoint on {self._target} has ended, and with it its objects and state: it was idle, "
                "was killed, or is on another node than this command. The call did not run. Make a new client.",
                may_have_run=False,
            )
        return RemoteNotSetupError(f"Python starts no more on {self._target}; the call did not run: {end_of(done)}")

    def _end(self, token: str) -> str:
        """Ends the call of a command that nobody waits for any more; returns in words what became of it."""
        try:
            done = self._connector.run(self._launcher.end_call(token), timeout=TO_END)
        except RProxyError as error:
            return f"whether its command goes on there is unknown: {error}"
        if words_of(token).search(done.stdout) or not self._connector.network:  # else the connector has ended it
            return "its command was ended"
        return "its command is not there any more, unless on another node"

    def lost(self, why: str, done: Completed | None = None) -> ConnectionLost:
        said = "" if done is None else f" ({end_of(done)})"
        return ConnectionLost(
            f"the command on {self._target} has ended: {why}{said}. Whether the call has run is unknown."
        )

    def check_link(self) -> None:
        """Sees to it that the next command has a sound link."""
        check_link(self._connector)

    def close(self, silent: bool = False) -> None:
        """Removes the folder there, unless the host is known to be silent: a later client removes it then."""
        if silent:
            self._files.remove.detach()
        self._files.remove()


def _may_go_on(error: BaseException) -> bool:
    """Whether the command of which a connector says this may run there, with nobody to take its answer."""
    if isinstance(error, ConnectionLost):
        return error.may_have_run
    return isinstance(error, CallTimeout) or not isinstance(error, RProxyError)


def _needs_endpoint(done: Completed, token: str) -> bool:
    found = words_of(token).search(done.stdout)
    return found is not None and found[1] == b"need"
