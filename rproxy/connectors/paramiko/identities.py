"""The keys by which a user may log in, in the order in which they are tried.

Rules: what the user chose comes before what is usual, keys of the agent before files, and files with a passphrase
last, so that nobody is asked in vain; a certificate is tried before its bare key. A file that is of no use is
told of in the error, if the login fails.
"""

import base64
import copy
import os
import socket
from collections.abc import Iterator
from typing import Any, NamedTuple

import paramiko

from .asking import Asker
from .known_hosts import fingerprint
from .settings import Settings

#: How often a passphrase is asked for, as OpenSSH does.
TRIES = 3


class Identity(NamedTuple):
    """A key to try: what it is called, and paramiko's key."""

    label: str
    key: Any


class Identities:
    """A user's keys for one host; `notes` tells what of them could not be used."""

    def __init__(self, settings: Settings, asker: Asker, chosen: set[str]) -> None:
        self._settings, self._asker, self._chosen = settings, asker, chosen
        self._agent: Any = None
        self.notes: list[str] = []

    def __iter__(self) -> Iterator[Identity]:
        files = [path for path in self._settings.identities if self._there(path)]
        explicit = [path for path in files if path in self._chosen]
        usual = [path for path in files if path not in self._chosen]
        seen: set[bytes] = set()
        for identity in self._all(explicit, usual):
            whole = getattr(identity.key, "public_blob", None)
            blob = identity.key.asbytes() if whole is None else whole.key_blob
            if blob not in seen:
                seen.add(blob)
                yield identity

    def _all(self, explicit: list[str], usual: list[str]) -> Iterator[Identity]:
        held = list(self._of_agent())
        named = {blob for path in [*explicit, *usual] if (blob := _public_blob(path)) is not None}
        chosen = {blob for path in explicit if (blob := _public_blob(path)) is not None}
        yield from (identity for identity in held if identity.key.asbytes() in chosen)
        yield from self._of_files(explicit)
        only = self._settings.identities_only
        yield from (identity for identity in held if not only or identity.key.asbytes() in named)
        yield from self._of_files(usual)

    def close(self) -> None:
        if self._agent is not None:
            self._agent._close()

    # -- the agent -------------------------------------------------------------------------------------

    def _of_agent(self) -> Iterator[Identity]:
        path = self._settings.agent
        if path is None:
            return
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(self._settings.connect_timeout)
            connection.connect(path)
            self._agent = paramiko.agent.AgentSSH()
            self._agent._connect(connection)  # paramiko.Agent knows no other agent than SSH_AUTH_SOCK
            connection.settimeout(None)  # its keys may want a touch of the user's
        except (OSError, paramiko.SSHException) as error:
            self.notes.append(f"the agent at {path} does not answer: {error}")
            return
        for key in self._agent.get_keys():
            yield Identity(f"key {fingerprint(key.asbytes())} of the agent", key)

    # -- files -----------------------------------------------------------------------------------------

    def _there(self, path: str) -> bool:
        if os.path.exists(path) or path in self._chosen:  # of the chosen the agent may hold what is not there
            return True
        if self._settings.chosen_identities:
            self.notes.append(f"{path} is not there")
        return False

    def _of_files(self, paths: list[str]) -> Iterator[Identity]:
        locked = []
        for path in paths:
            try:
                key = self._load(path, None)
            except paramiko.PasswordRequiredException:
                locked.append(path)
            else:
                if key is not None:
                    yield from self._with_certificates(path, key)
        for path in locked:
            key = self._unlock(path)
            if key is not None:
                yield from self._with_certificates(path, key)

    def _load(self, path: str, passphrase: str | None) -> Any:
        """The private key of a file; None if it holds none that paramiko can read."""
        troubles = []
        for kind in _kinds(path):
            try:
                return kind.from_private_key_file(path, passphrase)
            except paramiko.PasswordRequiredException:
                raise
            except (paramiko.SSHException, ValueError, TypeError) as error:
                troubles.append(str(error))  # of this kind it is not
            except OSError as error:
                self.notes.append(f"{path} cannot be read: {error.strerror}")
                return None
        if passphrase is None and _public_blob(path) is None:
            self.notes.append(f"{path} holds no private key that paramiko reads; ssh-keygen -p -f rewrites it")
        return None

    def _unlock(self, path: str) -> Any:
        if not self._asker.can_ask:
            self.notes.append(f"{path} has a passphrase, and nobody to ask for it: pass ask=, or use an agent")
            return None
        for _ in range(TRIES):
            passphrase = self._asker.answer(f"Enter passphrase for key '{path}': ")
            if not passphrase:
                self.notes.append(f"{path} has a passphrase, which was not given")
                return None
            key = self._load(path, passphrase)
            if key is not None:
                return key
        self.notes.append(f"{path}: none of {TRIES} passphrases opens it")
        return None

    def _with_certificates(self, path: str, key: Any) -> Iterator[Identity]:
        """A key with each certificate that is for it, then the key alone."""
        for certificate in [path + "-cert.pub", *self._settings.certificates]:
            if not os.path.exists(certificate):
                continue
            signed = copy.copy(key)
            try:
                signed.load_certificate(certificate)
            except (ValueError, OSError, paramiko.SSHException) as error:
                if certificate.startswith(path):  # others may be for other keys
                    self.notes.append(f"the certificate {certificate} cannot be used: {error}")
                continue
            if _certified(signed) == key.asbytes():
                yield Identity(f"{path} with the certificate {certificate}", signed)
        yield Identity(path, key)


def _kinds(path: str) -> list[Any]:
    """What a file's key may be: paramiko finds out only by trying, which takes long with a passphrase."""
    kinds = {b"ssh-ed25519": paramiko.Ed25519Key, b"ecdsa-sha2-": paramiko.ECDSAKey, b"ssh-rsa": paramiko.RSAKey}
    try:
        with open(path, "rb") as file:
            data = base64.b64decode(b"".join(line for line in file.read(1 << 16).split() if b"-" not in line))
    except (OSError, ValueError):
        data = b""
    named = [kind for name, kind in kinds.items() if name in data]  # the public key in it is not encrypted
    return named or list(kinds.values())


def _certified(key: Any) -> bytes | None:
    """The bare public key in a key's certificate."""
    try:
        return type(key)(data=key.public_blob.key_blob).asbytes()  # type: ignore[no-any-return]
    except paramiko.SSHException:
        return None  # it is for a key of another type


def _public_blob(path: str) -> bytes | None:
    """The public key beside a private one, or in the file itself, for finding it in the agent."""
    for candidate in (path + ".pub", path):
        try:
            blob = paramiko.pkey.PublicBlob.from_file(candidate)
        except (OSError, ValueError, UnicodeDecodeError, paramiko.SSHException):
            continue  # then it is not a public key
        return blob.key_blob  # type: ignore[no-any-return]
    return None
