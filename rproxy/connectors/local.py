"""``local://``: a process of this machine, apart from the caller's own interpreter."""

import os
import sys

from ..errors import ConnectorError
from . import processes
from .base import Completed, PathLike, StreamConnector
from .reports import report

#: What is copied between two reports, in bytes.
_PIECE = 4 << 20


class LocalConnector(StreamConnector):
    """Runs commands on this machine, each in a session of its own, so that Ctrl-C here is not theirs."""

    target = "local://"
    python = sys.executable
    input_limit = 1 << 20  # by a pipe
    file_patience = 1.0
    network = False

    def run(self, command: str, *, input: bytes = b"", timeout: float | None = None) -> Completed:
        return processes.run(_shell(command), self.target, input=input, timeout=timeout)

    def push(self, local: PathLike, remote: str) -> None:
        _copy(os.fspath(local), remote)

    def pull(self, remote: str, local: PathLike) -> None:
        _copy(remote, os.fspath(local))

    def open(self, command: str) -> processes.ProcessStream:
        return processes.ProcessStream(_shell(command), self.target)


def _shell(command: str) -> list[str]:
    return ["/bin/sh", "-c", command]


def _copy(source: str, target: str) -> None:
    import shutil

    try:
        if os.path.exists(target) and os.path.samefile(source, target):
            raise shutil.SameFileError("both are the same file")
        with open(source, "rb", buffering=0) as here, open(target, "wb") as there:
            buffer, done = memoryview(bytearray(_PIECE)), 0
            while count := here.readinto(buffer):
                there.write(buffer[:count])
                done += count
                report(done)
        shutil.copymode(source, target)
    except OSError as error:
        raise ConnectorError(f"cannot copy {source} to {target}: {error}").at("folders") from error
