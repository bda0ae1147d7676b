"""What is kept between two programs, in the user's folder for caches: the endpoint's archives, since to make them takes
longer than a local endpoint's start, and which hosts have had them.

Rules: what is kept counts only for the very files that it was made of, by their names, sizes and times, and only
if it is whole; where nothing can be kept, it is made each time.
"""

import contextlib
import os
import time
import zlib
from collections.abc import Callable, Iterator

Archives = tuple[str, bytes, bytes]

_MAGIC = b"rproxy archives 1\n"
#: What nobody has made use of for so long goes when something new is kept, in seconds.
_UNUSED = 30 * 86400
#: So many bytes of hosts are noted, before it begins anew.
_MOST = 1 << 16


def kept(folders: list[str], make: Callable[[], Archives]) -> Archives:
    """What `make` made of the files in these folders before, or makes now."""
    origin = "\n".join(sorted(line for folder in folders for line in _signature(folder))).encode()
    if not origin:
        return make()
    path = os.path.join(_folder(), f"archives-{zlib.crc32(origin):08x}")
    with contextlib.suppress(OSError, ValueError):
        return _read(path, origin)
    made = make()
    with contextlib.suppress(OSError):
        _write(path, origin, made)
    return made


class Hosts:
    """The hosts that were seen with an endpoint of that name. A guess: it may have gone meanwhile."""

    def __init__(self, name: str) -> None:
        self._path = os.path.join(_folder(), f"hosts-{name}")

    def have(self, host: str) -> bool:
        try:
            with open(self._path, "rb") as file:
                return _line(host) in file.read()
        except OSError:
            return False

    def note(self, host: str) -> None:
        with contextlib.suppress(OSError):
            _make_folder()
            with open(self._path, "ab") as file:
                if file.tell() > _MOST:
                    file.truncate(0)
                file.write(_line(host))


def _line(host: str) -> bytes:
    return b"%08x\n" % zlib.crc32(host.encode("utf-8", "surrogateescape"))


def _folder() -> str:
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "rproxy")


def _make_folder() -> None:
    """Makes the folder, and takes away what nobody has made use of for long."""
    folder = _folder()
    os.makedirs(folder, 0o700, exist_ok=True)
    for entry in os.scandir(folder):
        if entry.name.startswith(("archives-", "hosts-")) and time.time() - entry.stat().st_mtime > _UNUSED:
            os.unlink(entry.path)


def _signature(folder: str) -> Iterator[str]:
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if entry.is_dir():
                yield from _signature(entry.path) if entry.name != "__pycache__" else ()
            elif entry.name.endswith(".py"):
                found = entry.stat()
                yield f"{entry.path} {found.st_size} {found.st_mtime_ns}"


def _read(path: str, origin: bytes) -> Archives:
    """Raises OSError or ValueError for what is not there, not whole, not of this origin, or somebody else's."""
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_uid != os.geteuid():
            raise ValueError
        data = file.read()
    magic, check, rest = data[: len(_MAGIC)], data[len(_MAGIC) :][:8], data[len(_MAGIC) + 8 :]
    if magic != _MAGIC or check != b"%08x" % zlib.crc32(rest):
        raise ValueError
    found, place = [], 0
    while place < len(rest):
        size = int(rest[place : place + 8])
        found.append(rest[place + 8 : place + 8 + size])
        place += 8 + size
    was, name, packed, more = found
    if was != origin:
        raise ValueError
    return name.decode(), packed, more


def _write(path: str, origin: bytes, made: Archives) -> None:
    _make_folder()
    rest = b"".join(b"%8d" % len(part) + part for part in (origin, made[0].encode(), *made[1:]))
    fresh = f"{path}.{os.getpid()}"
    with open(fresh, "xb") as file:
        file.write(_MAGIC + b"%08x" % zlib.crc32(rest) + rest)
    os.replace(fresh, path)
