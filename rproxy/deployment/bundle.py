"""The endpoint as it travels, named by its content.

Rules: every installation of one version makes the same bytes; comments, docstrings and annotations stay here, and the
lines keep their numbers. There are two archives: what each session needs, and the rest, which goes to a host when
something in it is first needed there. An archive is a list of sizes and names, the line ``end``, and the files; it
travels compressed. The list is kept beside the files as ``contents``: by that a host sees whether they are whole.
"""

import functools
import os
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import rproxy_endpoint.protocol

from . import keeping

File = tuple[str, bytes]

#: What every session begins with: first what deploys it. What these import as they are loaded goes along; the others
#: are asked for when a host first needs them.
_FIRST = ("deployment", "__init__", "__main__", "serve", "greeting", "holding", "overlay")
#: An order that compresses well, found by trial: 2 % less than as they import each other. The rest comes after.
_ORDER = """
deployment holding __init__ ending guard output arriving conversation silence cancelling serve __main__ execute objects
overlay greeting protocol/__init__ protocol/jsoned protocol/messages protocol/peer describe protocol/failures
protocol/values protocol/jsontext protocol/pickled protocol/errors protocol/special protocol/plain protocol/frames
protocol/memory
""".split()
_PACKAGE = "rproxy_endpoint"
#: Where the rest is in the folder of the endpoint.
REST = f"{_PACKAGE}/rest"


class Bundle(NamedTuple):
    """`name` is the folder that the endpoint has on a host; `packed` is what every session needs, `rest` the rest."""

    name: str
    packed: bytes
    rest: bytes

    @property
    def archive(self) -> bytes:
        """All of it as it is, uncompressed."""
        return zlib.decompress(self.packed) + zlib.decompress(self.rest)


@functools.cache
def bundle() -> Bundle:
    """The endpoint that this installation deploys."""
    folder = os.path.dirname(os.path.dirname(rproxy_endpoint.protocol.__file__))
    return Bundle(*keeping.kept([folder, os.path.dirname(__file__)], lambda: _make(folder)))


def _make(folder: str) -> Bundle:
    import hashlib

    from .slimming import slim

    files = {name: slim(data) for name, data in sorted(_sources(folder))}
    core = _archive((name, files.pop(name)) for name in _core(files))
    rest = _archive(files.items())
    digest = hashlib.sha256(core + rest).hexdigest()[:16]
    return Bundle(f"endpoint-{digest}", zlib.compress(core, 9), zlib.compress(rest, 9))


def _core(files: dict[str, bytes]) -> list[str]:
    """The names of the files that every session needs."""
    found = [f"{_PACKAGE}/{name}.py" for name in _FIRST]
    for name in found:  # it grows meanwhile
        found += dict.fromkeys(one for one in _imported(name, files) if one not in found)
    places = {f"{_PACKAGE}/{name}.py": place for place, name in enumerate(_ORDER)}
    return sorted(found, key=lambda name: places.get(name, len(places)))


def _imported(name: str, files: dict[str, bytes]) -> Iterator[str]:
    """The files of the endpoint that a file imports as it is loaded."""
    import ast

    for node in ast.parse(files[name]).body:
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = "/".join([*name.split("/")[: -node.level], *filter(None, (node.module or "").split("."))])
            places = [folder, f"{folder}/__init__", *(f"{folder}/{alias.name}" for alias in node.names)]
            places.append(f"{folder.rpartition('/')[0]}/__init__")
            yield from (f"{place}.py" for place in places if f"{place}.py" in files)


def release() -> bytes:
    """The archive that is deployed by hand, as .tar.gz: the endpoint's folder, and the script that puts it there."""
    import gzip
    import io
    import tarfile

    found = bundle()
    files = [(f"{found.name}/{name}", data) for name, data in _unpacked(found.packed)]
    files += [(f"{found.name}/{REST}/{name}", data) for name, data in _unpacked(found.rest)]
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in [("deploy.sh", read_remote("deploy.sh")), *files]:
            entry = tarfile.TarInfo(f"rproxy-endpoint/{name}")
            entry.size, entry.mode = len(data), 0o755 if name == "deploy.sh" else 0o644
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(memory.getvalue(), 9, mtime=0)


def read_remote(name: str) -> bytes:
    """A script that runs there. By this package's own loader: importlib.resources takes longer to import."""
    assert __spec__.loader is not None
    data: bytes = __spec__.loader.get_data(os.path.join(os.path.dirname(__file__), "remote", name))  # type: ignore[attr-defined]
    return data


def _archive(files: Iterable[File]) -> bytes:
    found = list(files)
    contents = "".join(f"{len(data)} {name}\n" for name, data in found) + "end\n"
    return b"".join([contents.encode(), *(data for _, data in found)])


def _unpacked(packed: bytes) -> Iterator[File]:
    data = zlib.decompress(packed)
    place = data.index(b"end\n") + len(b"end\n")
    contents = data[:place]
    yield "contents", contents
    for line in contents.decode().splitlines()[:-1]:
        size, _, name = line.partition(" ")
        yield name, data[place : place + int(size)]
        place += int(size)


def _sources(folder: str) -> Iterator[File]:
    if not os.path.isdir(folder):  # rproxy is imported from a zip file
        yield from _sources_in_zip()
        return
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            if name.endswith(".py"):
                path = os.path.join(parent, name)
                with open(path, "rb") as file:
                    yield f"{_PACKAGE}/{os.path.relpath(path, folder)}".replace(os.sep, "/"), file.read()


def _sources_in_zip() -> Iterator[File]:
    from importlib import resources

    waiting = [(_PACKAGE, resources.files(_PACKAGE))]
    for prefix, folder in waiting:  # it grows meanwhile
        for entry in folder.iterdir():
            if entry.is_dir():
                waiting.append((f"{prefix}/{entry.name}", entry))
            elif entry.name.endswith(".py"):
                yield f"{prefix}/{entry.name}", entry.read_bytes()
