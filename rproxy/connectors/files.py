"""Files over a stream, for connectors that have one: no program is needed there but those of POSIX, and head -c.

Rules: binary exact; a file appears under its name when it is whole, or not at all; its mode comes with it; memory
is bounded whatever its size; what login shells print before is not taken for its bytes.
"""

import errno
import os
import shlex
import stat
import tempfile
from collections.abc import Callable
from typing import IO, Any

from ..errors import ConnectorError
from .base import PathLike, Stream
from .marks import Mark
from .reports import report

_CHUNK = 1 << 20
#: The most that a host may print before a file, in bytes.
_NOISE = 1 << 20

Open = Callable[[str], Stream]
#: Moves at most so many bytes between a stream and where a file stands, and returns how many: 0 at the end.
Move = Callable[[IO[bytes], int], int]

_PUT = """umask 077
target={target} size={size}
if [ -d "$target" ]; then echo "$target is a folder" >&2; exit 1; fi
if {{ {receive}; }} >"$target{part}" && [ "$(wc -c <"$target{part}")" -eq "$size" ] &&
chmod {mode:o} "$target{part}" && mv -f "$target{part}" "$target"; then printf %s '{mark}'; exit 0; fi
rm -f "$target{part}"; exit 1"""

_GET = """source={source}
if [ -d "$source" ]; then echo "$source is a folder" >&2; exit 1; fi
mode=$(ls -ldL "$source") && [ -r "$source" ] || {{ echo "$source cannot be read" >&2; exit 1; }}
printf '%s%.10s\\n' '{mark}' "$mode"
cat "$source" && printf %s '{end}'"""


def push(open_command: Open, local: PathLike, remote: str, target: str, *, ends: bool = False) -> None:
    """Copies a local file there. Raises ConnectorError; `target` is what it calls the host.

    With `ends` the streams have an `end_input` that the command there is sure to notice. Then it reads by cat, which
    takes a third of the time that head -c does.
    """
    what = f"cannot copy {os.fspath(local)} to {remote} on {target}"
    mark = Mark()
    try:
        with open(local, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ConnectorError(f"{what}: it is not a regular file")
            size = status.st_size
            command = _PUT.format(
                target=shlex.quote(remote), size=size, mode=stat.S_IMODE(status.st_mode), mark=mark.text,
                part="." + mark.text.strip("<>").replace(":", "-"),
                receive="cat" if ends else f"head -c {size}" if size else ":",  # some heads know no 0
            )  # fmt: skip
            stream: Any = open_command(command)
            try:
                _send(stream, file, size)
                if ends:
                    stream.end_input()
                done = _received(stream, mark)
                told = "" if done else stream.diagnosis()
            finally:
                stream.close()
    except OSError as error:
        raise ConnectorError(f"{what}: {error}") from error
    if not done:
        raise ConnectorError(f"{what}: {told}")


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


def _received(stream: Stream, mark: Mark) -> bool:
    """Whether the mark comes before the end."""
    said, buffer = bytearray(), memoryview(bytearray(1 << 16))
    while count := _read(stream, buffer):
        said += buffer[:count]
        if mark.cut(bytes(said)) is not None:
            return True
    return False


def pull(open_command: Open, remote: str, local: PathLike, target: str) -> None:
    """Copies a file from there. Raises ConnectorError; `target` is what it calls the host."""
    local = os.path.abspath(local)
    what = f"cannot copy {remote} on {target} to {local}"
    mark, end = Mark(), Mark()
    try:
        if os.path.isdir(local):
            raise ConnectorError(f"{what}: that is a folder")
        with tempfile.NamedTemporaryFile(dir=os.path.dirname(local), prefix=".rproxy-", delete=False) as file:
            try:
                stream = open_command(_GET.format(source=shlex.quote(remote), mark=mark.text, end=end.text))
                try:
                    mode = _store(stream, file, mark, end.text.encode())
                    told = stream.diagnosis() if mode is None else ""
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


def _store(stream: Stream, file: Any, mark: Mark, end: bytes) -> int | None:
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
