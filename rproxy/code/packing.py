"""The user's own modules, as archives.

Rules: a module is the user's own if its file is neither the standard library's nor in a folder of installed
distributions: so scripts, folders on `sys.path` and editable installs are. A package travels as a whole, with the
data in it; one that is compiled, or over the limit, does not travel, and says why.
"""

import hashlib
import importlib.machinery
import importlib.util
import io
import os
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

#: The most that the files of a package may have together, in bytes.
LIMIT = 4 << 20
#: Folders of installed distributions.
_INSTALLED = frozenset(("site-packages", "dist-packages"))
_NEVER = frozenset(("__main__", "__mp_main__", "rproxy", "rproxy_endpoint"))
_COMPILED = (*importlib.machinery.EXTENSION_SUFFIXES, ".so", ".pyd", ".dll", ".dylib")


class Own(NamedTuple):
    """A top-level module of the user's: its name, and its files or the folders of the package."""

    name: str
    paths: tuple[Path, ...]

    def source_of(self, module: str) -> Path | None:
        """The file of a module in it, or None if there is no such module."""
        parts = module.split(".")[1:]
        for path in self.paths:
            if not path.is_dir():
                if not parts:
                    return path
                continue
            below = path.joinpath(*parts)
            for file in (below / "__init__.py", below.with_name(below.name + ".py") if parts else below):
                if file.is_file():
                    return file
        return None

    def modules(self, module: str) -> Iterator[str]:
        """The names of a module in it and of all that are in that."""
        yield module
        for path in self.paths:
            below = path.joinpath(*module.split(".")[1:])
            for file in _walk(below) if below.is_dir() else []:
                name = ".".join((module, *file.relative_to(below).with_suffix("").parts)).removesuffix(".__init__")
                if file.suffix == ".py" and all(part.isidentifier() for part in name.split(".")):
                    yield name

    def is_package(self, module: str) -> bool:
        """Whether a module in it has modules in it."""
        parts = module.split(".")[1:]
        return any(path.joinpath(*parts).is_dir() for path in self.paths)


class Archive(NamedTuple):
    """A package as it travels."""

    name: str
    version: str
    content: bytes


class Unsendable(Exception):
    """A package that cannot travel; its text is the reason."""


def own(name: str) -> Own | None:
    """The user's own top-level module of that name; None if there is none, or it is not theirs."""
    if name in sys.stdlib_module_names or name in _NEVER or not name.isidentifier():
        return None
    loaded = sys.modules.get(name)
    spec = getattr(loaded, "__spec__", None)
    if spec is None and loaded is None:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            return None
    if spec is None:
        return None
    found = spec.submodule_search_locations
    places = [spec.origin] if found is None else list(found)
    paths = tuple(dict.fromkeys(Path(os.path.abspath(place)) for place in places if place and _is_own(place)))
    return Own(name, paths) if paths else None


def _is_own(place: str) -> bool:
    path = Path(os.path.abspath(place))
    standard = sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")
    return path.exists() and _INSTALLED.isdisjoint(path.parts) and not any(map(path.is_relative_to, standard))


def pack(module: Own) -> Archive:
    """Its archive, named by its content. Raises Unsendable."""
    digest, memory = hashlib.sha256(), io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in sorted(_files(module).items()):
            data = file.read_bytes()
            digest.update(b"%s\0%d\0" % (name.encode("utf-8", "surrogateescape"), len(data)))
            digest.update(data)
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100644 | (file.stat().st_mode & 0o111)) << 16
            archive.writestr(entry, data)
    return Archive(module.name, digest.hexdigest()[:20], memory.getvalue())


def _files(module: Own) -> dict[str, Path]:
    """The files of a package that are worth to travel, by their names in the archive.

    The name is the module's: an editable install may have another one for the folder. Of two folders of a namespace
    the first one that has a file counts, as for imports.
    """
    found: dict[str, Path] = {}
    size = 0
    for path in module.paths:
        for file in _walk(path) if path.is_dir() else [path]:
            if file.name.endswith(_COMPILED):
                raise Unsendable(f"it is compiled for this machine ({file})")
            own_size = file.stat().st_size
            size += own_size
            if size > LIMIT:
                raise Unsendable(
                    f"its files have more than {LIMIT >> 20} MiB together ({file} alone has {own_size / (1 << 20):.1f})"
                )
            below = file.relative_to(path).as_posix() if path.is_dir() else ""
            found.setdefault(f"{module.name}/{below}" if below else module.name + file.suffix, file)
    return found


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__pycache__")
        for name in sorted(files):
            file = Path(parent, name)
            if not name.startswith(".") and not name.endswith((".pyc", ".pyo")) and file.is_file():
                yield file
