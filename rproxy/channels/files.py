"""A client's private folder on a host, for requests and answers that are too large for a command.

Rules: names cannot be guessed; what is pulled counts only if it is proven to be whole, and is pulled again for
a while if not, since shared file systems may show a new file late, or empty; what a command was to remove stays
noted until a command is proven to have removed it.
"""

import contextlib
import os
import shlex
import tempfile
import threading
import time
import weakref
from collections.abc import Iterable

from rproxy_endpoint.protocol.envelope import unseal

from ..connectors.base import Connector
from ..errors import AuthenticationError, CallTimeout, ConnectionLost, ConnectorError, HostKeyError

#: So many files at most are named in one command to be removed.
_AT_ONCE = 8


class Files:
    """The private folder, from the time that it is there."""

    def __init__(self, connector: Connector, folder: str) -> None:
        self._connector = connector
        self._folder = folder
        self._left: set[str] = set()
        self._lock = threading.Lock()
        #: Removes the folder, at the latest when the process ends.
        self.remove = weakref.finalize(self, _remove_folder, connector, folder, os.getpid())

    def new(self, kind: str) -> str:
        """The path of a file that is still to be made."""
        return f"{self._folder}/{kind}-{os.urandom(8).hex()}"

    def push(self, data: bytes, path: str) -> None:
        """Writes a file there. Raises ConnectorError."""
        with tempfile.NamedTemporaryFile(prefix="rproxy-") as file:
            file.write(data)
            file.flush()
            self._connector.push(file.name, path)

    def pull(self, path: str, token: str) -> bytes:
        """What was sealed in a file there. Raises ConnectionLost if it does not come whole in time."""
        until, wait = time.monotonic() + self._connector.file_patience, 0.05
        while True:
            trouble = "it is not whole"
            try:
                data = unseal(token, self._pull(path))
                if data is not None:
                    return data
            except (AuthenticationError, HostKeyError):
                raise
            except ConnectorError as error:
                trouble = str(error)
            if time.monotonic() + wait > until:
                raise ConnectionLost(
                    f"the call on {self._connector.target} has run, but its answer, in the file {path}, cannot be had: "
                    f"{trouble}"
                )
            time.sleep(wait)
            wait = min(2 * wait, 2.0)

    def _pull(self, path: str) -> bytes:
        with tempfile.TemporaryDirectory(prefix="rproxy-") as folder:
            local = os.path.join(folder, "answer")
            self._connector.pull(path, local)
            with open(local, "rb") as file:
                return file.read()

    # -- what is left over -----------------------------------------------------------------------------

    def leave(self, paths: Iterable[str]) -> None:
        """Notes files that the next command has to remove."""
        with self._lock:
            self._left.update(paths)

    def gone(self, paths: Iterable[str]) -> None:
        """Takes note that these files are there no more."""
        with self._lock:
            self._left.difference_update(paths)

    def left(self) -> list[str]:
        """Files to be removed by the next command."""
        with self._lock:
            return sorted(self._left)[:_AT_ONCE]


def _remove_folder(connector: Connector, folder: str, owner: int) -> None:
    if os.getpid() == owner:  # not at the end of a forked child
        # A host that cannot be reached any more removes it for a later client.
        with contextlib.suppress(ConnectorError, CallTimeout):
            connector.run("rm -rf " + shlex.quote(folder), timeout=20)
