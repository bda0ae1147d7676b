"""What holds for one call: environment variables, the working directory, PATH, the login environment.

Rules: everything is put back as it was, also after an exception; a variable that the call itself changed
is put back only if the surroundings had set it.
"""

import os
import sys
import time
from typing import Any, Dict, List, Optional, Tuple

from .protocol.messages import Surroundings

_MARK = b"<rproxy environment>"
_DUMP = (
    "import os; o = os.fdopen(1, 'wb'); o.write(%r); "
    "o.write(b'\\0'.join(k + b'=' + v for k, v in os.environb.items()))" % _MARK
)


class Applied:
    """The surroundings of a call as a context manager."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._wanted = surroundings
        self._before: Dict[str, Optional[str]] = {}
        self._folder = -1  # a descriptor: the folder may be moved or removed meanwhile

    def __enter__(self) -> None:
        if self._wanted is None:
            return
        try:
            self._apply(*self._wanted)
        except BaseException:
            self.restore()
            raise

    def __exit__(self, *args: Any) -> None:
        self.restore()

    def _apply(
        self,
        env: Dict[str, Optional[str]],
        folders: Tuple[str, ...],
        path: Tuple[str, ...],
        login: bool,
        defaults: Dict[str, str],
    ) -> None:
        changes: Dict[str, Optional[str]] = {}
        if login:
            changes.update(login_environment())
        for name, value in defaults.items():
            if name not in os.environ:
                changes.setdefault(name, value)
        changes.update(env)
        if path:
            old = changes.get("PATH", os.environ.get("PATH")) or os.defpath
            entries = [os.path.expanduser(entry) for entry in path]
            changes["PATH"] = os.pathsep.join(entries + [old])
        self._before = {name: os.environ.get(name) for name in changes}
        put(changes)
        if folders:
            self._folder = os.open(".", os.O_RDONLY)
            for folder in folders:
                os.chdir(os.path.expanduser(folder))

    def restore(self) -> None:
        """Puts everything back; again, if an interrupt fell into the first time."""
        if self._wanted is None:
            return
        put(self._before)
        if self._folder >= 0:
            os.fchdir(self._folder)
            folder, self._folder = self._folder, -1
            os.close(folder)
        self._wanted = None


def put(changes: Dict[str, Optional[str]]) -> None:
    """Sets environment variables; None unsets."""
    for name, value in changes.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    if "TZ" in changes and hasattr(time, "tzset"):
        time.tzset()


_login: List[Dict[str, str]] = []  # asked for once: profiles can be slow


def login_environment() -> Dict[str, str]:
    """The environment that a login shell of this user sets up.

    Raises RuntimeError if the shell does not come to its end within a minute, with what it said.
    """
    import subprocess  # few calls need it, and each start would pay for it

    if not _login:
        said: List[str] = []
        for shell in (os.environ.get("SHELL") or "/bin/sh", "/bin/sh"):
            command = [shell, "-l", "-c", "exec '%s' -c \"%s\"" % (sys.executable, _DUMP)]
            try:
                done = subprocess.run(
                    command, check=False, timeout=60,
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                said.append(str(error))
                continue
            _, found, dump = done.stdout.partition(_MARK)
            if found:
                pairs = [entry.partition(b"=") for entry in dump.split(b"\0") if b"=" in entry]
                _login.append({os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs})
                break
            said.append(done.stderr.decode("utf-8", "replace").strip() or "exit code %d" % done.returncode)
        else:
            raise RuntimeError("the login shell set up no environment: %s" % "; ".join(said))
    return _login[0]
