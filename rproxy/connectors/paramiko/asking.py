"""What only a person can say: passwords, passphrases, one-time codes.

Rules: a password that was given is used once; then `ask=` is asked, or without one the terminal, if there is
one; where nobody can be asked, the question is kept for the error. Nothing that was said is kept or shown.
"""

import getpass
import sys
from collections.abc import Callable

from ..passwords import wants_password


class Asker:
    """Asks for one connection.

    Args:
        ask: gets a prompt, returns the answer, or None to give up.
        password: the answer to the first question for a password or a one-time code.
        silent: whether the terminal is left alone.
    """

    def __init__(self, ask: Callable[[str], str | None] | None, password: str | None, silent: bool) -> None:
        self._ask, self._password, self._silent = ask, password, silent
        self.unanswered: list[str] = []

    @property
    def can_ask(self) -> bool:
        return self._ask is not None or (not self._silent and _has_terminal())

    def password(self, prompt: str, echo: bool = False) -> str | None:
        """The password; None if there is none."""
        given, self._password = self._password, None
        return self.answer(prompt, echo) if given is None else given

    def prompted(self, prompt: str, echo: bool, heading: str = "") -> str | None:
        """The answer to a prompt of the host's, which may have a heading."""
        whole = f"{heading}\n{prompt}" if heading else prompt
        return self.password(whole, echo) if wants_password(prompt) else self.answer(whole, echo)

    def answer(self, prompt: str, echo: bool = False) -> str | None:
        """What a person says; None if nobody does."""
        if self._ask is not None:
            answer = self._ask(prompt)
            if answer is not None and not isinstance(answer, str):
                raise TypeError(f"ask= returns a text or None, not {answer!r:.20}")
        elif self.can_ask:
            answer = _from_terminal(prompt, echo)
        else:
            answer = None
        if answer is None:
            self.unanswered.append(prompt.strip())
        return answer


def _has_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr is not None and sys.stderr.isatty()


def _from_terminal(prompt: str, echo: bool) -> str | None:
    try:
        if not echo:
            return getpass.getpass(prompt)
        sys.stderr.write(prompt)
        sys.stderr.flush()
        return input()
    except EOFError:
        return None
