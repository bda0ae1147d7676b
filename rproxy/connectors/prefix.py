"""Any program that runs a command elsewhere: ``docker exec -i box``, ``sudo -n -u me``, ``nsenter ...``.

Rules: the program runs by another connector, on this machine if none is named; files travel through its standard
input and output, so nothing must be there but a POSIX shell; a command that was not begun there is an error that
tells what the program said.
"""

import os
import shlex
import tempfile
from collections.abc import Sequence

from ..errors import AuthenticationError, ConnectorError
from . import files
from .base import Completed, Connector, PathLike, Stream
from .local import LocalConnector
from .marks import Mark, MarkedStream
from .processes import describe_end

#: What programs say that want a password, or refuse the user.
_REFUSALS = ("a password is required", "Authentication failure", "not in the sudoers file", "may not run")


class PrefixConnector(Connector):
    """Runs commands by a program that takes a command after its own words.

    Args:
        prefix: the program and its words: ``["docker", "exec", "-i", "box"]``.
        via: the connector of the host that has the program; this machine if not given.
        shell: the words between the prefix and the text of a command; `su` wants ``("-s", "/bin/sh", "-c")``.
        target: what errors call the place.
    """

    def __init__(
        self,
        prefix: Sequence[str],
        *,
        via: Connector | None = None,
        shell: Sequence[str] = ("/bin/sh", "-c"),
        target: str | None = None,
    ) -> None:
        if not prefix or not _are_words(prefix):
            raise TypeError(f"prefix is a list of words, such as ['docker', 'exec', '-i', 'box'], not {prefix!r}")
        if not _are_words(shell):
            raise TypeError(f"shell is a list of words, such as ('-s', '/bin/sh', '-c'), not {shell!r}")
        if via is not None and not isinstance(via, Connector):
            raise TypeError(f"via is a Connector, not {via!r}")
        self._via = LocalConnector() if via is None else via
        self._words = shlex.join([*prefix, *shell])
        self._program = shlex.join(prefix)
        self.target = target or (f"{self._program} via {self._via.target}" if via is not None else self._program)
        self.text_only = self._via.text_only
        self.output_limit = self._via.output_limit
        self.input_limit, self.file_patience = self._via.input_limit, self._via.file_patience
        # A quote in a command takes five bytes once it is quoted again.
        self.command_limit = max(1000, (self._via.command_limit - len(self._words)) // 2)
        if getattr(self._via, "open", None) is not None:
            self.open = self._open  # else the place has no streams, and must not look as if it had

    def run(self, command: str, *, input: bytes = b"", timeout: float | None = None) -> Completed:
        mark = Mark()
        done = self._via.run(self._line(mark.before(command)), input=input, timeout=timeout)
        output, self.noise = mark.cut(done.stdout), mark.noise
        if output is None:
            raise self._not_begun(_end_of(done), _text(done.stdout))
        return Completed(output, done.stderr, done.returncode)

    def _open(self, command: str) -> Stream:
        mark = Mark()
        stream: Stream = self._via.open(self._line(mark.before(command)))  # type: ignore[attr-defined]
        return MarkedStream(stream, mark, lambda printed: self._not_begun(stream.diagnosis(), printed))

    def push(self, local: PathLike, remote: str) -> None:
        if getattr(self, "open", None) is not None:
            files.push(self.open, local, remote, self.target)
        else:
            self._push_by_way(local, remote)

    def pull(self, remote: str, local: PathLike) -> None:
        if getattr(self, "open", None) is not None:
            files.pull(self.open, remote, local, self.target)
        else:
            self._pull_by_way(remote, local)

    def close(self) -> None:
        self._via.close()

    def renew(self) -> None:
        self._via.renew()

    def way(self) -> dict[str, str]:
        return self._via.way()

    def _line(self, command: str) -> str:
        return f"{self._words} {shlex.quote(command)}"

    def _not_begun(self, how: str, printed: str = "") -> ConnectorError:
        kind = AuthenticationError if any(word in how + printed for word in _REFUSALS) else ConnectorError
        mend = f"Try `{self._words} true` on {self._via.target} by hand."
        return kind(
            f"the command did not begin on {self.target}: `{self._program}` ended with {how}"
            + (f"\nand printed: {printed}" if printed else "")
            + f"\n{mend}"
        ).at("authentication" if kind is AuthenticationError else "shell", mend)

    # -- where there are no streams: a file of the host in between -------------------------------------

    def _push_by_way(self, local: PathLike, remote: str) -> None:
        way = self._make_way()
        try:
            self._via.push(local, way)
            target, part = shlex.quote(remote), shlex.quote(remote + "." + os.path.basename(way))
            mode = f"{os.stat(local).st_mode & 0o7777:o}"
            store = (
                f"umask 077; cat >{part} && chmod {mode} {part} && mv -f {part} {target} || {{ rm -f {part}; exit 1; }}"
            )
            self._check(self._via.run(f"{self._line(store)} <{way}"), f"cannot copy {local} to {remote}")
        finally:
            self._via.run(f"rm -f {way}")

    def _pull_by_way(self, remote: str, local: PathLike) -> None:
        way = self._make_way()
        try:
            read = f"cat {shlex.quote(remote)}"
            self._check(self._via.run(f"{self._line(read)} >{way}"), f"cannot copy {remote} to {local}")
            folder = os.path.dirname(os.path.abspath(local))
            with tempfile.TemporaryDirectory(prefix=".rproxy-", dir=folder) as fresh:
                self._via.pull(way, os.path.join(fresh, "file"))
                os.replace(os.path.join(fresh, "file"), local)
        except OSError as error:
            raise ConnectorError(f"cannot copy {remote} to {local}: {error}") from error
        finally:
            self._via.run(f"rm -f {way}")

    def _make_way(self) -> str:
        done = self._via.run('umask 077; mktemp "${TMPDIR:-/tmp}/rproxy-XXXXXXXX"')
        self._check(done, "cannot make a temporary file")
        return shlex.quote(done.stdout.decode().split("\n")[-2])

    def _check(self, done: Completed, what: str) -> None:
        if done.returncode:
            raise ConnectorError(f"{what} by {self.target}: {_end_of(done)}")


def _are_words(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(word, str) and "\0" not in word for word in value)


def _end_of(done: Completed) -> str:
    return describe_end(done.returncode, _text(done.stderr))


def _text(data: bytes) -> str:
    return data[-4000:].decode("utf-8", "replace").strip()
