"""The client's own packages, which this host lacks: as files, at the end of sys.path.

Rules: whatever this host has wins; they are real files, so that data beside them, tracebacks, the processes of
multiprocessing and everything else that reads modules finds them; a package that comes in a new version takes
the place of the old one; the files go when the last process that may use them does, whatever ends it.
"""

import importlib
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from typing import Any, Dict, List, Sequence, Tuple

#: Waits until nobody holds the other end of its input, and removes a folder.
REMOVE = 'read line; rm -rf -- "$1"'


def lacking(names: Sequence[str]) -> List[str]:
    """Those of the top-level modules that cannot be imported here. A namespace package does not count: others
    may add to it."""
    return [name for name in names if not _is_here(name)]


def _is_here(name: str) -> bool:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin not in (None, "namespace")


class Packages:
    """The packages of one client. They go to `folder`, which somebody else removes, or to one of their own
    in `tmp`."""

    def __init__(self, folder: str, tmp: str) -> None:
        self._folder = folder
        self._tmp = tmp
        self._places: Dict[str, str] = {}
        self._guard: Any = None

    def take(self, packages: Dict[str, Tuple[str, bytes]]) -> None:
        """Makes packages importable."""
        for name, (version, archive) in packages.items():
            place = os.path.join(self._root(), "package-" + version)
            if not os.path.isdir(place):
                _unpack(archive, place)
            old = self._places.get(name)
            if old != place:
                if old in sys.path:
                    sys.path.remove(old)
                    _forget(name, old)
                sys.path.append(place)
                self._places[name] = place
        importlib.invalidate_caches()

    def _root(self) -> str:
        if not self._folder:
            self._folder = _new_folder(self._tmp)
            self._guard = _guard(self._folder)
        return self._folder


def _new_folder(tmp: str) -> str:
    tmp = os.path.expanduser(tmp)
    try:
        os.makedirs(tmp, 0o700, exist_ok=True)
        return tempfile.mkdtemp(prefix="session-", dir=tmp)
    except OSError:
        return tempfile.mkdtemp(prefix="rproxy-session-")


def _guard(folder: str) -> Any:
    """Starts what removes a folder: its input ends when this process does, and those that were forked from it."""
    reader, writer = os.pipe()
    guard = subprocess.Popen(
        ["/bin/sh", "-c", REMOVE, "sh", folder], stdin=reader, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        cwd="/", start_new_session=True,
    )
    os.close(reader)
    guard.returncode = 0  # nobody waits for it: it outlives this process
    return guard, writer


def _unpack(archive: bytes, place: str) -> None:
    """Unpacks into a folder in one step: whoever looks sees all of it or nothing."""
    fresh = tempfile.mkdtemp(prefix=".new-", dir=os.path.dirname(place))
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as packed:
            packed.extractall(fresh)
        os.rename(fresh, place)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        if not os.path.isdir(place):  # else another command was faster
            raise


def _forget(name: str, place: str) -> None:
    """Has the next import of a package, and of what is in it, find the new one."""
    for loaded, module in list(sys.modules.items()):
        if (loaded + ".").startswith(name + "."):
            spec = getattr(module, "__spec__", None)
            if spec is not None and (spec.origin in (None, "namespace") or spec.origin.startswith(place + os.sep)):
                del sys.modules[loaded]
