"""What an ssh_config says of a host, in its own words.

Rules: files are read from top to bottom and the first value found holds, as in OpenSSH; keys and certificates
add up. `Include` is followed where it stands, under the conditions that hold there. A `Match` on what is not
known here never matches.
"""

import getpass
import glob
import os
import re
import shlex
import subprocess
from collections.abc import Iterable, Iterator, Sequence

from ...errors import ConnectorError
from .patterns import matches

DEEPEST = 16
ADD_UP = ("identityfile", "certificatefile")
#: Their value is the rest of the line, quotes and all.
WHOLE = ("proxycommand", "localcommand", "remotecommand", "knownhostscommand")
#: The longest that a command of `Match exec` may take, in seconds.
EXEC_LIMIT = 60

_LINE = re.compile(r"\s*(\w+)(?:\s*=\s*|\s+)(.*?)\s*$", re.DOTALL)
_BEFORE_COMMENT = re.compile(r'(?:"[^"]*"|[^"#]|(?<=\S)#)*')


class Reader:
    """Reads files for one host.

    Args:
        alias: the host as the user calls it.
        given: what holds before all files, by lower-case keyword.
    """

    def __init__(self, alias: str, given: dict[str, str]) -> None:
        self.alias = alias
        self.said: dict[str, list[str]] = {keyword: [value] for keyword, value in given.items()}
        self._final = False
        self._asks_final = False

    def read(self, paths: Iterable[str]) -> dict[str, list[str]]:
        """What the files say, by lower-case keyword; a value is a list of words. Raises ConnectorError."""
        found = list(paths)
        self._files(found)
        if self._asks_final:
            self._final = True
            self._files(found)
        return self.said

    def _files(self, paths: list[str]) -> None:
        for path in paths:
            self._file(path, True, 0)

    def _file(self, path: str, outer: bool, depth: int) -> None:
        if depth > DEEPEST:
            raise ConnectorError(f"{path} is included {depth} deep; does it include itself?").at("configuration")
        active = outer
        for number, keyword, value in _lines(path):
            try:
                if keyword == "host":
                    active = outer and matches(self.alias, words(value), case=True)
                elif keyword == "match":
                    active = outer and self._match(words(value))
                elif keyword == "include":
                    for included in _included(words(value), path) if active else ():
                        self._file(included, True, depth + 1)
                elif active:
                    self._take(keyword, [value] if keyword in WHOLE else words(value))
            except ValueError as error:
                raise ConnectorError(f"{path}, line {number}, {keyword} {value}: {error}").at("configuration") from None

    def _take(self, keyword: str, value: list[str]) -> None:
        if not value:
            raise ValueError("its value is missing")
        if keyword in ADD_UP:
            kept = self.said.setdefault(keyword, [])
            kept += [path for path in value[:1] if path not in kept]
        elif keyword not in self.said and not self._is_beaten(keyword):
            self.said[keyword] = value

    def _is_beaten(self, keyword: str) -> bool:
        """Whether the other of a jump and a command holds; but no jump leaves the way to a command."""
        if keyword == "proxycommand":
            return self.said.get("proxyjump", ["none"]) != ["none"]
        return keyword == "proxyjump" and "proxycommand" in self.said

    # -- Match -----------------------------------------------------------------------------------------

    def _match(self, conditions: list[str]) -> bool:
        """Whether all of them hold. None is tried after one that does not: commands may take long."""
        waiting = list(conditions)
        if not waiting:
            raise ValueError("it names no condition")
        while waiting:
            word, equals, value = waiting.pop(0).partition("=")  # `host box` or `host=box`
            if equals:
                waiting.insert(0, value)
            keyword = word.lstrip("!").lower()
            if keyword in ("all", "canonical", "final"):
                self._asks_final |= keyword == "final"
                holds: bool | None = {"all": True, "canonical": False, "final": self._final}[keyword]
            elif not waiting:
                raise ValueError(f"{keyword} needs a value")
            else:
                holds = self._holds(keyword, waiting.pop(0))
            if holds is None or holds == word.startswith("!"):
                return False
        return True

    def _holds(self, keyword: str, value: str) -> bool | None:
        """One condition; None if it is not known."""
        if keyword == "exec":
            return _succeeds(expand(value, self.tokens()))
        names = {
            "host": self.host, "originalhost": lambda: self.alias,
            "user": self.user, "localuser": getpass.getuser,
        }  # fmt: skip
        return matches(names[keyword](), value.split(",")) if keyword in names else None

    # -- what is known so far --------------------------------------------------------------------------

    def host(self) -> str:
        """The name or address to connect to."""
        return expand(self.said.get("hostname", ["%h"])[0], {"h": self.alias, "n": self.alias})

    def user(self) -> str:
        return self.said["user"][0] if "user" in self.said else getpass.getuser()

    def port(self) -> str:
        return self.said.get("port", ["22"])[0]

    def tokens(self) -> dict[str, str]:
        """What ``%h`` and its like stand for."""
        node = os.uname().nodename
        return {
            "d": os.path.expanduser("~"), "h": self.host(), "i": str(os.getuid()),
            "k": self.said.get("hostkeyalias", [self.alias])[0], "l": node, "L": node.partition(".")[0],
            "n": self.alias, "p": self.port(), "r": self.user(), "u": getpass.getuser(),
        }  # fmt: skip


def words(value: str) -> list[str]:
    """The words of a value, without quotes and comment."""
    text = _BEFORE_COMMENT.match(value).group()  # type: ignore[union-attr] # it matches any text
    try:
        if not value.startswith('"', len(text)):
            return shlex.split(text)
    except ValueError:
        pass  # of shlex's two complaints both mean the same
    raise ValueError("a quote is not closed")


def expand(value: str, tokens: dict[str, str]) -> str:
    """A value with its ``%h`` and the like replaced. Raises ValueError for one that is not known."""

    def stands_for(found: re.Match[str]) -> str:
        letter = found.group(1)
        if letter != "%" and letter not in tokens:
            raise ValueError(f"%{letter} is not known here")
        return "%" if letter == "%" else tokens[letter]

    return re.sub("%(.?)", stands_for, value)


def _lines(path: str) -> Iterator[tuple[int, str, str]]:
    """Number, lower-case keyword and value of each line that says something."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except OSError as error:
        raise ConnectorError(f"cannot read the ssh_config {path}: {error.strerror}").at("configuration") from error
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            found = _LINE.match(line)
            if found is None:
                raise ConnectorError(f"{path}, line {number}: {line.strip()!r} is not a keyword and a value").at(
                    "configuration"
                )
            yield number, found.group(1).lower(), found.group(2)


def _included(patterns: Sequence[str], path: str) -> Iterator[str]:
    """The files that an Include names; relative ones are in ~/.ssh, or beside a file of the system."""
    folder = os.path.dirname(path) if path.startswith("/etc/ssh/") else os.path.expanduser("~/.ssh")
    for pattern in patterns:
        for found in sorted(glob.glob(os.path.join(folder, os.path.expanduser(pattern)))):
            if os.path.isfile(found):
                yield found


def _succeeds(command: str) -> bool:
    """Whether a command of `Match exec` ends with 0."""
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            timeout=EXEC_LIMIT, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ValueError(f"the command took longer than {EXEC_LIMIT} s") from None
    return done.returncode == 0
