"""The endpoint as one archive, named by its content.

The archive is a zip of stored files with fixed dates, so that every installation of one version makes the
same bytes, whatever its zlib; it travels compressed as a whole.
"""

import functools
import hashlib
import importlib.resources
import io
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
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3  # as on Unix, wherever it is made
            archive.writestr(entry, data)
    data = memory.getvalue()
    digest = hashlib.sha256(data).hexdigest()[:16]
    return Bundle(f"endpoint-{digest}", data)


def _sources(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        name = f"{prefix}/{entry.name}"
        if entry.is_dir() and entry.name != "__pycache__":
            found += _sources(entry, name)
        elif entry.name.endswith(".py"):
            found.append((name, entry.read_bytes()))
    return found
