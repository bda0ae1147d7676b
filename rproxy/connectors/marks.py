"""Telling what a command prints from what its host's shells print before.

Rules: a command prints a mark before anything else, so what comes before is not its own; that the mark is missing
proves that the command has not begun, unless the connection was lost.
"""

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import ConnectorError
from .base import Stream

#: The end of the noise that an error tells, in bytes.
_TAIL = 4000
#: What to do where a login shell ends before the command.
SHELL_MEND = (
    "Look at the files that its login shell reads (.bashrc, .cshrc, config.fish), and whether that account may run "
    "commands."
)
#: What streams may offer beside what they must.
_OPTIONAL = ("watch_silence", "abort", "end_input", "send_file", "receive_file", "kill")


class Mark:
    """A word that nothing else prints."""

    def __init__(self) -> None:
        self.text = f"<rproxy:{os.urandom(8).hex()}>"
        self.noise = b""  # what came before it

    def before(self, script: str) -> str:
        """The script, which prints the mark first."""
        return f"printf '%s' '{self.text}'\n{script}"

    def cut(self, output: bytes) -> bytes | None:
        """What comes after the mark; None if it is not there."""
        self.noise, found, rest = output.partition(self.text.encode())
        return rest if found else None


class MarkedStream:
    """A stream of a command that prints a mark first; what comes before is dropped.

    `not_begun` makes the error for a command that ended before, of what was printed instead.
    """

    def __init__(self, stream: Stream, mark: Mark, not_begun: Callable[[str], ConnectorError]) -> None:
        self._stream: Any = stream
        self._mark = mark
        self._not_begun = not_begun
        self._before = b""
        self._rest: bytes | None = None  # what has come after the mark; None as long as that has not come
        self.close = stream.close
        self.diagnosis = stream.diagnosis
        for name in _OPTIONAL:
            if hasattr(stream, name):
                setattr(self, name, getattr(stream, name))
        if hasattr(stream, "ready"):
            self.ready = self._ready

    @property
    def moved(self) -> int:
        found: int = getattr(self._stream, "moved", 0)
        return found

    def readinto(self, buffer: memoryview) -> int:
        while self._rest is None:
            self._read()
        part, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(part)] = part
        if not self._rest:
            self._pass_by()
        return len(part) or int(self._stream.readinto(buffer))

    def _ready(self, timeout: float) -> bool:
        until = time.monotonic() + timeout
        while self._rest is None:
            if not self._stream.ready(max(0.0, until - time.monotonic())):
                return False
            self._read()
        return bool(self._rest) or bool(self._stream.ready(max(0.0, until - time.monotonic())))

    def _read(self) -> None:
        """Reads once, of what comes before the mark."""
        buffer = memoryview(bytearray(1 << 16))
        count = self._stream.readinto(buffer)
        if not count:
            raise self._not_begun(self._before.decode("utf-8", "replace").strip())
        self._before = self._before[-_TAIL:] + bytes(buffer[:count])
        self._rest = self._mark.cut(self._before)

    def _pass_by(self) -> None:
        """From here on it goes at the stream's own speed."""
        self.readinto = self._stream.readinto  # type: ignore[method-assign]
        if hasattr(self._stream, "ready"):
            self.ready = self._stream.ready

    def write(self, pieces: Sequence[Any]) -> None:
        self._stream.write(pieces)
