"""Real accounts of this machine, for what needs one: passwords, other users, login shells.

Rules: only root can make them; one lives as long as its block, and its home goes with it.
"""

import contextlib
import os
import pwd
import secrets
import subprocess
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from .sshd import program

PASSWORD = "it's a pass word"
#: A Python that every account can run: the tests' own may be in a home that others cannot enter.
PYTHON = "/usr/bin/python3"


class Account(NamedTuple):
    """A user of this machine."""

    name: str
    uid: int
    home: str
    password: str


@contextlib.contextmanager
def account(shell: str = "/bin/sh", name: str = "") -> Iterator[Account]:
    """A user with a password and a home, for as long as the block lasts; `name` is a part of its name."""
    if os.getuid() != 0:
        pytest.skip("run as root, which can install an account for this test")
    useradd, userdel = program("useradd", "passwd"), program("userdel", "passwd")
    if not os.path.exists(PYTHON):
        pytest.skip(f"install python3, as {PYTHON}")
    word = secrets.token_hex(4)
    name, home = f"rproxy{word}{name}", f"/home/rproxy{word}"
    words = ["--badname", "--create-home", "--home-dir", home, "--shell", shell]
    subprocess.run([useradd, *words, name], check=True, capture_output=True, timeout=60)
    try:
        secret = f"{name}:{PASSWORD}\n".encode()
        subprocess.run([program("chpasswd", "passwd")], input=secret, check=True, capture_output=True, timeout=60)
        entry = pwd.getpwnam(name)
        yield Account(name, entry.pw_uid, entry.pw_dir, PASSWORD)
    finally:
        subprocess.run([userdel, "--force", "--remove", name], check=False, capture_output=True, timeout=60)
