"""Git repositories that are installed on a host, as far as this side looks at them.

Rules: what pip can be told of a repository means the same here; nobody is asked for a password.
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from .errors import RemoteModulesError

#: A requirement that is a git repository, without extras and markers: those are left to pip there.
_REPOSITORY = re.compile(r"(?:[\w.-]+\s*@\s*)?git\+([^;]+)")


class Repository(NamedTuple):
    """A git repository: a branch, tag or commit of it (or ""), and the folder in it that has the project (or "")."""

    url: str
    revision: str
    folder: str


def repository_of(requirement: str) -> Repository | None:
    """What ``[NAME @] git+URL[@REVISION][#subdirectory=FOLDER]`` means to pip; None for what is none."""
    found = _REPOSITORY.fullmatch(requirement)
    if found is None:
        return None
    url = urlsplit(found[1])
    path, _, revision = url.path.rpartition("@") if "@" in url.path else (url.path, "", "")
    folder = parse_qs(url.fragment).get("subdirectory", [""])[0]
    return Repository(url._replace(path=path, fragment="").geturl(), revision, folder)


def project_in(folder: Path) -> Path:
    """The folder of a project in a repository: the repository's own, or `py`, where SRemote looked."""
    for found in (folder, folder / "py"):
        if any((found / name).is_file() for name in ("pyproject.toml", "setup.py")):
            return found
    return folder


def cloned(parent: Path, repository: Repository) -> Path:
    """A git repository, cloned into a new folder. Raises RemoteModulesError."""
    url, revision, _ = repository
    folder = Path(tempfile.mkdtemp(dir=parent)) / "repository"
    if re.fullmatch("[0-9a-f]{7,40}", revision) and not _git("clone", "--quiet", "--", url, folder):
        if not _git("-C", folder, "checkout", "--quiet", revision, "--"):
            return folder
        shutil.rmtree(folder)  # a branch may look like a commit
    said = _git("clone", "--quiet", "--depth", "1", *(["--branch", revision] if revision else []), "--", url, folder)
    if said:
        raise RemoteModulesError(f"cannot clone {url}: {said}")
    return folder


def _git(*words: Any) -> str:
    """Runs git on this side; returns what it says if it fails. Raises RemoteModulesError without a git."""
    command = ["git", *map(str, words)]
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    except OSError as error:
        raise RemoteModulesError(f"this machine has no git that can be run: {error}") from error
    return done.stderr.strip() or f"exit code {done.returncode}" if done.returncode else ""
