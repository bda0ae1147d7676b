"""The connector contract.

Three methods make a connector: `run` a shell command, `push` a file, `pull` a file. A fourth, `open`, gives
a duplex byte stream to a running command; with it sessions last, objects can stay on the far side, and a
call costs one round trip. Commands are for a POSIX shell, paths are the far side's, absolute.
"""

import abc
import os
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

PathLike = str | os.PathLike[str]


class Completed(NamedTuple):
    """A command that has come to its end."""

    stdout: bytes
    stderr: bytes
    returncode: int


class Silence(Exception):
    """Nothing has come over a stream for a while."""


class Stream(Protocol):
    """A running command's standard input and output.

    A stream may offer one method more, ``ready(timeout: float) -> bool``: whether within that many seconds `readinto`
    would return at once. Without it, a call that takes too long is stopped there, but waited for until that has worked,
    and nothing is heard during a long `write`.

    For links that are lost without a word: after ``watch_silence(seconds)`` its `readinto` raises Silence when nothing
    has come for so long; ``abort()`` ends it at once, without waiting for the other side; ``moved`` is a number that
    changes while `write` makes progress. Without them, such a loss is found when the system finds it.

    For files it may offer others: ``end_input()`` ends the command's input, while its output can still be read;
    ``send_file(file, count) -> int`` and ``receive_file(file, count) -> int`` move at most so many bytes from or to
    where the descriptor of a file stands, and return how many: 0 at the end. All raise OSError, with EINVAL for a file
    that has to be read or written instead. ``kill()`` ends the command by force, for output that nobody wants any more.
    """

    def readinto(self, buffer: memoryview) -> int:
        """Receives at least one byte, and returns how many; 0 at the end. Raises OSError."""
        ...

    def write(self, pieces: Sequence[Any]) -> None:
        """Sends all bytes of all pieces, in order. Raises OSError."""
        ...

    def close(self) -> None:
        """Ends the command's input, waits for its end, and ends it if that does not come. Twice is fine."""
        ...

    def diagnosis(self) -> str:
        """After the end: what is known of it, as a text: exit code, what was said on standard error."""
        ...


class Connector(abc.ABC):
    """How to run commands and move files on one host.

    Class attributes tell what the transport can carry; a subclass sets them to what is true for it.
    """

    #: What errors call the host: a URL.
    target: str = "?"
    #: The interpreter if the user names none; None to find one there.
    python: str | None = None
    #: How long the host may take to start the endpoint, in seconds.
    start_timeout: float = 60
    #: The folder there that keeps the endpoint, and the one for temporary files (None: ``tmp`` in the first).
    sremote_dir: str = "~/.rproxy"
    tmp_dir: str | None = None
    #: The longest command that `run` takes, in bytes; longer requests are pushed as a file.
    command_limit: int = 8000
    #: The most that a command may print, in bytes; longer answers are pulled as a file.
    output_limit: int = 4 << 20
    #: Whether output comes back as text only, so that bytes must be encoded.
    text_only: bool = False
    #: The longest input, in bytes, that `run` brings to a command without other users of the host seeing it:
    #: requests up to here ride in it. 0 if there is no such way; they ride in the command then, for `ps` to show.
    input_limit: int = 0
    #: The longest command that `open` takes, in bytes: a host that is new here is sent the endpoint within the one that
    #: starts it, if there is a network between, and that is no longer. It would cost a round trip more otherwise.
    open_limit: int = 8000
    #: Whether there is a network between, which can be lost without a word. A silent client is taken for gone then.
    network: bool = True
    #: Whether `run` takes `login=True`, and has the user's login environment loaded by the service then.
    login: bool = False
    #: How long a file that was written may take to be seen, in seconds: shared file systems remember what
    #: they saw last.
    file_patience: float = 10.0
    #: What the host's shells printed before the last command of `run`, where the connector can tell it apart.
    noise: bytes = b""

    @abc.abstractmethod
    def run(self, command: str, *, input: bytes = b"", timeout: float | None = None) -> Completed:
        """Runs a shell command to its end. Raises ConnectorError; CallTimeout after `timeout` seconds."""

    @abc.abstractmethod
    def push(self, local: PathLike, remote: str) -> None:
        """Copies a local file to an absolute path there, byte for byte. Raises ConnectorError."""

    @abc.abstractmethod
    def pull(self, remote: str, local: PathLike) -> None:
        """Copies a file from an absolute path there, byte for byte. Raises ConnectorError."""

    def close(self) -> None:
        """Ends what the connector holds open. Twice is fine."""
        return

    def renew(self) -> None:
        """Lets go of a link that is lost though nobody has said so; the next command makes another."""
        return

    def way(self) -> dict[str, str]:
        """The stages between here and the host's shell, of `rproxy.errors.STAGES`, with what is known of each."""
        return {}

    # -- where the endpoint is, before a client is made ------------------------------------------------

    def set_sremote_dir(self, folder: str) -> None:
        """Names the folder there that keeps the endpoint."""
        self.sremote_dir = folder

    def set_tmp_dir(self, folder: str) -> None:
        """Names the folder there for temporary files."""
        self.tmp_dir = folder

    def do_self_discovery(self, file_name: str = "discovery.json") -> bool:
        """Takes both folders from a JSON file in the user's home there (or in its ``.rproxy`` or ``.sremote``).

        Its keys are ``sremote``, and ``absolute_tmp`` or ``relative_tmp``. Returns False, and changes nothing,
        if there is no such file; raises ConnectorError for one that is malformed.
        """
        from .places import discover

        found = discover(self.run, self.target, file_name)
        if found is None:
            return False
        self.sremote_dir = found.endpoint or self.sremote_dir
        self.tmp_dir = found.tmp or self.tmp_dir
        return True


class StreamConnector(Connector):
    """A connector that can also hold a command open."""

    @abc.abstractmethod
    def open(self, command: str) -> Stream:
        """Starts a shell command and stays connected to it. Raises ConnectorError."""
