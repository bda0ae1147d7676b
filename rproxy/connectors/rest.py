"""What connectors to services that run commands have in common.

Rules: a command's end is proven by a word of ours in its output; a file beyond the service's limit travels
in pieces, which are put together before anybody sees it; whatever is left over is removed, also after failures.
"""

import abc
import contextlib
import itertools
import math
import os
import shlex
import tempfile
from collections.abc import Iterable, Iterator

from ..errors import ConnectionLost, ConnectorError, RProxyError
from .base import Completed, Connector, PathLike
from .reports import report
from .sentinel import enclose, opened


class RestConnector(Connector):
    """Commands and files by a REST service; a subclass knows the service's requests."""

    text_only = True
    #: The most characters that the service takes as one command, everything included.
    line_limit: int = 100_000
    file_patience = 60.0
    #: How long the service may take to answer anything but a command, in seconds.
    answer_timeout: float = 300.0
    #: The most bytes of a file in one request.
    transfer_limit: int

    # -- what the service does -------------------------------------------------------------------------

    @abc.abstractmethod
    def _execute(self, line: str, timeout: float | None, login: bool) -> tuple[str, str]:
        """Runs a command; returns its output and its standard error.

        Raises ConnectionLost where it may have run, another ConnectorError where it has not; CallTimeout.
        """

    @abc.abstractmethod
    def _put(self, data: bytes, remote: str) -> None:
        """Writes a file. Raises ConnectorError."""

    @abc.abstractmethod
    def _get(self, remote: str) -> bytes:
        """Reads a file. Raises Refused if the service does not give it."""

    @abc.abstractmethod
    def _size(self, remote: str) -> int | None:
        """The size of a file, or None if there is none. Raises ConnectorError."""

    # -- what a connector does -------------------------------------------------------------------------

    def run(self, command: str, *, input: bytes = b"", timeout: float | None = None, login: bool = False) -> Completed:
        """As every connector's; with `login` in the user's login environment, where the service has that.

        Output comes as text: bytes that are no UTF-8 are not what they were.
        """
        token = os.urandom(8).hex()
        enclosed = enclose(command, token, input)
        if input and len(enclosed.line) > self.line_limit:
            return self._run_with_file(command, input, timeout, login)
        return self._run_line(enclosed.line, token, timeout, login)

    def _run_line(self, line: str, token: str, timeout: float | None, login: bool) -> Completed:
        if len(line) > self.line_limit:
            raise ConnectorError(
                f"the command has {len(line)} characters as {self.target} needs it, which takes {self.line_limit}; "
                "push it as a file and run that"
            )
        try:
            output, error = self._execute(line, timeout, login)
        except ConnectionLost:
            raise
        except ConnectorError as refused:
            refused.args = (f"{refused}. Nothing has run",)
            raise
        found = opened(output, token)
        if found is None:
            said = (error or output)[-2000:].strip()
            raise ConnectionLost(
                f"the end of a command on {self.target} is missing in what the service answered; whether it has run "
                "is unknown" + (f". It said:\n{said}" if said else "")
            )
        return Completed(found[0].encode(), error.encode(), found[1])

    def _run_with_file(self, command: str, input: bytes, timeout: float | None, login: bool) -> Completed:
        with self._scratch() as folder, tempfile.NamedTemporaryFile(prefix="rproxy-") as file:
            file.write(input)
            file.flush()
            self.push(file.name, f"{folder}/input")
            token = os.urandom(8).hex()
            return self._run_line(enclose(command, token, source=f"{folder}/input").line, token, timeout, login)

    def push(self, local: PathLike, remote: str) -> None:
        self._check_path(remote)
        pieces = _pieces(local, self.transfer_limit)
        first, second = next(pieces, b""), next(pieces, b"")
        if not second:
            self._put(first, remote)
            return
        with self._scratch(os.path.dirname(remote)) as folder:
            size = count = 0
            for data in itertools.chain([first, second], pieces):
                self._put(data, f"{folder}/{count:06}")
                size, count = size + len(data), count + 1
                report(size)
            self._join(folder, remote, size)

    def _join(self, folder: str, remote: str, size: int) -> None:
        """Makes one file of pieces; it takes its place only when it is whole.

        On a shared file system a piece may be seen only some time after it was written.
        """
        pieces, whole = f"{shlex.quote(folder)}/??????", shlex.quote(f"{folder}/whole")
        target = shlex.quote(remote)
        tried = f'cat {pieces} >{whole} && [ "$(wc -c <{whole})" -eq {size} ]'
        self._do(
            f"n=0; until {tried}; do n=$((n + 1)); if [ $n -gt {math.ceil(self.file_patience)} ]; then "
            f"echo 'its pieces do not make the whole' >&2; exit 1; fi; sleep 1; done; mv -f {whole} {target}",
            f"cannot write {remote}",
        )

    def pull(self, remote: str, local: PathLike) -> None:
        self._check_path(remote)
        try:
            data = self._get(remote)
        except Refused as refused:
            size = self._size(remote)
            if size is None or size <= self.transfer_limit:
                raise ConnectorError(f"cannot read {remote} on {self.target}: {refused}") from refused
            self._pull_pieces(remote, local, size)
        else:
            _write(local, [data])

    def _pull_pieces(self, remote: str, local: PathLike, size: int) -> None:
        with self._scratch() as folder:
            quoted = f"{shlex.quote(remote)} {shlex.quote(folder)}/x"
            self._do(f"split -a {_LETTERS} -b {self.transfer_limit} {quoted}", f"cannot read {remote}")
            names = map(_piece_name, range(math.ceil(size / self.transfer_limit)))
            written = _write(local, (self._get(f"{folder}/{name}") for name in names))
        if written != size:
            raise ConnectorError(f"{remote} on {self.target} has changed while it was read: read it again")

    # -- means -----------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _scratch(self, parent: str = "") -> Iterator[str]:
        """A private folder there, below `parent` or the home, for as long as the block lasts."""
        where = shlex.quote(parent + "/") if parent else '"$HOME/"'
        folder = self._do(f"mktemp -d {where}.rproxy-XXXXXXXX", "cannot make a temporary folder").strip()
        if not folder.startswith("/"):
            raise ConnectorError(f"{self.target} made no temporary folder, but said {folder!r}")
        try:
            yield folder
        finally:
            with contextlib.suppress(ConnectorError):  # the block's own trouble is the one to tell
                self.run(f"rm -rf {shlex.quote(folder)}")

    def _do(self, command: str, failure: str) -> str:
        done = self.run(command)
        if done.returncode:
            raise ConnectorError(f"{failure} on {self.target}: {done.stderr.decode().strip()}")
        return done.stdout.decode()

    def _check_path(self, remote: str) -> None:
        if not remote.startswith("/"):
            raise ConnectorError(f"{self.target} needs absolute paths, not {remote!r}")


