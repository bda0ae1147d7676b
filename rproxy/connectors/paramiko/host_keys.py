"""Whether a host is the one that we mean.

Rules: a revoked key is refused always, and so is one that is not the known one of its type; an unknown one is
refused unless the user has said otherwise beforehand. A certificate counts if an authority that known_hosts
names for this host has signed it; else the key in it is looked at like any other.
"""

from typing import Any

from ... import log
from ...errors import HostKeyError
from . import known_hosts
from .host_certificates import Certificate
from .known_hosts import AUTHORITY, REVOKED, Entry
from .settings import Options, Settings


class KnownHost:
    """What known_hosts tells of one host. Raises ConnectorError."""

    def __init__(self, settings: Settings, options: Options) -> None:
        self._settings, self._options = settings, options
        entries = known_hosts.read([*settings.known_hosts, *settings.system_known_hosts])
        of_host = [entry for entry in entries if entry.is_of(settings.key_name)]
        # As in OpenSSH: what is known of the host without a port is good for every port, though never bad.
        self._portless = [entry for entry in entries if entry.is_of(settings.hostname.lower())]
        self._revoked = [entry for entry in {*of_host, *self._portless} if entry.marker == REVOKED]
        self._authorities = [entry for entry in of_host if entry.marker == AUTHORITY]
        self._keys = [entry for entry in of_host if not entry.marker]

    def preferred(self, algorithms: tuple[str, ...]) -> tuple[str, ...]:
        """The algorithms by which the host may prove itself, those first that fit what is known of it."""
        known = {entry.key_type for entry in self._keys}
        fitting = [name for name in algorithms if known & {name, "ssh-rsa" if name.startswith("rsa-") else name}]
        certified = [f"{name}-cert-v01@openssh.com" for name in algorithms] if self._authorities else []
        return tuple(dict.fromkeys([*certified, *fitting, *algorithms]))

    def check(self, key: Any) -> None:
        """Raises HostKeyError unless this key, as the transport got it, is the host's."""
        signed = getattr(key, "public_blob", None)
        certificate = None if signed is None else Certificate(signed.key_blob)
        key_type, blob = key.get_name(), key.asbytes()
        self._refuse_revoked(key_type, {blob, certificate.authority if certificate else blob})
        if certificate is not None and any(entry.blob == certificate.authority for entry in self._authorities):
            trouble = certificate.trouble(self._settings.bare_key_name)
            if trouble is None:
                return
            if not self._keys:
                raise HostKeyError(f"{self._who} shows a certificate that {trouble}. Have it signed again there.")
        same_type = [entry for entry in self._keys if entry.key_type == key_type]
        if any(entry.blob == blob for entry in [*same_type, *(e for e in self._portless if not e.marker)]):
            return
        if same_type:
            raise self._changed(key_type, blob, same_type[0])
        self._meet(key_type, blob)

    @property
    def _who(self) -> str:
        settings = self._settings
        return settings.key_name if settings.alias in settings.key_name else f"{settings.alias} ({settings.key_name})"

    def _refuse_revoked(self, key_type: str, blobs: set[bytes]) -> None:
        for entry in self._revoked:
            if entry.blob in blobs:
                raise HostKeyError(
                    f"{self._who} shows a key that {entry.path} marks as revoked in line {entry.number} "
                    f"({key_type}, {known_hosts.fingerprint(entry.blob)}). Somebody may pose as it: do not connect "
                    "before its administrator has given it a new key."
                )

    def _changed(self, key_type: str, blob: bytes, entry: Entry) -> HostKeyError:
        mend = (
            "Ask its administrator. If the new key is right, remove the old one with\n"
            f"  ssh-keygen -R '{self._settings.key_name}' -f '{entry.path}'"
        )
        return HostKeyError(
            f"the host key of {self._who} has changed. Somebody may pose as it, or it was set up anew.\n"
            f"  it shows    {key_type} {known_hosts.fingerprint(blob)}\n"
            f"  known was   {key_type} {known_hosts.fingerprint(entry.blob)} ({entry.path}, line {entry.number})\n"
            + mend
        ).at("host key", mend)

    # -- a key never seen ------------------------------------------------------------------------------

    def _meet(self, key_type: str, blob: bytes) -> None:
        """Raises HostKeyError unless the user accepts this key."""
        shown, options, settings = known_hosts.fingerprint(blob), self._options, self._settings
        if options.accept_host_key is not None:
            if same_fingerprint(options.accept_host_key, shown):
                return
            raise HostKeyError(
                f"{self._who} shows the host key {key_type} {shown}, and accept_host_key= names another: "
                f"{options.accept_host_key}"
            )
        if options.on_new_host_key is not None:
            accepted = bool(options.on_new_host_key(settings.key_name, key_type, shown))
            refusal = "on_new_host_key= does not accept it"
        else:
            accepted = settings.new_host_keys == "accept"
            refusal = "nothing says that it is the right one"
        if not accepted:
            raise self._unknown(key_type, shown, refusal)
        if settings.known_hosts:
            path = settings.known_hosts[0]
            try:
                known_hosts.remember(path, settings.key_name, key_type, blob, settings.hash_known_hosts)
            except OSError as error:  # as OpenSSH does: it is asked about again the next time
                log.info("connector", "cannot add the key of %s to %s: %s", settings.key_name, path, error.strerror)

    def _unknown(self, key_type: str, shown: str, refusal: str) -> HostKeyError:
        others = {entry.key_type for entry in self._keys}
        beside = f" (known are keys of other types: {', '.join(sorted(others))})" if others else ""
        looked = " and ".join(self._settings.known_hosts[:1] or ["no file"])
        short = key_type.removeprefix("ssh-").split("-")[0]
        mend = (
            f"Compare it with what the host says of itself (ssh-keygen -lf /etc/ssh/ssh_host_{short}_key.pub), then "
            f"pass accept_host_key={shown!r}, or on_new_host_key= a function that is asked, or log in by ssh once."
        )
        return HostKeyError(
            f"the host key of {self._who} is not known{beside}, and {refusal}.\n"
            f"  it shows    {key_type} {shown}\n"
            f"  looked in   {looked}\n{mend}"
        ).at("host key", mend)


def same_fingerprint(given: str, shown: str) -> bool:
    """Whether a user's fingerprint is the one that is shown; ``sha256:`` and a ``=`` at the end do not matter."""
    kind, _, value = given.strip().partition(":")
    return kind.upper() == "SHA256" and value.rstrip("=") == shown.partition(":")[2]
