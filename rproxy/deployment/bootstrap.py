"""The command lines that start the endpoint, and the conversation until it answers.

Before the endpoint's own marker its host may say one of these words in the marker's place:
``need`` (the endpoint is not there: send it), ``old-3.5.2`` (that Python is too old).
"""

import functools
import importlib.resources
import os
import re
import shlex

from ..connectors.base import Stream
from ..errors import ProtocolError, RemoteNotSetupError
from .bundle import bundle

#: The most that a host may print before its endpoint does, in bytes.
NOISE = 1 << 20


@functools.cache
def script(name: str) -> str:
    """The text of a script that runs there, without comments and blank lines."""
    text = importlib.resources.files(__package__).joinpath("remote", name).read_text("utf-8")
    lines = (line.partition("  # ")[0].rstrip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("#"))


def new_token() -> str:
    """A word that only this start knows: its reverse marks the endpoint's first byte."""
    return os.urandom(8).hex()


class Launcher:
    """Makes command lines for one host.

    `python` is the interpreter there, `setup` the shell lines to run before it, `root` the folder of
    endpoints, `tmp` the folder of temporary files.
    """

    def __init__(self, python: str, setup: str, root: str, tmp: str) -> None:
        self.python = python
        self.root = root
        self.tmp = tmp
        self._setup = setup + "\n" if setup else ""

    def command(self, code: str, *words: str) -> str:
        """The shell command that runs Python code with these words."""
        parts = [self.python, "-c", code, *words]
        return self._setup + "exec " + " ".join(map(shlex.quote, parts))

    def endpoint(self, token: str, *words: str) -> str:
        """The shell command that runs the endpoint."""
        return self.command(script("start.py"), self.root, bundle().name, token, *words)

    def prepare(self, token: str, *words: str) -> str:
        """The shell command that makes a private folder, or, given an archive's path, unpacks that."""
        code = script("prepare.py")
        if words:
            body = script("unpack.py")
            code = code.replace("import tempfile", "import tempfile\n" + body, 1)
        return self.command(code, self.root, bundle().name, token, self.tmp, *words)

    def failed(self, target: str, why: str) -> RemoteNotSetupError:
        return RemoteNotSetupError(
            f"cannot start the endpoint on {target}: tried {self.python!r}: {why}\n"
            "Name a Python 3.6 or newer of that host: connect(..., python='/path/to/python3')."
        )

    def too_old(self, target: str, version: str) -> RemoteNotSetupError:
        return self.failed(target, f"it is Python {version}, and the endpoint needs 3.6 or newer")


def words_of(token: str) -> re.Pattern[bytes]:
    """What a host says in the marker's place."""
    return re.compile(rb"<rproxy:" + token[::-1].encode() + rb"(?:-([a-z]+)-?([^>\s]*))?>")


def archive_message(packed: bytes) -> bytes:
    """What start.py reads when it has said ``need``: two sizes, unpack.py, the archive."""
    code = script("unpack.py").encode()
    return b"%9d %9d\n" % (len(code), len(packed)) + code + packed


def converse(stream: Stream, launcher: Launcher, target: str, token: str) -> bytes:
    """Speaks with start.py until the endpoint answers; returns what came after its marker.

    Raises RemoteNotSetupError if no endpoint comes, with what the host said instead.
    """
    pattern, said = words_of(token), bytearray()
    while True:
        found = pattern.search(said)
        if found is None:
            if len(said) > NOISE:
                raise ProtocolError(f"{target} printed {len(said)} bytes, and no endpoint among them")
            buffer = memoryview(bytearray(1 << 16))
            try:
                count = stream.readinto(buffer)
            except OSError:
                count = 0
            if not count:
                noise = bytes(said[-2000:]).decode("utf-8", "replace").strip()
                raise launcher.failed(target, stream.diagnosis() + (f"\nand printed: {noise}" if noise else ""))
            said += buffer[:count]
            continue
        word = (found.group(1) or b"").decode()
        rest = bytes(said[found.end() :])
        if not word:
            return rest
        if word == "old":
            raise launcher.too_old(target, found.group(2).decode())
        stream.write([archive_message(bundle().packed)])
        said = bytearray(rest)
