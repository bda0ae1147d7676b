"""Where a call's output goes: shown here as it comes, or kept.

Rules: no byte is lost; text is UTF-8, and bytes that are none come back from `.text` by
``os.fsencode`` (surrogate escapes); what is shown replaces them.
"""

import codecs
import contextlib
import sys
import threading
from collections.abc import Iterator
from contextvars import ContextVar


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


class Returned(Captured):
    """A `do_remote_call`'s output: standard output is returned, standard error goes where it would anyway."""

    def __init__(self, other: Captured | Shown) -> None:
        super().__init__()
        self._other = other

    def __call__(self, stream: int, data: bytes) -> None:
        if stream == 1:
            super().__call__(stream, data)
        else:
            self._other(stream, data)


_capturing: ContextVar[dict[int, Captured]] = ContextVar("rproxy_capture", default={})  # noqa: B039 - never changed


def capturing(session: object) -> Captured | None:
    """Where the output of this thread's or task's calls goes, if it is in a `capture` block."""
    return _capturing.get().get(id(session))


@contextlib.contextmanager
def capture(session: object) -> Iterator[Captured]:
    """Keeps the output of this thread's or task's natural calls inside the block."""
    captured = Captured()
    before = _capturing.get()
    token = _capturing.set({**before, id(session): captured})
    try:
        yield captured
    finally:
        _capturing.reset(token)
