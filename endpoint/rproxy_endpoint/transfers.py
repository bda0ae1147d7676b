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
    try:
        descriptor, part = tempfile.mkstemp(prefix=PART, dir=os.path.dirname(target))
    except OSError as error:
        error.filename = target  # the other name says nothing to whoever asked
        raise
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
    modes = {}
    try:
        with tarfile.open(part) as archive:
            archive.extraction_filter = lambda member, folder: member
            for member in archive:
                if member.isdir():  # the last thing that a folder gets is a mode that may keep its files in it
                    modes[os.path.normpath(member.name)], member.mode = member.mode, 0o700
            archive.extractall(fresh)  # noqa: S202 - the client's own
        join(fresh, target, modes)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        forget(part)


def join(fresh: str, target: str, modes: Dict[str, int]) -> None:
    """Makes a folder the target, or moves its files to the same places below one that is there; `modes` are those of
    the folders in it, by their paths."""
    if not os.path.lexists(target):
        os.rename(fresh, target)
    else:
        _merge(fresh, target)
    for name in sorted(modes, reverse=True):
        folder = os.path.join(target, name)
        try:
            if stat.S_IMODE(os.stat(folder).st_mode) != modes[name]:
                os.chmod(folder, modes[name])
        except PermissionError:
            pass  # somebody else's, who lets us write there


def _merge(fresh: str, target: str) -> None:
    for folder, folders, files in os.walk(fresh):
        there = os.path.normpath(os.path.join(target, os.path.relpath(folder, fresh)))
        if not os.path.isdir(there):
            os.mkdir(there, 0o700)
        elif not os.access(there, os.W_OK | os.X_OK):
            os.chmod(there, stat.S_IMODE(os.stat(there).st_mode) | 0o700)
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
        open(source, "rb").close()  # so that a refusal is told as what it is
        return {"name": os.path.basename(source), "path": source, "mode": stat.S_IMODE(status.st_mode), "part": "",
                "size": status.st_size}
    descriptor, part = tempfile.mkstemp(prefix=PART)
    try:
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w") as archive:
            archive.add(os.path.realpath(source), ".")
    except BaseException:
        forget(part)
        raise
    return {"name": os.path.basename(source), "path": part, "mode": 0, "part": part,
            "size": os.path.getsize(part), "guard": Part(part) if lasts else None}
