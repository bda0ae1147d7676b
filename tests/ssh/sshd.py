"""The real sshd as tests use it: what is missing makes a test skip, and its logins find the modules of tests."""

from pathlib import Path

import pytest

from ..conftest import FAR_MODULES
from ..services import sshd
from ..services.ssh_keys import Keys
from ..services.sshd import HOST, command_of, descendants, free_port, kill, wait_for

__all__ = ["HOST", "Sshd", "command_of", "descendants", "free_port", "kill", "program", "wait_for"]


def program(name: str, package: str) -> str:
    """The path of a program; where it is missing, the test says what to install."""
    try:
        return sshd.program(name, package)
    except sshd.Missing as missing:
        pytest.skip(str(missing))


class Sshd(sshd.Sshd):
    """A running server, also with PYTHONPATH among its `environment`."""

    def __init__(
        self, folder: Path, keys: Keys, *, environment: dict[str, str | None] | None = None, **options: object
    ) -> None:
        for name, package in (("sshd", "openssh-server"), ("setpriv", "util-linux")):
            program(name, package)
        super().__init__(folder, keys, environment={"PYTHONPATH": str(FAR_MODULES), **(environment or {})}, **options)
