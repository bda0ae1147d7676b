"""What is told of a host whose Python does not start: which there are, and what each of them says.

It costs a command of its own, and is asked for only after a start has failed.
"""

import contextlib
import re
from typing import NamedTuple

from ..connectors.base import Connector
from ..connectors.marks import SHELL_MEND
from ..errors import RemoteNotSetupError, RProxyError
from .launcher import Launcher, new_token

OLDEST = (3, 6)
PLACES = "python3.13 to python3.6, python3 and python on its PATH, /usr/bin/python3, and conda's and pyenv's folders"
#: How long one Python may take to say what it is, in seconds.
_EACH = 10.0


class Tried(NamedTuple):
    """A Python of a host: its version, or None and what it said instead."""

    path: str
    version: tuple[int, ...] | None
    said: str

    @property
    def usable(self) -> bool:
        return self.version is not None and self.version >= OLDEST

    def __str__(self) -> str:
        if self.version is None:
            return f"{self.path}: {self.said or 'it says nothing'}"
        return f"{self.path}: Python {'.'.join(map(str, self.version))}" + ("" if self.usable else ", too old")


def survey(connector: Connector, launcher: Launcher) -> list[Tried] | None:
    """Every Python of a host; None if the host does not answer."""
    token = new_token()
    try:
        each = min(connector.start_timeout, _EACH)
        done = connector.run(launcher.survey(token, each), timeout=connector.start_timeout + 30 * each)
    except RProxyError:
        return None
    said = done.stdout.decode("utf-8", "replace").split(token[::-1])[1:]
    return [_tried(*one.partition("\n")[::2]) for one in said]


def end_hung(connector: Connector, launcher: Launcher, token: str) -> None:
    """Ends a Python that does not answer, there: it may not notice that nobody waits for it any more."""
    with contextlib.suppress(RProxyError):  # then the host does not answer at all, which is told anyway
        connector.run(launcher.end(token), timeout=_EACH)


def _tried(path: str, said: str) -> Tried:
    found = re.search(r"rproxy-python (\d+)\.(\d+)\.(\d+)", said)
    version = tuple(map(int, found.groups())) if found else None
    return Tried(path, version, " ".join(said.split())[-200:])


def failed(target: str, launcher: Launcher, why: str, tried: list[Tried] | None) -> RemoteNotSetupError:
    """The error of a host on which no Python starts."""
    named = f"tried {launcher.python!r}: " if launcher.python else ""
    lines = [f"cannot start the endpoint on {target}: {named}{why}"]
    if tried:
        lines += ["These are the Pythons that were found there:", *(f"  {one}" for one in _telling(tried))]
    elif tried is not None:
        lines.append(f"No Python was found there; looked for {PLACES}.")
    mend = "Name a Python 3.6 or newer of that host: connect(..., python='/path/to/python3')."
    return RemoteNotSetupError("\n".join([*lines, mend])).at("Python", mend)


def silent(target: str, why: str) -> RemoteNotSetupError:
    """The error of a host that lets us in, and does not even tell its Pythons."""
    mend = f"{SHELL_MEND} `rproxy doctor` goes to it layer by layer."
    return RemoteNotSetupError(
        f"cannot start the endpoint on {target}: {why}; a command that looks for its Pythons brings no answer either\n"
        + mend
    ).at("shell", mend)


def _telling(tried: list[Tried]) -> list[Tried]:
    """Of those that can be used one of each version, or if there are none all of them."""
    usable = {one.version: one for one in reversed(tried) if one.usable}
    return sorted(usable.values(), reverse=True, key=lambda one: one.version or ()) or tried
