"""What ssh asks, and who answers: `password=`, else `ask=`, else the terminal, else nobody.

Rules: ssh runs without a terminal, and asks through SSH_ASKPASS, which is a program of ours that speaks to this
process by a Unix socket in a private folder. The password is given once in each login, for the host it is meant for; a
second question for it means that it was wrong.
"""

import contextlib
import itertools
import json
import os
import re
import select
import shlex
import socket
import sys
import termios
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..passwords import wants_password

Ask = Callable[[str], str | None]
#: "(me@host) Password: " and "me@host's password: "; a user may have an @ too.
_OF_HOST = re.compile(r"^(?:\(.*?@([^\s')@]+)\) |.*@([^\s')@]+)'s password)")


class Prompts:
    """Answers what the ssh processes of one connector ask; `hosts` are the names that the host has.

    `refused` is the last question without an answer.
    """

    def __init__(self, folder: str, password: str | None, ask: Ask | None, hosts: set[str]) -> None:
        self._password, self._ask, self._hosts = password, ask, hosts
        self._logins = itertools.count(1)
        self._given: set[str] = set()  # the logins in which the password was given
        self.refused = ""
        self._socket = socket.socket(socket.AF_UNIX)
        self.close = weakref.finalize(self, self._socket.close)
        path = os.path.join(folder, "a")
        self._socket.bind(path)
        self._socket.listen(8)
        self._program = Path(folder, "askpass")
        Path(folder, "askpass.py").write_bytes(_askpass())
        words = [sys.executable, "-I", "-S", os.path.join(folder, "askpass.py"), path]
        self._program.write_text("#!/bin/sh\nexec " + " ".join(map(shlex.quote, words)) + ' "$@"\n', "utf-8")
        self._program.chmod(0o700)

    def environment(self) -> dict[str, str]:
        """For an ssh that logs in, whose questions come here."""
        asking = {"SSH_ASKPASS": str(self._program), "SSH_ASKPASS_REQUIRE": "force"}
        asking["RPROXY_LOGIN"] = str(next(self._logins))
        # OpenSSH before 8.4 asks like this only if there is a display.
        return {"DISPLAY": "rproxy:0", **os.environ, **asking}

    def serve(self, timeout: float, give_up: Callable[[], None] = lambda: None) -> bool:
        """Waits that many seconds for a question, answers it, and returns whether there was one. Raises what `ask=`
        raises.

        Without an answer, `give_up` ends ssh while it still waits: else ssh would go on with an empty password, which
        counts as a failed attempt there.
        """
        if not select.select([self._socket], [], [], timeout)[0]:
            return False
        connection, _ = self._socket.accept()
        with connection:
            data = b""
            while not data.endswith(b"\n"):
                more = connection.recv(65536)
                if not more:
                    return True  # ssh has ended its question already
                data += more
            asked = json.loads(data)
            try:
                answer = self._answer(asked, connection)
            except BaseException:
                give_up()
                raise
            if answer is None:
                self.refused = asked["prompt"]
                give_up()
                return True
            with contextlib.suppress(OSError):  # ssh may not want it any more
                connection.sendall(b"+" + answer.encode())
        return True

    def _answer(self, asked: dict[str, str], connection: socket.socket) -> str | None:
        prompt, kind, login = asked["prompt"], asked["kind"], asked["login"]
        if kind == "none":  # "Confirm user presence": ssh ends the program once that is done
            sys.stderr.write(prompt.rstrip() + "\n")
            select.select([connection], [], [], 60)
            return ""
        if self._password is not None and login not in self._given and self._is_for_password(prompt):
            self._given.add(login)
            return self._password
        if self._ask is not None:
            answer = self._ask(prompt)
            if answer is not None and not isinstance(answer, str):
                raise TypeError(f"ask= returns the answer as a text, or None, not {answer!r}")
            return _agreed(answer) if kind == "confirm" else answer
        answer = _ask_terminal(prompt, connection)
        return _agreed(answer) if kind == "confirm" else answer

    def _is_for_password(self, prompt: str) -> bool:
        found = _OF_HOST.search(prompt)
        if found and (found[1] or found[2]).lower() not in self._hosts:
            return False  # a jump host's
        return wants_password(prompt)


def _askpass() -> bytes:
    """The program of ssh. By this package's own loader: importlib.resources takes longer to import."""
    assert __spec__.loader is not None
    code: bytes = __spec__.loader.get_data(os.path.join(os.path.dirname(__file__), "askpass.py"))  # type: ignore[attr-defined]
    return code


def is_about_host_key(prompt: str) -> bool:
    return "(yes/no" in prompt or "host key" in prompt.lower()


def _agreed(answer: str | None) -> str | None:
    """For a yes or no: ssh takes any answer as a yes."""
    return answer if (answer or "").strip().lower() in ("y", "yes", "") else None


def _ask_terminal(prompt: str, connection: socket.socket) -> str | None:
    """What the user types at the terminal of this process; None without one, or if ssh stops waiting."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return None
    try:
        with _echo(terminal, is_about_host_key(prompt)):
            os.write(terminal, prompt.encode())
            typed = b""
            while not typed.endswith(b"\n"):
                ready, _, _ = select.select([terminal, connection.fileno()], [], [])
                if connection.fileno() in ready:
                    return None
                more = os.read(terminal, 4096)
                if not more:  # Ctrl-D
                    return None
                typed += more
            return typed.decode("utf-8", "replace").rstrip("\r\n")
    finally:
        os.close(terminal)


@contextlib.contextmanager
def _echo(terminal: int, shown: bool) -> Iterator[None]:
    """What is typed is not shown, unless it may be."""
    before: list[Any] = termios.tcgetattr(terminal)
    if not shown:
        hidden = list(before)
        hidden[3] &= ~(termios.ECHO | termios.ECHOE | termios.ECHOK)
        termios.tcsetattr(terminal, termios.TCSAFLUSH, hidden)
    try:
        yield
    finally:
        if not shown:
            os.write(terminal, b"\n")
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
