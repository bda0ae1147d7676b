"""Copying files and folders to a host and from it: `client.push` and `client.pull`.

Rules: as with cp, a copy goes to the name that is given, or into it if that is a folder; binary exact, modes and
links kept; a file appears when it is whole, or not at all; memory is bounded whatever the size.
"""

import contextlib
import errno
import os
import shutil
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from . import blocks
from .channels import losing
from .connectors.base import Connector, PathLike
from .errors import ConnectorError
from .progress import Progress, check_progress, reporting
from .session import Session

_THERE = "rproxy_endpoint.transfers"
_PART = ".rproxy-part-"


def push(session: Session, connector: Connector, local: PathLike, remote: str, progress: Progress) -> str:
    """Copies a file or a folder there; returns its path there. Raises OSError, ConnectorError, TypeError."""
    check_progress(progress)
    source = Path(blocks.check_path(local, "a path here")).expanduser()
    status = source.stat()
    is_folder = stat.S_ISDIR(status.st_mode)
    if not is_folder and not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "Neither a file nor a folder", str(source))
    name = source.resolve().name if source.name in ("", "..") else source.name
    told = session.ask(_THERE, "place", (remote, name, _lasts(session)))
    target, part = str(told["target"]), str(told["part"])
    with _held(session, part, told["guard"]):
        if is_folder:
            with tempfile.NamedTemporaryFile(prefix="rproxy-", suffix=".tar") as packed:
                with tarfile.open(packed.name, "w") as archive:
                    archive.add(source.resolve(), ".")
                with _copying(progress, name, os.path.getsize(packed.name)):
                    connector.push(packed.name, part)
            session.ask(_THERE, "unpack", (part, target))
        else:
            with _copying(progress, name, status.st_size):
                connector.push(source, part)
            session.ask(_THERE, "finish", (part, target, stat.S_IMODE(status.st_mode)))
    return target


def pull(session: Session, connector: Connector, remote: str, local: PathLike, progress: Progress) -> Path:
    """Copies a file or a folder from there; returns its path here. Raises OSError, ConnectorError, TypeError."""
    check_progress(progress)
    path = blocks.check_path(local, "a path here")
    target = Path(path).expanduser()
    if not target.is_dir() and path.endswith("/"):
        raise NotADirectoryError(errno.ENOTDIR, "Not a directory", path)
    told = session.ask(_THERE, "offer", (remote, _lasts(session)))
    name = os.path.basename(str(told["name"]))
    if target.is_dir():
        target /= name
    with contextlib.ExitStack() as stack:
        if told["part"]:
            stack.enter_context(_held(session, str(told["part"]), told["guard"]))
        fresh = Path(tempfile.mkdtemp(prefix=_PART, dir=target.parent))
        stack.callback(shutil.rmtree, fresh, ignore_errors=True)
        with _copying(progress, name, int(told["size"])):
            connector.pull(str(told["path"]), fresh / "it")
        size = (fresh / "it").stat().st_size
        if size < int(told["size"]):  # more is fine: somebody writes to it
            raise ConnectorError(f"of {remote} on {session.target} came {size} bytes of {told['size']}: pull it again")
        if told["part"]:
            modes = _unpack(fresh / "it", fresh / "folder", f"{remote} on {session.target}")
            _join(fresh / "folder", target, modes)
        else:
            (fresh / "it").chmod(int(told["mode"]) & 0o777)
            os.replace(fresh / "it", target)
    return target


def _lasts(session: Session) -> bool:
    """Whether the far side learns of the end of this one."""
    return session.channel.name == "stream"


@contextlib.contextmanager
def _copying(progress: Progress, name: str, size: int) -> Iterator[None]:
    """While bytes are on their way. At the end of the interpreter nobody is told that they did not arrive."""
    try:
        with reporting(progress, name, size):
            yield
    except ConnectorError:
        losing.check_exit()
        raise


@contextlib.contextmanager
def _held(session: Session, part: str, guard: object) -> Iterator[None]:
    """Removes a half file there at the end of the block; if this side is gone by then, the far side does, as it does
    when nobody holds the guard any more."""
    try:
        yield
    finally:
        session.ask(_THERE, "forget", (part,))
        del guard


def _unpack(packed: Path, folder: Path, what: str) -> dict[str, int]:
    """Unpacks what the far side has packed, which is not trusted: nothing may lead out of the folder. Returns the
    modes of the folders in it, by their paths: the last thing that they get, since one may keep their files in them."""
    modes = {}

    def taken(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo:
        safe = tarfile.data_filter(member, path)
        if member.isdir():
            modes[os.path.normpath(safe.name)] = member.mode & 0o777
        return safe.replace(mode=0o700 if member.isdir() else member.mode & 0o777, deep=False)

    try:
        with tarfile.open(packed) as archive:
            archive.extractall(folder, filter=taken)  # noqa: S202 - `taken` is the filter for data, with modes
    except tarfile.TarError as error:
        raise ConnectorError(f"cannot take {what}: {error}") from error
    return modes


def _join(fresh: Path, target: Path, modes: dict[str, int]) -> None:
    """Makes a folder the target, or moves its files to the same places below one that is there; gives the folders in
    it their modes."""
    if not os.path.lexists(target):
        fresh.rename(target)
    else:
        _merge(fresh, target)
    for name in sorted(modes, reverse=True):
        folder = target / name
        with contextlib.suppress(PermissionError):  # somebody else's, who lets us write there
            if stat.S_IMODE(folder.stat().st_mode) != modes[name]:
                folder.chmod(modes[name])


def _merge(fresh: Path, target: Path) -> None:
    for folder, folders, files in os.walk(fresh):
        there = target / os.path.relpath(folder, fresh)
        there.mkdir(exist_ok=True)
        if not os.access(there, os.W_OK | os.X_OK):
            there.chmod(stat.S_IMODE(there.stat().st_mode) | 0o700)
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in [*files, *links]:
            os.replace(os.path.join(folder, name), there / name)
