"""Puts an endpoint where it belongs, and old ones away.

Rules: whoever looks at a place sees all of an endpoint there or nothing; what is in use is never taken away, what
was not used for a week is. The time of an endpoint's folder is its last start, and whoever runs from it holds
a lock. This file is the first of an archive, and run before there is an endpoint: so it imports nothing of ours,
and little that takes long.
"""

import errno
import os
import sys
import zlib
from typing import Any, Dict, Iterator, Optional, Tuple

#: How long an endpoint, or what an interrupted deployment has left, stays without use, in seconds.
UNUSED = 7 * 86400
#: Where the modules of an endpoint are that runs from memory, as their `__file__` and tracebacks say.
MEMORY = "<memory>"


# -- deploying -----------------------------------------------------------------------------------------


def deploy_or_remember(root: str, name: str, packed: bytes, rest: bytes) -> str:
    """Where the endpoint is imported from: its folder, or MEMORY where that cannot be written."""
    if root:
        try:
            return deploy_whole(root, name, packed, rest) if rest else deploy(root, name, packed)
        except OSError:
            pass  # read-only, full, or not ours: it need not be deployed to run
    remember(packed)
    if rest:
        remember(rest)
    return MEMORY


def deploy_whole(root: str, name: str, packed: bytes, rest: bytes) -> str:
    """Deploys an endpoint with all that sessions else ask for; returns its folder. Raises OSError."""
    home = deploy(root, name, packed)
    deploy(os.path.join(home, "rproxy_endpoint"), "rest", rest)
    return home


def deploy(root: str, name: str, packed: bytes) -> str:
    """Unpacks an archive into its folder of `root`, which it returns. Raises OSError."""
    root = located(root)
    home = os.path.join(root, name)
    mask = os.umask(0o022)  # the folder is private; what is in it can be made readable as a whole
    try:
        os.makedirs(root, 0o700, exist_ok=True)
        fresh = _new_folder(root, ".new-")
        _fill(fresh, home, packed)
    finally:
        os.umask(mask)
    prune(root, name)
    return home


def _fill(fresh: str, home: str, packed: bytes) -> None:
    try:
        for name, data in unpacked(packed):
            path = os.path.join(fresh, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(data)
        _exchange(fresh, home)
    except BaseException:
        _remove(fresh)
        raise


def unpacked(packed: bytes) -> Iterator[Tuple[str, bytes]]:
    """The names and contents of an archive's files: a list of sizes and names, a line ``end``, the files."""
    data = zlib.decompress(packed)
    place = data.index(b"end\n") + 4
    contents = data[:place]
    for line in contents.decode().splitlines()[:-1]:
        size, name = line.split(" ", 1)
        yield name, data[place : place + int(size)]
        place += int(size)
    yield "contents", contents


def _new_folder(parent: str, prefix: str) -> str:
    folder = os.path.join(parent, prefix + "%x" % int.from_bytes(os.urandom(8), "big"))
    os.mkdir(folder, 0o700)
    return folder


def _remove(folder: str) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def located(folder: str) -> str:
    """A folder's absolute path. Raises OSError where this host does not tell what ~ is."""
    found = os.path.expanduser(folder)
    if found.startswith("~"):
        raise FileNotFoundError(errno.ENOENT, "this user has no home", folder)
    return os.path.abspath(found)


def _exchange(fresh: str, home: str) -> None:
    """Puts a whole endpoint in the place of what is there: none, another's of the same moment, or a broken one."""
    for _ in range(100):
        try:
            os.rename(fresh, home)
            return
        except OSError:
            if not os.path.isdir(home):
                raise
        try:
            _mend(fresh, home)
        except FileNotFoundError:
            continue  # it has just been removed
        except OSError:
            _discard(home)  # a file is in the place of a folder, or a folder in that of a file
        else:
            _remove(fresh)
            return
    raise OSError("%s is being changed by others all the time" % home)


def _mend(fresh: str, home: str) -> None:
    """Puts those files of a fresh endpoint into another folder that are not there: one by one, since others may have
    mended it meanwhile, and run from it."""
    for folder, _, files in os.walk(fresh):
        there = os.path.join(home, os.path.relpath(folder, fresh))
        if not os.path.isdir(there):
            os.makedirs(there, exist_ok=True)
        for file in files:
            path, target = os.path.join(folder, file), os.path.join(there, file)
            try:
                if os.stat(path).st_size == os.stat(target).st_size:
                    continue
            except FileNotFoundError:
                pass
            os.replace(path, target)


def _discard(folder: str) -> None:
    """Moves a folder away in one step, and removes it."""
    doomed = _new_folder(os.path.dirname(folder), ".old-")
    try:
        os.rename(folder, os.path.join(doomed, "it"))
    except OSError:
        pass  # somebody else was faster, or it is not ours
    _remove(doomed)


def prune(root: str, keep: str) -> None:
    """Removes endpoints that nobody uses any more, and what interrupted deployments have left."""
    now = os.stat(os.path.join(root, keep)).st_mtime  # by the clock of that file system
    for entry in os.listdir(root):
        folder = os.path.join(root, entry)
        ours = entry.startswith(("endpoint-", ".new-", ".old-")) and entry != keep
        try:
            status = os.stat(folder)
            shared = status.st_mode & 0o005  # with other users, whose starts do not show
            if ours and not shared and now - status.st_mtime > UNUSED and not in_use(folder):
                _discard(folder)
        except OSError:
            continue  # it has gone meanwhile


def in_use(folder: str) -> bool:
    """Whether another process runs from an endpoint's folder."""
    import fcntl

    try:
        descriptor = os.open(os.path.join(folder, "contents"), os.O_RDONLY)
    except OSError:
        return False  # nothing runs from what is not whole
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # no locks there
    finally:
        os.close(descriptor)
    return False


# -- without a folder ----------------------------------------------------------------------------------


def remember(packed: bytes) -> None:
    """Makes the endpoint's modules importable from memory."""
    sys.meta_path.insert(0, Remembered(dict(unpacked(packed))))  # type: ignore[arg-type, unused-ignore]


class Remembered:
    """Finds and loads the modules of an archive that is in memory; tracebacks show their source."""

    def __init__(self, files: Dict[str, bytes]) -> None:
        self._files = files

    def _locate(self, name: str) -> Optional[Tuple[str, bool]]:
        """The file of a module, and whether it is a package."""
        path = name.replace(".", "/")
        for file, package in ((path + "/__init__.py", True), (path + ".py", False)):
            if file in self._files:
                return file, package
        return None

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        found = self._locate(name)
        if found is None:
            return None
        from importlib.machinery import ModuleSpec

        origin = "%s/%s" % (MEMORY, found[0])
        spec = ModuleSpec(name, self, origin=origin, is_package=found[1])  # type: ignore[arg-type]
        spec.has_location = True
        return spec

    def create_module(self, spec: Any) -> None:
        """Nothing: Python's own modules will do."""

    def exec_module(self, module: Any) -> None:
        exec(self.get_code(module.__name__), module.__dict__)

    def get_code(self, name: str) -> Any:
        return compile(self.get_source(name), "%s/%s" % (MEMORY, self._find(name)[0]), "exec", dont_inherit=True)

    def get_source(self, name: str) -> str:
        return self._files[self._find(name)[0]].decode("utf-8")

    def is_package(self, name: str) -> bool:
        return self._find(name)[1]

    def _find(self, name: str) -> Tuple[str, bool]:
        found = self._locate(name)
        if found is None:
            raise ImportError("no module %s in the endpoint" % name, name=name)
        return found
