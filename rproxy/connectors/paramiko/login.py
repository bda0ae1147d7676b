"""Logging in.

Rules: the host is asked first which ways it takes; then those that the user wants are tried in their order, and
again after each step that the host counts as one of several. Questions are asked in the thread that connects, so
that Ctrl-C ends them. A failure tells what was tried and what the host takes.
"""

import queue
import threading
from collections.abc import Iterator
from typing import Any

import paramiko

from ...errors import AuthenticationError, ConnectorError
from .asking import Asker
from .identities import TRIES, Identities
from .settings import Settings


class Refused(Exception):
    """The host did not take an answer."""


class Login:
    """One user's login over one transport."""

    def __init__(self, transport: Any, settings: Settings, asker: Asker, chosen: set[str]) -> None:
        self._transport, self._settings, self._asker = transport, settings, asker
        self._identities = Identities(settings, asker, chosen)
        self._offered: list[str] = []
        self._tried: list[str] = []
        self._banner = ""

    def run(self) -> None:
        """Logs in. Raises AuthenticationError or ConnectorError."""
        try:
            if not self._open():
                ways = {
                    "publickey": self._keys(), "keyboard-interactive": self._interviews(),
                    "password": self._passwords(),
                }  # fmt: skip
                while not self._step(ways):
                    continue
        finally:
            self._identities.close()

    def _open(self) -> bool:
        """Asks what the host takes; whether it wants nothing more."""
        try:
            self._offered = self._transport.auth_none(self._settings.user)
            return not self._offered
        except paramiko.BadAuthenticationType as error:
            self._offered = error.allowed_types
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise self._ended(error) from error
        finally:
            self._banner = (self._transport.get_banner() or b"").decode("utf-8", "replace").strip()
        return False

    def _step(self, ways: dict[str, Iterator[list[str]]]) -> bool:
        """One more step: whether it was the last one."""
        for name in self._settings.methods:
            if name in self._offered:
                more = next(ways[name], None)
                if more is not None:
                    self._offered = more
                    return not more
        raise self._failed()

    def _try(self, label: str, method: Any, *arguments: Any) -> list[str]:
        """What the host wants after this, nothing if that was all. Raises Refused."""
        self._tried.append(label)
        try:
            more: list[str] = method(self._settings.user, *arguments)
        except paramiko.BadAuthenticationType as error:
            self._offered = error.allowed_types
            raise Refused from None
        except paramiko.AuthenticationException as error:
            if not self._transport.is_active() or "timeout" in str(error):
                raise self._ended(error) from error
            raise Refused from None
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise self._ended(error) from error
        if more:
            self._tried[-1] += f" (taken; then it wanted {' or '.join(more)})"
        return more

    # -- the ways; each gives one item for each step that the host has taken ----------------------------

    def _keys(self) -> Iterator[list[str]]:
        for identity in self._identities:
            if "publickey" not in self._offered:
                return
            try:
                more = self._try(identity.label, self._transport.auth_publickey, identity.key)
            except Refused:
                continue
            yield more

    def _passwords(self) -> Iterator[list[str]]:
        for _ in range(TRIES):
            prompt = f"{self._settings.user}@{self._settings.hostname}'s password: "
            password = self._asker.password(prompt)
            if password is None:
                return
            try:
                more = self._try("the password", self._password, password)
            except Refused:
                if "password" not in self._offered:
                    return
                continue
            yield more

    def _password(self, user: str, password: str) -> list[str]:
        more: list[str] = self._transport.auth_password(user, password, fallback=False)
        return more

    def _interviews(self) -> Iterator[list[str]]:
        for _ in range(TRIES):
            interview = Interview(self._transport, self._settings.user, self._asker)
            try:
                more = self._try("the host's questions", interview.run)
            except Refused:
                if interview.given_up or not interview.answered or "keyboard-interactive" not in self._offered:
                    return
                continue
            yield more

    # -- failures --------------------------------------------------------------------------------------

    def _failed(self) -> AuthenticationError:
        mend = self._mend()
        return AuthenticationError(f"{self._settings.address} does not let you in.\n{self._told()}\n{mend}").at(
            "authentication", mend
        )

    def _ended(self, error: BaseException) -> ConnectorError:
        farewell = getattr(self._transport, "farewell", "")
        why = f"it said: {farewell}" if farewell else str(error) or "it gave no reason"
        if len(self._tried) > 1:
            why += "\nHosts allow few tries: choose the key by identity=, or IdentitiesOnly yes in the ssh_config."
        return AuthenticationError(
            f"{self._settings.address} ended the connection while you logged in: {why}\n{self._told()}"
        )

    def _told(self) -> str:
        lines = [("it takes", ", ".join(self._offered) or "nothing that it tells of")]
        lines.append(("tried", "\n                ".join(dict.fromkeys(self._tried)) or "nothing"))
        lines += [("not used", note) for note in self._identities.notes]
        lines += [("not answered", prompt) for prompt in dict.fromkeys(self._asker.unanswered)]
        if self._banner:
            lines.append(("it says", self._banner))
        return "\n".join(f"  {name:<14}{text}" for name, text in lines)

    def _mend(self) -> str:
        ways = []
        if "publickey" in self._offered:
            ways.append("name a key that it knows by identity=")
        if "password" in self._offered or "keyboard-interactive" in self._offered:
            ways.append("pass password= or ask=, a function that is asked and answers")
        if not ways:
            return f"paramiko has none of these ways; ssh://{self._settings.address} may have them."
        return f"Is the user name {self._settings.user!r} right? Then {', or '.join(ways)}."


class Interview:
    """Keyboard-interactive: the host asks any number of questions, in any number of rounds."""

    def __init__(self, transport: Any, user: str, asker: Asker) -> None:
        self._transport, self._asker = transport, asker
        self._events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._replies: queue.SimpleQueue[list[str] | None] = queue.SimpleQueue()
        self.answered = self.given_up = False

    def run(self, user: str) -> list[str]:
        """What the host wants after this. Raises what paramiko raises, and what asking does."""
        patience, self._transport.auth_timeout = self._transport.auth_timeout, None  # people take their time
        talk = threading.Thread(target=self._talk, args=(user,), daemon=True)
        talk.start()
        try:
            while True:
                event = self._events.get()
                if isinstance(event, BaseException):
                    raise event
                if isinstance(event, list):
                    return event
                self._replies.put(self._answer(*event))
        finally:
            self._replies.put(None)  # ends the talk if somebody ended this
            self._transport.auth_timeout = patience

    def _talk(self, user: str) -> None:
        try:
            self._events.put(list(self._transport.auth_interactive(user, self._asked)))
        except Exception as error:
            self._events.put(error)  # it is the connecting thread's to see

    def _asked(self, title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        """Runs in paramiko's own thread."""
        self._events.put((title, instructions, prompts))
        replies = self._replies.get()
        if replies is None:
            raise paramiko.AuthenticationException("the questions were not answered")
        return replies

    def _answer(self, title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str] | None:
        heading = "\n".join(text.strip() for text in (title, instructions) if text.strip())
        answers: list[str] = []
        for prompt, echo in prompts:
            answer = self._asker.prompted(prompt, echo, "" if answers else heading)
            if answer is None:  # what remains is left empty, and the host says no
                self.given_up = True
                return answers + [""] * (len(prompts) - len(answers))
            answers.append(answer)
        self.answered = self.answered or bool(prompts)
        return answers
