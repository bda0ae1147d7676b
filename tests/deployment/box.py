"""Hosts of their own on this machine: bubblewrap gives each a root, a home and an environment, over which a local
connector runs commands through a login shell, as sshd would."""

import os
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from rproxy.connectors.base import Completed, PathLike, Stream
from rproxy.connectors.local import LocalConnector
from rproxy.errors import ConnectorError

#: The interpreter that hosts have unless a test says otherwise: the one that is at the same place in each box.
PYTHON = os.path.realpath(sys.executable)
HOME = "/home/me"


class Boxed(LocalConnector):
    """Runs commands in a box, through a login shell."""

    target = "box://"
    python = None

    def __init__(self, prefix: list[str], shell: str) -> None:
        self._prefix, self._shell = prefix, shell

    def _inside(self, command: str) -> str:
        return "exec " + shlex.join([*self._prefix, self._shell, "-c", command])

    def run(self, command: str, *, input: bytes = b"", timeout: float | None = None) -> Completed:
        return super().run(self._inside(command), input=input, timeout=timeout)

    def push(self, local: PathLike, remote: str) -> None:
        done = self.run(f"cat > {shlex.quote(remote)}", input=Path(local).read_bytes())
        if done.returncode:
            raise ConnectorError(done.stderr.decode())

    def pull(self, remote: str, local: PathLike) -> None:
        done = self.run(f"cat {shlex.quote(remote)}")
        if done.returncode:
            raise ConnectorError(done.stderr.decode())
        Path(local).write_bytes(done.stdout)

    def open(self, command: str) -> Stream:
        return super().open(self._inside(command))


class Box:
    """A host: what it mounts and which variables it has can be changed until a connector is made."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.bin = folder / "bin"  # the first and only entry of PATH
        self.tmp = folder / "tmp"
        for made in (self.home, self.bin, self.tmp):
            made.mkdir()
        self.env: dict[str, str | None] = {"HOME": HOME, "PATH": "/opt/bin:/usr/bin:/bin", "USER": "me"}
        self.mounts: list[str] = []
        self.before = ""  # shell lines that the host runs ahead of everything
        self.shell = "/bin/sh"
        self.user: list[str] = []
        self.tmp_mount = ["--bind", str(self.tmp), "/tmp"]
        self.outside: list[str] = []  # what runs ahead of the box
        self.home_mount = ["--bind", str(self.home), HOME]

    def program(self, name: str, text: str, folder: Path | None = None) -> Path:
        """Puts a script of sh on the host's PATH, or into a folder."""
        path = (folder or self.bin) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        return path

    def interpreter(self, name: str, folder: Path | None = None, code: str = "") -> Path:
        """A Python that tells by the variable WHICH under what name it was started."""
        return self.program(name, f'{code}\nWHICH={shlex.quote(name)} exec {shlex.quote(PYTHON)} "$@"', folder)

    def without_executing_from(self, folder: str) -> None:
        """Mounts /tmp or the home so that no program in it can be run."""
        place = shlex.quote(str(self.tmp if folder == "/tmp" else self.home))
        mount = f'mount --bind {place} {place} && mount -o remount,bind,noexec {place} && exec "$@"'
        self.outside = ["unshare", "--mount", "--map-root-user", "sh", "-c", mount, "sh"]

    def prefix(self) -> list[str]:
        """The command that runs another one on the host."""
        box = [
            *self.outside,
            "bwrap",
            "--die-with-parent",
            "--clearenv",
            "--ro-bind",
            "/usr",
            "/usr",
            "--ro-bind",
            "/etc",
            "/etc",
        ]
        for name in ("bin", "lib", "lib64", "sbin"):
            if os.path.islink(f"/{name}"):
                box += ["--symlink", os.readlink(f"/{name}"), f"/{name}"]
            elif os.path.isdir(f"/{name}"):
                box += ["--ro-bind", f"/{name}", f"/{name}"]
        box += ["--proc", "/proc", "--dev", "/dev", *self.tmp_mount, "--dir", "/home"]
        box += ["--ro-bind", str(self.bin), "/opt/bin", *self.home_mount, *hidden_pythons(), *self.mounts, *self.user]
        if not PYTHON.startswith("/usr/"):
            base = os.path.realpath(sys.base_prefix)
            box += ["--ro-bind", base, base]
        for name, value in self.env.items():
            box += ["--unsetenv", name] if value is None else ["--setenv", name, value]
        if self.before:
            box += ["/bin/sh", "-c", f'{self.before}\nexec "$@"', "sh"]
        return box

    def connector(self) -> Boxed:
        return Boxed(self.prefix(), self.shell)


def hidden_pythons() -> list[str]:
    """What keeps this machine's own Pythons in /usr from being found in a box, but for the one that it uses."""
    hidden: set[str] = set()
    for folder in ("/usr/bin", "/usr/local/bin", "/usr/libexec"):
        for path in Path(folder).glob("*python*") if os.path.isdir(folder) else []:
            real = os.path.realpath(path)
            if os.path.isfile(real) and os.access(real, os.X_OK) and real.startswith("/usr/") and real != PYTHON:
                hidden.add(real)
    return [word for path in sorted(hidden) for word in ("--ro-bind", "/dev/null", path)]


def make_box(folder: Path) -> Box:
    """A fresh host; skips where this machine cannot have one."""
    if shutil.which("bwrap") is None:
        pytest.skip("install bubblewrap")
    box = Box(folder)
    done = subprocess.run([*box.prefix(), "true"], capture_output=True, text=True, timeout=30)
    if done.returncode:
        pytest.skip(f"install bubblewrap with the right to make namespaces: {done.stderr.strip()}")
    return box


def python_2(box: Box, name: str) -> Path:
    """An interpreter too old for the endpoint: a real Python 2 if pyenv has one, else one that says that it is."""
    from ..conftest import REAL_HOME

    real = sorted((REAL_HOME / ".pyenv").glob("versions/2.7.*"))
    if real:
        box.mounts += ["--ro-bind", str(real[0]), str(real[0])]
        return box.program(name, f'exec {shlex.quote(str(real[0] / "bin/python"))} "$@"')
    code = "import sys; del sys.argv[1]; code = sys.argv.pop(1)\n"
    code += "sys.version_info, sys.version = (2, 7, 18), '2.7.18 (old)'; exec(code)"
    return box.program(name, f'exec {shlex.quote(PYTHON)} -c {shlex.quote(code)} "$@"')
