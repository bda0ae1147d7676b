"""Installs packages into the endpoint's own virtual environment.

Rules: the host's own packages count as installed; one installation at a time; pip finds and builds all that it
needs before it changes anything, and takes back what fails.
"""

import glob
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from typing import Any, Dict, List

from .deployment import located
from .overlay import activate, place


def begin(root: str) -> Dict[str, Any]:
    """A private folder for what the client sends, and what this host has: a pip, git. Raises OSError."""
    root = located(root)
    os.makedirs(os.path.join(root, "tmp"), 0o700, exist_ok=True)
    return {
        "folder": tempfile.mkdtemp(prefix="session-", dir=os.path.join(root, "tmp")),
        "pip": bool(_bundled_pip()),
        "git": shutil.which("git") is not None,
    }


def finish(folder: str) -> None:
    """Removes the private folder."""
    shutil.rmtree(folder, ignore_errors=True)


def install(root: str, pip: str, arguments: List[str]) -> int:
    """Runs ``pip install`` in the environment, which is made if need be; returns its exit code.

    `pip` is the path of a wheel of pip, or "" to take this Python's own.
    """
    import fcntl

    root = located(root)
    home = place(root)
    with open(home + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        python = _make(home)
        command = [python, os.path.join(pip or _bundled_pip(), "pip"), "install", "--disable-pip-version-check"]
        code = subprocess.call([*command, "--no-input", *arguments], env=dict(_cache(home), **_environment()))
    activate(root)
    importlib.invalidate_caches()
    return code


def tags(root: str, pip: str) -> List[List[str]]:
    """The wheels that this Python can use, as [Python, ABI, platform], the best first."""
    code = (  # by pip 20 and newer, by older ones, and by those of before 10
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "try: from pip._internal.utils.compatibility_tags import get_supported\n"
        "except ImportError:\n"
        "    try: from pip._internal.pep425tags import get_supported\n"
        "    except ImportError: from pip.pep425tags import get_supported\n"
        "for tag in get_supported(): print(*(tag if isinstance(tag, tuple) else str(tag).split('-')))\n"
    )
    said = subprocess.check_output([sys.executable, "-c", code, pip or _bundled_pip()], env=_environment())
    return [line.split() for line in said.decode().splitlines()]


def clone(url: str, branch: str, folder: str) -> None:
    """Gets a git repository. Raises OSError with what git says."""
    chosen = ["--branch", branch] if branch else []
    environment = dict(_environment(), GIT_TERMINAL_PROMPT="0")  # nobody could answer it
    command = ["git", "clone", "--quiet", "--depth", "1", *chosen, "--", url, folder]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) as process:
        said = process.communicate()[1].decode("utf-8", "replace").strip()
    if process.returncode:
        raise OSError(said or "git ended with exit code %d" % process.returncode)


def project_in(folder: str) -> str:
    """The folder of a project in a repository: the repository's own, or `py`, where SRemote looked."""
    for found in (folder, os.path.join(folder, "py")):
        if any(os.path.isfile(os.path.join(found, name)) for name in ("pyproject.toml", "setup.py")):
            return found
    return folder


def keep(folder: str, tmp: str, name: str) -> str:
    """Moves a folder to where it stays; what was there before goes. Returns the new path."""
    target = os.path.join(located(tmp), name)
    os.makedirs(os.path.dirname(target), 0o700, exist_ok=True)
    if os.path.isdir(target):
        shutil.rmtree(target)
    shutil.move(folder, target)
    return target


def listed() -> Dict[str, str]:
    """The distributions that can be imported, by name, with their versions."""
    found: Dict[str, str] = {}
    for entry in sys.path:
        for path in glob.glob(os.path.join(glob.escape(entry or "."), "*.dist-info")):
            name, _, version = os.path.basename(path)[: -len(".dist-info")].rpartition("-")
            found.setdefault(name.replace("_", "-").lower(), version)
    return found


def _make(home: str) -> str:
    """Makes the environment if it is not there, or does not run; returns its interpreter. Raises OSError."""
    python = os.path.join(home, "bin", "python")
    if not os.path.exists(python) or subprocess.call([python, "-c", "pass"], env=_environment()):
        shutil.rmtree(home, ignore_errors=True)
        options = ["--without-pip", "--system-site-packages"]
        subprocess.check_call([sys.executable, "-m", "venv", *options, home], env=_environment())
    return python


def _bundled_pip() -> str:
    """The wheel of pip that this Python brings along, or ""."""
    try:
        import ensurepip

        folder = os.path.join(os.path.dirname(ensurepip.__file__), "_bundled")
    except ImportError:
        return ""
    folders = (folder, "/usr/share/python-wheels")  # the second is Debian's
    return next((wheel for one in folders for wheel in sorted(glob.glob(os.path.join(one, "pip-*.whl")))), "")


def _environment() -> Dict[str, str]:
    """What other Pythons start with: not the paths of this one."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}


def _cache(home: str) -> Dict[str, str]:
    """Where pip keeps what it has downloaded, unless the user has such a place: what goes with all that is ours."""
    if os.path.isdir(os.path.expanduser("~/.cache/pip")):
        return {}
    return {"PIP_CACHE_DIR": home + ".cache"}
