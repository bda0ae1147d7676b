"""What a person wants to know of a host, asked for by name like any other function."""

import importlib
import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from typing import Any, Dict, Optional, Tuple


def gather() -> Dict[str, Any]:
    """Python, platform, cores and memory of this host."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:
        cores = os.cpu_count() or 1
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "host": platform.node(),
        "cores": cores,
        "memory": memory(),
    }


def memory() -> Optional[int]:
    """Physical memory in bytes, or None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def room(folder: str) -> Dict[str, Any]:
    """Whether files can be written in a folder, or in the nearest one above it that exists.

    `free` is in bytes, None where the system does not tell; `trouble` is "" or why a megabyte cannot be written.
    """
    path = os.path.expanduser(folder)
    if path.startswith("~"):
        return {"path": folder, "free": None, "trouble": "this user has no home"}
    path = place = os.path.abspath(path)
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    free, trouble = None, ""
    try:
        free = shutil.disk_usage(place).free
        with tempfile.TemporaryFile(dir=place, buffering=0) as file:  # a quota shows only so
            data = memoryview(bytes(1 << 20))
            while data:
                data = data[file.write(data) or 0 :]
            os.fsync(file.fileno())
    except OSError as error:
        trouble = "%s: %s" % (place, error.strerror or error)
    return {"path": path, "free": free, "trouble": trouble}


def has_module(name: str) -> bool:
    """Whether a module can be found, without importing it (its packages are imported)."""
    if name in sys.modules:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def version(name: str) -> Tuple[bool, Optional[str]]:
    """Whether a module can be imported, and its version: of its distribution, else its own `__version__`."""
    try:
        module = importlib.import_module(name)
    except ImportError:
        return False, None
    try:
        metadata = importlib.import_module("importlib.metadata")  # 3.8 and newer
        return True, str(metadata.version(name))  # type: ignore[attr-defined, unused-ignore]
    except Exception:  # no such distribution, or no such module: then what the module says of itself
        found = getattr(module, "__version__", None)
        return True, None if found is None else str(found)
