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

#: The modules that every session needs: first what deploys them, the others in an order that compresses well. What
#: is not among them is asked for when a host first needs it.
_CORE = tuple(
    (
        "deployment __init__ arriving __main__ holding output conversation cancelling guard ending surroundings "
        "execute objects overlay serve protocol/errors stepping protocol/weights protocol/operators protocol/peer "
        "protocol/messages protocol/special protocol/failures protocol/values raising protocol/pickled "
        "protocol/jsoned protocol/frames protocol/__init__ describe"
    ).split()
)
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
    core = _archive((name, files.pop(name)) for name in (f"{_PACKAGE}/{module}.py" for module in _CORE))
    rest = _archive(files.items())
    digest = hashlib.sha256(core + rest).hexdigest()[:16]
    return Bundle(f"endpoint-{digest}", zlib.compress(core, 9), zlib.compress(rest, 9))


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
