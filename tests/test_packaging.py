"""The distribution: however it is installed, it deploys the same endpoint, byte for byte.

Everything is built and installed from a copy of the tree, into fresh virtual environments. They install no
dependencies (the README's test does); the one that runs the command line borrows this environment's.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from rproxy.deployment.bundle import bundle

from .conftest import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.timeout(600)]

NOT_SOURCE = shutil.ignore_patterns(".git", ".venv*", ".*_cache", ".hypothesis", "__pycache__", "dist", "build")
SHOW_BUNDLE = (
    "import hashlib, rproxy\n"
    "from rproxy.deployment.bundle import bundle\n"
    "print(rproxy.__file__, bundle().name, hashlib.sha256(bundle().archive).hexdigest())"
)
#: A fresh environment imports what was installed into it, not this checkout.
CLEAN = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def run(*command: str | Path, folder: Path) -> str:
    """What a command prints, which must end well."""
    done = subprocess.run(list(map(str, command)), cwd=folder, env=CLEAN, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """A copy of the tree, so that nothing is built in the real one."""
    copy = tmp_path_factory.mktemp("source") / "rproxy"
    shutil.copytree(REPOSITORY, copy, ignore=NOT_SOURCE)
    return copy


@pytest.fixture(scope="module")
def built(tree, tmp_path_factory) -> Path:
    """A folder with the sdist and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("built")
    run(sys.executable, "-m", "build", "--outdir", folder, tree, folder=tree)
    return folder


@pytest.fixture(scope="module")
def install(tmp_path_factory) -> Callable[..., Path]:
    """Installs into a fresh virtual environment, whose folder it returns."""

    def install(*what: str | Path) -> Path:
        venv = tmp_path_factory.mktemp("venv")
        run(sys.executable, "-m", "venv", "--without-pip", venv, folder=venv)
        pip = [sys.executable, "-m", "pip", "--python", venv / "bin" / "python", "install", "--no-deps"]
        run(*pip, *what, folder=venv)
        return venv

    return install


@pytest.fixture(scope="module")
def wheel(built) -> Path:
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def sdist(built) -> Path:
    (path,) = built.glob("*.tar.gz")
    return path


@pytest.fixture(scope="module")
def wheel_venv(install, wheel) -> Path:
    return install(wheel)


def assert_deploys_this_endpoint(venv: Path, code_in: Path) -> None:
    """An installation whose code is in that folder makes the archive that this one makes."""
    file, name, digest = run(venv / "bin" / "python", "-c", SHOW_BUNDLE, folder=venv).split()
    assert Path(file).is_relative_to(code_in)
    assert name == bundle().name
    assert digest == hashlib.sha256(bundle().archive).hexdigest()


def test_a_wheel_deploys_the_same_endpoint(wheel_venv):
    assert_deploys_this_endpoint(wheel_venv, wheel_venv)


def test_an_sdist_deploys_the_same_endpoint(install, sdist):
    venv = install(sdist)
    assert_deploys_this_endpoint(venv, venv)


def test_an_installed_folder_deploys_the_same_endpoint(install, tree):
    venv = install(tree)
    assert_deploys_this_endpoint(venv, venv)


def test_an_editable_installation_deploys_the_same_endpoint(install, tree):
    assert_deploys_this_endpoint(install("-e", tree), tree)


def test_a_changed_endpoint_has_another_name(install, tree, tmp_path):
    """So that the comparisons above can tell two endpoints apart."""
    copy = shutil.copytree(tree, tmp_path / "changed")
    with (copy / "endpoint" / "rproxy_endpoint" / "facts.py").open("a") as file:
        file.write("ANOTHER = 1\n")
    venv = install("-e", copy)
    _, name, _ = run(venv / "bin" / "python", "-c", SHOW_BUNDLE, folder=venv).split()
    assert name != bundle().name


def test_a_wheel_holds_both_packages_and_no_tests(wheel, tree):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    sources = {path.relative_to(tree).as_posix() for path in (tree / "rproxy").rglob("*.py")}
    sources |= {path.relative_to(tree).as_posix() for path in (tree / "rproxy").rglob("*.sh")}
    sources |= {path.relative_to(tree / "endpoint").as_posix() for path in (tree / "endpoint").rglob("*.py")}
    assert names == sources | {"rproxy/py.typed", "rproxy_endpoint/py.typed"}
    assert {f"rproxy/deployment/remote/{name}" for name in ("start.py", "find.sh", "deploy.sh")} <= names


def test_an_sdist_holds_the_tests_and_the_licence(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"tests/conftest.py", "scripts/test", "LICENSE", "README.md", "pyproject.toml"} <= names


def test_the_command_line_of_a_wheel_answers(wheel_venv):
    site = Path(
        run(wheel_venv / "bin/python", "-c", "import site; print(site.getsitepackages()[0])", folder=wheel_venv).strip()
    )
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    said = run(wheel_venv / "bin" / "rproxy", "--help", folder=wheel_venv)
    assert "call" in said and "info" in said
    assert (
        run(wheel_venv / "bin" / "rproxy", "call", "local://", "os.path.join", "a", "b", folder=wheel_venv).strip()
        == "a/b"
    )
