"""The endpoint as one archive, named by its content.

The archive is a zip of stored files with fixed dates, so that every installation of one version makes the
same bytes, whatever its zlib; it travels compressed as a whole. It holds the endpoint's package and the file
``contents``, which tells the size of each file: by that a host sees whether an endpoint is whole.
"""

import functools
import gzip
import hashlib
import importlib.resources
import io
import tarfile
import zipfile
import zlib
from importlib.resources.abc import Traversable
from typing import NamedTuple


class Bundle(NamedTuple):
    """`name` is the folder that the endpoint has on a host; `archive` is the zip."""

    name: str
    archive: bytes

    @property
    def packed(self) -> bytes:
        """The archive as it travels, where it is not there yet."""
        return zlib.compress(self.archive, 9)


@functools.cache
def bundle() -> Bundle:
    """The endpoint that this installation deploys."""
    files = sorted(_sources(importlib.resources.files("rproxy_endpoint"), "rproxy_endpoint"))
    contents = "".join(f"{len(data)} {name}\n" for name, data in files) + "end\n"
    data = _zipped([*files, ("contents", contents.encode())])
    digest = hashlib.sha256(data).hexdigest()[:16]
    return Bundle(f"endpoint-{digest}", data)


def release() -> bytes:
    """The archive that is deployed by hand, as .tar.gz: the endpoint's folder, and the script that puts it there."""
    found = bundle()
    script = importlib.resources.files(__package__).joinpath("remote", "deploy.sh").read_bytes()
    with zipfile.ZipFile(io.BytesIO(found.archive)) as packed:
        files = [(f"{found.name}/{name}", packed.read(name)) for name in packed.namelist()]
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in [("deploy.sh", script), *files]:
            entry = tarfile.TarInfo(f"rproxy-endpoint/{name}")
            entry.size, entry.mode = len(data), 0o755 if name == "deploy.sh" else 0o644
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(memory.getvalue(), 9, mtime=0)


def _zipped(files: list[tuple[str, bytes]]) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3  # as on Unix, wherever it is made
            archive.writestr(entry, data)
    return memory.getvalue()


def _sources(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        name = f"{prefix}/{entry.name}"
        if entry.is_dir() and entry.name != "__pycache__":
            found += _sources(entry, name)
        elif entry.name.endswith(".py"):
            found.append((name, entry.read_bytes()))
    return found