class Refused(ConnectorError):
    """The service does not give a file: it is missing, too large, or not for this user."""


#: How many letters the names of `split` have.
_LETTERS = 5


def _piece_name(number: int) -> str:
    """The name that `split` gives a piece."""
    name = ""
    for _ in range(_LETTERS):
        number, letter = divmod(number, 26)
        name = chr(ord("a") + letter) + name
    return "x" + name


def _pieces(local: PathLike, size: int) -> Iterator[bytes]:
    """A file's content, piece by piece; nothing for an empty one. Raises ConnectorError."""
    try:
        with open(local, "rb") as file:
            while data := file.read(size):
                yield data
    except OSError as error:
        raise ConnectorError(f"cannot read {os.fspath(local)}: {error}") from error


def _write(local: PathLike, pieces: Iterable[bytes]) -> int:
    """Writes a local file, which takes its place only when it is whole; returns its size."""
    path, size = os.path.abspath(local), 0
    fresh = f"{path}.{os.urandom(4).hex()}"
    try:
        try:
            with open(fresh, "wb") as file:
                for data in pieces:
                    size += file.write(data)
                    report(size)
            os.replace(fresh, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(fresh)
    except RProxyError:
        raise
    except OSError as error:
        raise ConnectorError(f"cannot write {path}: {error}") from error
    return size
