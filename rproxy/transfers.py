"""Copying files and folders to a host and from it: `client.push` and `client.pull`.

Rules: as with cp, a copy goes to the name that is given, or into it if that is a folder; binary exact, modes and
links kept; a file appears when it is whole, or not at all; memory is bounded whatever the size.
"""

import os
import shutil
import stat
import tarfile
import tempfile
from pathlib import Path

from .connectors.base import Connector, PathLike
from .errors import ConnectorError
from .session import Session

_THERE = "rproxy_endpoint.transfers"
_PART = ".rproxy-part-"


def push(session: Session, connector: Connector, local: PathLike, remote: str) -> str:
    """Copies a file or a folder there; returns its path there. Raises OSError, ConnectorError."""
    source = Path(local).expanduser()
    status = source.stat()
    told = session.ask(_THERE, "place", (remote, source.resolve().name))
    target, part = str(told["target"]), str(told["part"])
    try:
        if stat.S_ISDIR(status.st_mode):
            with tempfile.NamedTemporaryFile(prefix="rproxy-", suffix=".tar") as packed:
                with tarfile.open(packed.name, "w") as archive:
                    archive.add(source, ".")
                connector.push(packed.name, part)
            session.ask(_THERE, "unpack", (part, target))
        else:
            connector.push(source, part)
            session.ask(_THERE, "finish", (part, target, stat.S_IMODE(status.st_mode)))
    except Exception:
        session.ask(_THERE, "forget", (part,))
        raise
    return target


def pull(session: Session, connector: Connector, remote: str, local: PathLike) -> Path:
    """Copies a file or a folder from there; returns its path here. Raises OSError, ConnectorError."""
    told = session.ask(_THERE, "offer", (remote,))
    target = Path(local).expanduser()
    if target.is_dir():
        target /= os.path.basename(str(told["name"]))
    elif os.fspath(local).endswith("/"):
        raise NotADirectoryError(20, "Not a directory", os.fspath(local))
    fresh = Path(tempfile.mkdtemp(prefix=_PART, dir=target.parent))
    try:
        connector.pull(str(told["path"]), fresh / "it")
        if told["part"]:
            _unpack(fresh / "it", fresh / "folder", f"{remote} on {session.target}")
            _join(fresh / "folder", target)
        else:
            (fresh / "it").chmod(int(told["mode"]) & 0o777)
            os.replace(fresh / "it", target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        if told["part"]:
            session.ask(_THERE, "forget", (told["part"],))
    return target


def _unpack(packed: Path, folder: Path, what: str) -> None:
    """Unpacks what the far side has packed, which is not trusted: nothing may lead out of the folder."""
    try:
        with tarfile.open(packed) as archive:
            archive.extractall(folder, filter="data")
    except tarfile.TarError as error:
        raise ConnectorError(f"cannot take {what}: {error}") from error


def _join(fresh: Path, target: Path) -> None:
    """Moves the files of a folder to the same places below another one, which is made if need be."""
    for folder, folders, files in os.walk(fresh):
        there = target / os.path.relpath(folder, fresh)
        there.mkdir(exist_ok=True)
        there.chmod(stat.S_IMODE(os.stat(folder).st_mode))
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in [*files, *links]:
            os.replace(os.path.join(folder, name), there / name)
