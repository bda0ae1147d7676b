"""The lines of known_hosts files.

Rules: a line that cannot be read is passed over, as OpenSSH does, and never hides another one; files that are
not there are empty. Nothing but the end of a file is ever written.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ...errors import ConnectorError
from .patterns import matches

#: What stands in front of a line that is not about a host's own key.
AUTHORITY, REVOKED = "@cert-authority", "@revoked"


class Entry(NamedTuple):
    """A key that a file tells of: `blob` is the public key as it travels."""

    marker: str
    names: str
    key_type: str
    blob: bytes
    path: str
    number: int

    def is_of(self, name: str) -> bool:
        """Whether this is about a host: ``example.org`` or ``[example.org]:2222``."""
        if self.names.startswith("|1|"):
            return _is_hash_of(self.names, name)
        return matches(name, self.names.split(","))


def read(paths: Iterable[str]) -> list[Entry]:
    """All that the files tell. Raises ConnectorError if one is there and cannot be read."""
    return [entry for path in paths for entry in _entries(path)]


def _entries(path: str) -> Iterator[Entry]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConnectorError(f"cannot read the known hosts in {path}: {error.strerror}").at("configuration") from error
    for number, line in enumerate(lines, 1):
        fields = line.split()
        marker = fields.pop(0) if fields and fields[0].startswith("@") else ""
        if len(fields) < 3 or fields[0].startswith("#"):
            continue
        try:
            blob = base64.b64decode(fields[2], validate=True)
        except binascii.Error:
            continue  # OpenSSH passes over it too
        yield Entry(marker, fields[0], fields[1], blob, path, number)


def _is_hash_of(hashed: str, name: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in hashed.split("|")[2:4])
    except ValueError:
        return False  # not the form |1|salt|digest
    return hmac.compare_digest(_digest(salt, name), digest)


def _digest(salt: bytes, name: str) -> bytes:
    return hmac.digest(salt, name.encode(), "sha1")


def fingerprint(blob: bytes) -> str:
    """A key's fingerprint as OpenSSH shows it: ``SHA256:...``."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def remember(path: str, name: str, key_type: str, blob: bytes, hashed: bool) -> None:
    """Adds a host's key to a file. Raises OSError."""
    if hashed:
        salt = os.urandom(20)
        parts = (base64.b64encode(part).decode() for part in (salt, _digest(salt, name)))
        name = "|1|" + "|".join(parts)
    line = f"{name} {key_type} {base64.b64encode(blob).decode()}\n".encode()
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(path, "a+b") as file:
        if os.path.isfile(path) and file.tell():
            file.seek(-1, os.SEEK_END)
            line = line if file.read(1) == b"\n" else b"\n" + line
        file.write(line)
