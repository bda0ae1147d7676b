"""Files over a stream, for connectors that have one: no program is needed there but those of POSIX, and head -c.

Rules: binary exact; a file appears under its name when it is whole, or not at all; its mode comes with it; memory
is bounded whatever its size; what login shells print before is not taken for its bytes.
"""

import errno
import os
import shlex
import stat
import subprocess
import tempfile
from collections.abc import Callable
from typing import IO, Any, Protocol

from ..errors import ConnectorError
from .base import PathLike, Stream
from .marks import Mark
from .reports import report

_CHUNK = 1 << 20
#: How often it is told how far a file is that others move, in seconds.
_LOOK = 0.05
#: The most that a host may print before a file, in bytes.
_NOISE = 1 << 20


class Command(Protocol):
    """A running command: `wait` returns its exit code, or raises TimeoutExpired; `tail` is what it has said on its
    standard error; `leave` ends it."""

    def wait(self, timeout: float) -> int: ...

    def tail(self) -> str: ...

    def leave(self) -> None: ...

    def close(self) -> None: ...


Open = Callable[[str], Stream]
#: Opens a command whose input is a file; None if it cannot.
Feed = Callable[[str, IO[bytes]], Stream | None]
#: Runs a command whose output goes to a file; None if it cannot.
Store = Callable[[str, IO[bytes]], "Command | None"]
#: Moves at most so many bytes between a stream and where a file stands, and returns how many: 0 at the end.
Move = Callable[[IO[bytes], int], int]
#: What a command prints that has taken a file, and one that has not.
Marks = tuple[Mark, Mark]

_PUT = """umask 077
target={target} size={size}
refuse() {{ printf %s '{refused}'; exit 1; }}
if [ -d "$target" ]; then echo "$target is a folder" >&2; refuse; fi
if {{ {receive}; }} >"$target{part}" && [ "$(wc -c <"$target{part}")" -eq "$size" ] &&
chmod {mode:o} "$target{part}" && mv -f "$target{part}" "$target"; then printf %s '{mark}'; exit 0; fi
rm -f "$target{part}"; refuse"""

_STORE = """source={source}
[ ! -d "$source" ] && [ -r "$source" ] && about=$(ls -ndL "$source") || exit 1
printf '%s%s\\n' '{mark}' "$about" >&2
exec cat "$source" """

_GET = """source={source}
if [ -d "$source" ]; then echo "$source is a folder" >&2; exit 1; fi
mode=$(ls -ldL "$source") && [ -r "$source" ] || {{ echo "$source cannot be read" >&2; exit 1; }}
printf '%s%.10s\\n' '{mark}' "$mode"
cat "$source" && printf %s '{end}'"""


