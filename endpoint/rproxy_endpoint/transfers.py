"""The far side of copying files and folders: names, modes, archives.

Rules: a file appears under its name when it is whole, or not at all; a folder's files join those that are there;
what is half done has a name that says so, and goes, also when the client is gone.
"""

import os
import shutil
import stat
import tarfile
import tempfile
import weakref
from typing import Any, Dict

PART = ".rproxy-part-"


def place(path: str, name: str, lasts: bool) -> Dict[str, Any]:
    """Where a copy of that name goes, as for cp: to `path`, or into it if it is a folder; and a name to write
    it under until it is whole, with what removes it if the session `lasts`. Raises OSError."""
    target = os.path.abspath(os.path.expanduser(path))
    if os.path.isdir(target):
        target = os.path.join(target, name)
    elif path.endswith("/"):
        raise NotADirectoryError(20, "Not a directory", path)
    descriptor, part = tempfile.mkstemp(prefix=PART, dir=os.path.dirname(target))
    os.close(descriptor)
    return {"target": target, "part": part, "guard": Part(part) if lasts else None}


class Part:
    """Removes a half file when nobody holds this any more, which is also when the session ends."""

    def __init__(self, path: str) -> None:
        weakref.finalize(self, forget, path)


def finish(part: str, target: str, mode: int) -> None:
    """Gives a file that has come whole its mode and its name."""
    os.chmod(part, mode)
    os.replace(part, target)


def unpack(part: str, target: str) -> None:
    """Puts the files of an archive, which is removed, into a folder."""
    fresh = tempfile.mkdtemp(prefix=PART, dir=os.path.dirname(target))
    try:
        with tarfile.open(part) as archive:
            archive.extraction_filter = lambda member, folder: member
            archive.extractall(fresh)  # noqa: S202 - the client's own
        join(fresh, target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        forget(part)


def join(fresh: str, target: str) -> None:
    """Moves the files of a folder to the same places below another one, which is made if need be."""
    for folder, folders, files in os.walk(fresh):
        there = os.path.normpath(os.path.join(target, os.path.relpath(folder, fresh)))
        if not os.path.isdir(there):
            os.mkdir(there)
        os.chmod(there, stat.S_IMODE(os.stat(folder).st_mode))
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in files + links:
            os.replace(os.path.join(folder, name), os.path.join(there, name))


def forget(part: str) -> None:
    """Removes what did not become whole."""
    if os.path.lexists(part):
        os.unlink(part)


def offer(path: str, lasts: bool) -> Dict[str, Any]:
    """A file that can be pulled: the file itself, or an archive of a folder, with what removes it if the session
    `lasts`. Raises OSError."""
    source = os.path.abspath(os.path.expanduser(path))
    if not os.path.isdir(source):
        status = os.stat(source)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(22, "Neither a file nor a folder", source)
        return {"name": os.path.basename(source), "path": source, "mode": stat.S_IMODE(status.st_mode), "part": "",
                "size": status.st_size}
    descriptor, part = tempfile.mkstemp(prefix=PART)
    try:
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w") as archive:
            archive.add(source, ".")
    except BaseException:
        forget(part)
        raise
    return {"name": os.path.basename(source), "path": part, "mode": 0, "part": part,
            "size": os.path.getsize(part), "guard": Part(part) if lasts else None}
