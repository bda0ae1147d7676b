"""What a service does on its machine: runs commands and lists folders, in a scratch home."""

import contextlib
import grp
import os
import pwd
import signal
import stat
import subprocess
import threading
import time
from pathlib import Path
from typing import NamedTuple


class Ended(NamedTuple):
    """A command that has come to its end, as text: services speak JSON."""

    output: str
    error: str
    code: int


class Command:
    """A running command, in a process group of its own."""

    def __init__(self, words: list[str], home: Path, kill_after: float | None = None) -> None:
        environment = {"HOME": str(home), "PATH": os.environ["PATH"], "USER": "tester", "LANG": "C.UTF-8"}
        self._process = subprocess.Popen(
            words, cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        if kill_after is not None:
            threading.Timer(kill_after, self.kill).start()

    def wait(self) -> Ended:
        output, error = self._process.communicate()
        return Ended(output.decode("utf-8", "replace"), error.decode("utf-8", "replace"), self._process.returncode)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


def entry(path: Path, name: str) -> dict[str, str]:
    """A line of a listing, as `ls -l` has it: all strings."""
    found = path.lstat()
    return {
        "perms": stat.filemode(found.st_mode),
        "hardlinks": str(found.st_nlink),
        "user": _name(pwd.getpwuid, found.st_uid),
        "group": _name(grp.getgrgid, found.st_gid),
        "size": str(found.st_size),
        "date": time.strftime("%b %d %H:%M", time.localtime(found.st_mtime)),
        "name": name,
    }


def _name(look_up, number: int) -> str:
    try:
        return look_up(number)[0]
    except KeyError:
        return str(number)


def listing(path: Path) -> list[dict[str, str]]:
    """A folder with `.` and `..`, or a file by itself. Raises OSError."""
    if not path.is_dir():
        return [entry(path, str(path))]
    names = [".", "..", *sorted(os.listdir(path))]
    return [entry(path / name, name) for name in names]
