"""Keys and certificates of a test run, made by ssh-keygen.

Rules: nothing of the user's is read; every key is ed25519, which is made in an instant.
"""

import shutil
import subprocess
from pathlib import Path

#: What opens the key `locked`; the quote must survive every prompt.
PASSPHRASE = "open it's me"


class Keys:
    """A folder of keys: `host` and `other_host` are servers', the others users'.

    `user` is the one that a server accepts unless it is told otherwise, `locked` another that it accepts, with
    `PASSPHRASE`; `stranger` is accepted nowhere; `signed` only by a server that trusts `user_ca`, by its
    certificate beside it. `host_ca` has signed a certificate for `host`.
    `empty_config` is an ssh_config that says nothing, so that the user's own is not read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("host", "other_host", "host_ca", "user_ca", "user", "stranger", "signed"):
            self._make(name)
        self._make("locked", PASSPHRASE)
        self.empty_config = str(folder / "empty_config")
        Path(self.empty_config).write_text("")

    def _make(self, name: str, passphrase: str = "") -> None:
        keygen("-q", "-t", "ed25519", "-C", f"{name} of the tests", "-N", passphrase, "-f", str(self.folder / name))

    def __getitem__(self, name: str) -> str:
        """The path of a private key."""
        return str(self.folder / name)

    def public(self, name: str) -> str:
        """A public key as it is written in files: its type, its text, its comment."""
        return (self.folder / f"{name}.pub").read_text().strip()

    def bare(self, name: str) -> str:
        """A public key without its comment."""
        return " ".join(self.public(name).split()[:2])

    def fingerprint(self, name: str) -> str:
        """As OpenSSH shows it: SHA256:..."""
        return keygen("-l", "-f", str(self.folder / f"{name}.pub")).split()[1]

    def sign_user(self, login: str) -> None:
        """Makes the certificate by which `signed` may log in as that user."""
        keygen("-q", "-s", self["user_ca"], "-I", "rproxy tests", "-n", login, f"{self['signed']}.pub")

    def sign_host(self, *names: str) -> str:
        """Makes the certificate of `host` for these names; returns its path."""
        keygen("-q", "-s", self["host_ca"], "-I", "rproxy tests", "-h", "-n", ",".join(names), f"{self['host']}.pub")
        return f"{self['host']}-cert.pub"


def keygen(*words: str) -> str:
    """What ssh-keygen prints; a failure is an error with what it says."""
    program = shutil.which("ssh-keygen")
    assert program is not None
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise RuntimeError(f"ssh-keygen {' '.join(words)}: {done.stderr}")
    return done.stdout
