"""The far sides that functions are tried on: the oldest Python, one in between, this one, and the newest."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

import rproxy

from ..conftest import HOME, connect_over, interpreters

FAR_VERSIONS = sorted({(3, 6), (3, 8), sys.version_info[:2], max(interpreters())})


def far_python(version: tuple[int, int]) -> str:
    """The interpreter of a version; skips the test if there is none."""
    python = interpreters().get(version)
    if python is None:
        name = ".".join(map(str, version))
        pytest.skip(f"install Python {name}, for example by pyenv")
    return python


def older_python() -> str:
    """The oldest interpreter, whose language is not this one's."""
    return far_python((3, 6))


def name_of(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def run_program(*words: str) -> str:
    """What a program of the user's prints. It runs where nothing of ours can be imported by chance."""
    done = subprocess.run([sys.executable, *words], cwd=HOME, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module", params=FAR_VERSIONS, ids=name_of)
def far(request) -> Iterator[rproxy.RemoteClient]:
    """A client of each far side in turn."""
    with connect_over("stream", python=far_python(request.param)) as client:
        yield client


@pytest.fixture(scope="module")
def old() -> Iterator[rproxy.RemoteClient]:
    """A client of the oldest far side."""
    with connect_over("stream", python=older_python()) as client:
        yield client


@pytest.fixture
def elsewhere(monkeypatch) -> None:
    """Endpoints that begin in this test do not find the modules of the folder that we are in."""
    monkeypatch.chdir("/")
