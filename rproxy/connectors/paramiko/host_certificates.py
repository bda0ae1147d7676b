"""Certificates of hosts, which paramiko receives and does not look at.

Rules: a certificate counts only if its authority's signature is right, it is one for hosts, it names this host,
its time has come and not gone, and it asks for nothing that is not known here.
"""

import time

import paramiko

from .patterns import matches

#: How many fields each type of key has after the nonce.
FIELDS = {"ssh-ed25519": 1, "ssh-rsa": 2, "ecdsa-sha2-nistp256": 2, "ecdsa-sha2-nistp384": 2, "ecdsa-sha2-nistp521": 2}
HOST = 2


class Certificate:
    """A certificate as it travels; `authority` is the public key that is said to have signed it."""

    def __init__(self, blob: bytes) -> None:
        fields = paramiko.Message(blob)
        key_type = fields.get_text().partition("-cert-v01@")[0]
        for _ in range(1 + FIELDS[key_type]):
            fields.get_string()
        fields.get_int64()  # its serial number
        self._kind = fields.get_int()
        self.name = fields.get_string().decode("utf-8", "replace")
        self._hosts = _texts(fields.get_string())
        self._from, self._until = fields.get_int64(), fields.get_int64()
        self._critical = fields.get_string()
        fields.get_string()  # extensions, which may be passed over
        fields.get_string()  # reserved
        self.authority = fields.get_string()
        self._signature = fields.get_string()
        self._signed = blob[: -4 - len(self._signature)]

    def trouble(self, name: str) -> str | None:
        """Why it does not count for a host of this name; None if it does."""
        now = time.time()
        if self._kind != HOST:
            return "is not one for hosts"
        if self._hosts and not matches(name, self._hosts):
            return f"is for {', '.join(self._hosts)}, not for {name}"
        if now < self._from:
            return "does not hold yet; are the clocks right?"
        if now >= self._until:
            return f"has expired on {time.strftime('%Y-%m-%d', time.gmtime(self._until))}"
        if self._critical:
            return "has options that are not known here"
        return None if self._is_signed() else "its authority has not signed"

    def _is_signed(self) -> bool:
        try:
            authority = paramiko.PKey.from_type_string(paramiko.Message(self.authority).get_text(), self.authority)
            return bool(authority.verify_ssh_sig(self._signed, paramiko.Message(self._signature)))
        except (paramiko.SSHException, paramiko.pkey.UnknownKeyType):
            return False  # a type of key that paramiko does not have


def _texts(packed: bytes) -> list[str]:
    """The strings of a list in a certificate."""
    fields, found = paramiko.Message(packed), []
    while fields.get_remainder():
        found.append(fields.get_string().decode("utf-8", "replace"))
    return found
