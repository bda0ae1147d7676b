"""Where a call's output goes: shown here as it comes, or kept.

Rules: no byte is lost; text is UTF-8, and bytes that are none come back from `.text` by
``os.fsencode`` (surrogate escapes); what is shown replaces them.
"""

import codecs
import contextlib
import sys
import threading
from collections.abc import Callable, Iterator

from .blocks import entered


class Shown:
    """Shows output on this process's `sys.stdout` and `sys.stderr`."""

    def __init__(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {1: decoder("replace"), 2: decoder("replace")}
        self._lock = threading.Lock()

    def __call__(self, stream: int, data: bytes) -> None:
        file = sys.stdout if stream == 1 else sys.stderr
        if file is None:  # a process without a terminal, such as a windowed one
            return
        with self._lock:
            text = self._decoders[stream].decode(data)
        try:
            file.write(text)
        except UnicodeEncodeError:
            encoding = getattr(file, "encoding", None) or "ascii"
            file.write(text.encode(encoding, "backslashreplace").decode(encoding))
        file.flush()


class Captured:
    """What calls have printed: `text` from standard output, `errors` from standard error."""

    def __init__(self) -> None:
        self._pieces: dict[int, list[bytes]] = {1: [], 2: []}

    def __call__(self, stream: int, data: bytes) -> None:
        self._pieces[stream].append(data)

    @property
    def bytes(self) -> bytes:
        """Standard output, byte for byte."""
        return b"".join(self._pieces[1])

    @property
    def text(self) -> str:
        """Standard output."""
        return self.bytes.decode("utf-8", "surrogateescape")

    @property
    def errors(self) -> str:
        """Standard error."""
        return b"".join(self._pieces[2]).decode("utf-8", "surrogateescape")


class Returned:
    """The output of a `do_remote_call`: standard output is returned, standard error goes where it would anyway."""

    __slots__ = ("_other", "_pieces")

    def __init__(self, other: Callable[[int, bytes], None]) -> None:
        self._other = other
        self._pieces: list[bytes] = []

    def __call__(self, stream: int, data: bytes) -> None:
        if stream == 1:
            self._pieces.append(data)
        else:
            self._other(stream, data)

    @property
    def text(self) -> str:
        """Standard output."""
        return b"".join(self._pieces).decode("utf-8", "surrogateescape") if self._pieces else ""


@contextlib.contextmanager
def capture(session: object) -> Iterator[Captured]:
    """Keeps the output of this thread's or task's natural calls inside the block."""
    captured = Captured()
    with entered(session, captured=captured):
        yield captured
