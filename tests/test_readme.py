"""The README's two commands, as a newcomer runs them: in a fresh clone, with a fresh virtual environment.

The clone is of what is committed, so a change of the README or of the code counts once it is.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.timeout(900)]

FENCE = re.compile(r"^```(?:sh|shell|bash|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def command_with(readme: Path, words: str) -> str:
    """The one line of the README's shell blocks that has these words, without its prompt and comment."""
    blocks = FENCE.findall(readme.read_text("utf-8"))
    lines = [line.removeprefix("$ ").partition("  #")[0].strip() for block in blocks for line in block.splitlines()]
    (found,) = {line for line in lines if words in line}
    return found


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    if shutil.which("git") is None or not (REPOSITORY / ".git").exists():
        pytest.skip("install git, and run the tests from a clone")
    folder = tmp_path_factory.mktemp("newcomer") / "rproxy"
    # The checkout may belong to somebody else than who runs the tests: that is for its owner to mind.
    settings = folder.parent / "gitconfig"
    settings.write_text("[safe]\n\tdirectory = *\n")
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": str(settings)}
    subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(folder)], check=True, env=environment)
    return folder


@pytest.fixture(scope="module")
def environment(clone) -> dict[str, str]:
    """What a newcomer's shell has after `python3 -m venv` and `activate`."""
    venv, home = clone.parent / "venv", clone.parent / "home"
    home.mkdir()
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    left_out = ("PYTHONPATH", "PYTHONHOME")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    path = f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {**kept, "VIRTUAL_ENV": str(venv), "PATH": path, "HOME": str(home)}


def test_the_first_command_answers_by_a_real_endpoint(clone, environment):
    command = command_with(clone / "README.md", "pip install .")
    assert command == "pip install . && rproxy call local:// platform.uname"
    done = subprocess.run(
        command, shell=True, cwd=clone, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answer = done.stdout.strip().splitlines()[-1]
    for part in platform.uname()[:5]:
        assert part in answer
    (deployed,) = (clone.parent / "home" / ".rproxy").glob("endpoint-*")
    assert (deployed / "rproxy_endpoint" / "__main__.py").is_file()


def test_the_second_command_names_an_executable_file(clone):
    command = command_with(clone / "README.md", "scripts/test")
    assert command == "./scripts/test"
    assert os.access(clone / command, os.X_OK)