def push(
    open_command: Open, local: PathLike, remote: str, target: str, *, ends: bool = False, feed: Feed | None = None
) -> None:
    """Copies a local file there. Raises ConnectorError; `target` is what it calls the host.

    With `ends` the streams have an `end_input` that the command there is sure to notice. Then it reads by cat, which
    takes a third of the time that head -c does. With `feed`, whoever brings the command its input reads the file.
    """
    what = f"cannot copy {os.fspath(local)} to {remote} on {target}"
    taken, refused = marks = Mark(), Mark()
    try:
        with open(local, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ConnectorError(f"{what}: it is not a regular file")
            size = status.st_size
            command = _PUT.format(
                target=shlex.quote(remote), size=size, mode=stat.S_IMODE(status.st_mode), mark=taken.text,
                refused=refused.text, part="." + taken.text.strip("<>").replace(":", "-"),
                receive="cat" if ends else f"head -c {size}" if size else ":",  # some heads know no 0
            )  # fmt: skip
            if feed is None or not _fed(feed, command, file, size, marks):
                _send_to(open_command, command, file, size, marks, ends)
    except _NotTaken as error:
        raise ConnectorError(f"{what}: {error}").at(error.stage) from None
    except OSError as error:
        raise ConnectorError(f"{what}: {error}") from error


class _NotTaken(ConnectorError):
    """A file has not come to its place."""


def _send_to(open_command: Open, command: str, file: IO[bytes], size: int, marks: Marks, ends: bool) -> None:
    """Sends so many bytes of a file to a command. Raises _NotTaken."""
    stream: Any = open_command(command)
    try:
        file.seek(0)  # others may have begun to read it
        _send(stream, file, size)
        if ends:
            stream.end_input()
        _check_taken(stream, marks)
    finally:
        stream.close()


def _fed(feed: Feed, command: str, file: IO[bytes], size: int, marks: Marks) -> bool:
    """Has a command read a file. Returns False for one that has to be sent, since that cannot be done, or since its
    size has changed meanwhile. Raises _NotTaken."""
    stream: Any = feed(command, file)
    if stream is None:
        return False

    def look() -> None:
        while not stream.ready(_LOOK):
            report(min(size, os.lseek(file.fileno(), 0, os.SEEK_CUR)))

    try:
        _check_taken(stream, marks, look)
        report(size)
        return True
    except _NotTaken:
        if os.fstat(file.fileno()).st_size == size:
            raise
        return False
    except BaseException:
        stream.abort()
        raise
    finally:
        stream.close()


def _send(stream: Any, file: IO[bytes], size: int) -> None:
    buffer, rest = memoryview(bytearray(_CHUNK)), size

    def copy(file: Any, count: int) -> int:
        found: int = file.readinto(buffer[:count])
        try:
            stream.write([buffer[:found]])
        except OSError as error:
            raise BrokenPipeError from error
        return found

    move = _mover(getattr(stream, "send_file", None), copy)
    while rest:
        try:
            count = move(file, min(rest, _CHUNK))
        except BrokenPipeError:
            return  # the other end has gone, and its last words tell why
        if not count:
            raise OSError("it became shorter while it was copied")
        rest -= count
        report(size - rest)


def _mover(direct: Move | None, copy: Move) -> Move:
    """What moves at most so many bytes, as the stream itself can if the file system lets it, else by copying."""

    def move(file: IO[bytes], count: int) -> int:
        nonlocal direct
        if direct is not None:
            try:
                return direct(file, count)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
            direct = None
        return copy(file, count)

    return move


def _check_taken(stream: Stream, marks: Marks, look: Callable[[], None] = lambda: None) -> None:
    """Waits for what the command says of the file; calls `look` before each reading. Raises _NotTaken."""
    taken, refused = marks
    said, buffer = bytearray(), memoryview(bytearray(1 << 16))
    while True:
        look()
        count = _read(stream, buffer)
        said += buffer[:count]
        if taken.cut(bytes(said)) is not None:
            return
        if not count:
            # What the command itself says is the folder's trouble; without a word, it may be the link's.
            stage = "connection" if refused.cut(bytes(said)) is None else "folders"
            raise _NotTaken(stream.diagnosis()).at(stage)


def pull(open_command: Open, remote: str, local: PathLike, target: str, *, store: Store | None = None) -> None:
    """Copies a file from there. Raises ConnectorError; `target` is what it calls the host.

    With `store`, whoever brings the command's output writes the file; where that does not come whole, it comes anew by
    a stream, which tells why.
    """
    local = os.path.abspath(local)
    what = f"cannot copy {remote} on {target} to {local}"
    mark, end = Mark(), Mark()
    try:
        if os.path.isdir(local):
            raise ConnectorError(f"{what}: that is a folder")
        with tempfile.NamedTemporaryFile(dir=os.path.dirname(local), prefix=".rproxy-", delete=False) as file:
            try:
                told, mode = "", _stored(store, file, remote) if store is not None else None
                if mode is None:
                    stream = open_command(_GET.format(source=shlex.quote(remote), mark=mark.text, end=end.text))
                    try:
                        mode = _received_into(stream, file, mark, end.text.encode())
                        told = stream.diagnosis() if mode is None else ""
                    except BaseException:
                        getattr(stream, "kill", stream.close)()  # what has not come yet may be much
                        raise
                    finally:
                        stream.close()
                if mode is None:
                    raise ConnectorError(f"{what}: {told}")
                file.flush()
                os.chmod(file.name, mode)
                os.replace(file.name, local)
            except BaseException:
                os.unlink(file.name)
                raise
    except OSError as error:
        raise ConnectorError(f"{what}: {error}") from error


def _stored(store: Store, file: Any, remote: str) -> int | None:
    """Has a command's output go to the file; returns the mode of the remote one, or None if it did not come whole, or
    with something beside it."""
    mark = Mark()
    command = store(_STORE.format(source=shlex.quote(remote), mark=mark.text), file)
    if command is None:
        return None
    try:
        code = None
        while code is None:
            try:
                code = command.wait(_LOOK)
            except subprocess.TimeoutExpired:
                report(os.fstat(file.fileno()).st_size)
        about = (mark.cut(command.tail().encode()) or b"").split()
    except BaseException:
        command.leave()
        raise
    finally:
        command.close()
    size = os.fstat(file.fileno()).st_size
    if code == 0 and len(about) > 4 and int(about[4]) == size:
        report(size)
        return _mode_of(about[0].decode())
    file.seek(0)
    file.truncate()
    return None


def _received_into(stream: Stream, file: Any, mark: Mark, end: bytes) -> int | None:
    """Writes what comes between the marks to the file; returns its mode, or None if it did not come whole."""
    said, rest, buffer = bytearray(), None, memoryview(bytearray(_CHUNK))
    while rest is None or len(rest) < 11:
        count = _read(stream, buffer)
        if not count or len(said) > _NOISE:
            return None
        said += buffer[:count]
        rest = mark.cut(bytes(said))
    mode = _mode_of(rest[:10].decode("ascii", "replace"))
    file.write(rest[11:])
    file.flush()

    def copy(file: IO[bytes], count: int) -> int:
        found = _read(stream, buffer[:count])
        file.write(buffer[:found])
        return found

    move = _mover(getattr(stream, "receive_file", None), copy)
    while move(file, _CHUNK):
        report(max(0, file.tell() - len(end)))
    size = file.tell() - len(end)
    if size < 0:
        return None
    file.seek(size)
    if file.read() != end:
        return None
    file.truncate(size)
    return mode


def _mode_of(listed: str) -> int:
    """The permissions that ls shows, as a number; what it shows by other letters is not copied."""
    return int("".join("1" if letter in "rwxst" else "0" for letter in listed[1:].ljust(9, "-")), 2)


def _read(stream: Stream, buffer: memoryview) -> int:
    try:
        return stream.readinto(buffer)
    except OSError:
        return 0  # as an end; what is missing is told by the marks
