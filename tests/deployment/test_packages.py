"""Installing packages there: real ones, of the index that this machine's pip uses, and of this disk."""

import os
import shutil
import subprocess
import sys

import pytest

import rproxy
from rproxy.repositories import repository_of

from ..conftest import connect_over, interpreters

pytestmark = [pytest.mark.once, pytest.mark.slow]

PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "far-package"
version = "1.0"
"""
#: A build backend of its own, so that no index is needed to build the package.
BACKEND = """
import zipfile

FILES = {
    "METADATA": "Metadata-Version: 2.1\\nName: far-package\\nVersion: 1.0\\n",
    "WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    "RECORD": "",
}

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "far_package-1.0-py3-none-any.whl"
    with zipfile.ZipFile(folder + "/" + name, "w") as wheel:
        wheel.write("far_package.py")
        for file, text in FILES.items():
            wheel.writestr("far_package-1.0.dist-info/" + file, text)
    return name
"""


@pytest.fixture
def project(tmp_path):
    """A project of this disk."""
    folder = tmp_path / "my project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "backend.py").write_text(BACKEND)
    (folder / "far_package.py").write_text("value = 1\n")
    return folder


@pytest.fixture
def repository(project):
    """The same as a git repository, with another value on the branch `other`."""

    def git(*words):
        identity = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
        subprocess.run(["git", *identity, *words], cwd=project, check=True, capture_output=True)

    git("init", "--initial-branch", "main")
    git("add", ".")
    git("commit", "-m", "first")
    git("checkout", "-b", "other")
    (project / "far_package.py").write_text("value = 2\n")
    git("commit", "-am", "second")
    git("branch", "also/other")
    git("checkout", "main")
    return f"file://{project}"


def git_says(repository, *words):
    folder = repository.removeprefix("file://")
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return str(tmp_path_factory.mktemp("packages") / "my root")


@pytest.fixture
def client(root):
    with rproxy.connect(endpoint_dir=root) as client:
        yield client


def value(client):
    """The package's, in a fresh process."""
    code = "import far_package; print(far_package.value)"
    path = os.pathsep.join(client.module("sys").path)
    out = client.module("subprocess").check_output([sys.executable, "-c", code], env={"PYTHONPATH": path})
    return int(out)


def test_a_package_of_the_index_is_installed_and_listed(client):
    with client.capture() as out:
        client.install("iniconfig")
    assert "iniconfig" in out.text
    assert client.packages()["iniconfig"]
    assert "packages-" in client.module("iniconfig").__file__


def test_a_project_of_this_disk_is_installed_and_its_changes_too_for_the_next_client_as_well(client, root, project):
    for number in (3, 4):
        (project / "far_package.py").write_text(f"value = {number}\n")
        with client.capture():
            client.install(project)
        assert value(client) == number
    assert client.packages()["far-package"] == "1.0"
    with rproxy.connect(endpoint_dir=root) as other:
        assert other.module("far_package").value == 4


def test_a_refusal_is_told_in_pips_words_and_changes_nothing(client):
    before = client.packages()
    with (
        client.capture(),
        pytest.raises(rproxy.RemoteModulesError, match="No matching distribution .*no-such-package-1"),
    ):
        client.install("no-such-package-1")
    assert client.packages() == before


def test_a_path_that_is_not_there_is_told_before_pip_runs(client):
    with pytest.raises(FileNotFoundError, match="no_such_folder"):
        client.install("./no_such_folder")


def test_offline_packages_are_got_here(client):
    with client.capture() as out:
        client.install("iniconfig", offline=True)
    assert "Looking in indexes" not in out.text
    assert client.has_module("iniconfig")


def test_offline_packages_are_got_for_the_oldest_python_too(tmp_path):
    oldest = next(iter(interpreters().values()))
    with rproxy.connect(python=oldest, endpoint_dir=str(tmp_path)) as client, client.capture():
        client.install("iniconfig", offline=True)
        assert client.has_module("iniconfig")


def test_projects_that_are_sent_together_are_all_installed(client, project, tmp_path):
    other = tmp_path / "another project"
    shutil.copytree(project, other)
    for file in ("pyproject.toml", "backend.py"):
        text = (other / file).read_text()
        (other / file).write_text(text.replace("far-package", "a-package").replace("far_package", "a_package"))
    (other / "far_package.py").rename(other / "a_package.py")
    with client.capture():
        client.install(project, other)
    assert client.packages().keys() >= {"far-package", "a-package"}


@pytest.mark.parametrize("wrong", [(), ("",), (5,)])
def test_what_names_no_package_is_refused_before_anything_runs(client, wrong):
    with client.capture() as out, pytest.raises((TypeError, ValueError), match="the name or the path of a package"):
        client.install(*wrong)
    assert out.text == ""


@pytest.mark.parametrize(
    ("requirement", "meant"),
    [
        ("git+https://host/repo.git", ("https://host/repo.git", "", "")),
        ("git+https://host/repo@v1", ("https://host/repo", "v1", "")),
        ("git+ssh://git@host/repo@feature/x", ("ssh://git@host/repo", "feature/x", "")),
        ("git+ssh://git@host/repo", ("ssh://git@host/repo", "", "")),
        ("name @ git+file:///a/b@v1#subdirectory=py", ("file:///a/b", "v1", "py")),
        ("git+https://host/repo@v1#egg=name", ("https://host/repo", "v1", "")),
        ("name", None),
        ("https://host/name.whl", None),
        ("name[extra] @ git+https://host/repo", None),
    ],
)
def test_a_repository_is_read_as_pip_reads_it(requirement, meant):
    assert repository_of(requirement) == meant


def test_offline_a_branch_of_a_repository_is_got_here(client, repository):
    with client.capture() as out:
        client.install(f"git+{repository}@also/other", offline=True)
    assert value(client) == 2 and "Cloning" not in out.text


def test_a_commit_of_a_repository_is_got_here_too(client, repository):
    commit = git_says(repository, "rev-parse", "other")
    with client.capture(), client.env(PATH="/nowhere"):
        client.install(f"git+{repository}@{commit}")
    assert value(client) == 2


def test_a_host_that_reaches_no_repository_gets_what_is_cloned_here(client, repository, tmp_path):
    far = tmp_path / "far bin"
    far.mkdir()
    (far / "git").write_text("#!/bin/sh\necho 'fatal: Could not resolve host: example.org' >&2\nexit 128\n")
    (far / "git").chmod(0o755)
    with client.capture(), client.path(far):
        client.do_install_git_module(repository, "other")
    assert value(client) == 2


def test_what_pip_keeps_of_its_downloads_goes_with_the_endpoint(tmp_path, repository):
    (tmp_path / "home").mkdir()
    client = rproxy.connect(endpoint_dir=str(tmp_path / "root"))
    commit = git_says(repository, "rev-parse", "main")  # pip keeps what it has built of a commit
    with client.capture(), client.env(HOME=str(tmp_path / "home"), PIP_CACHE_DIR=None):
        client.install(f"git+{repository}@{commit}")
    client.undeploy()
    assert not (tmp_path / "root").exists() and not (tmp_path / "home/.cache").exists()


def test_a_branch_of_a_git_repository_is_installed(client, repository):
    with client.capture():
        assert client.do_install_git_module(repository, "other") is True
    assert value(client) == 2


def test_the_code_of_a_git_repository_may_be_kept(client, root, repository):
    with client.capture():
        client.do_install_git_module(repository, keep_after="kept")
    with open(f"{root}/tmp/kept/far_package.py") as file:
        assert file.read() == "value = 1\n"


@pytest.mark.parametrize("name", ["", ".", "..", "/abs", "below/../../out"])
def test_code_is_kept_in_the_folder_for_temporary_files_only(client, repository, name):
    with pytest.raises(ValueError, match="keep_after"):
        client.do_install_git_module(repository, keep_after=name)


def test_a_repository_that_cannot_be_cloned_is_told_in_gits_words(client, tmp_path):
    with pytest.raises(rproxy.RemoteModulesError, match="cannot clone .*/none: fatal: "), client.capture():
        client.do_install_git_module(f"file://{tmp_path}/none")


def test_a_host_without_git_gets_what_is_cloned_here(client, repository):
    with client.capture(), client.env(PATH="/nowhere"):
        client.do_install_git_module(repository, "other")
    assert value(client) == 2


def test_nothing_temporary_stays(client, root):
    assert [name for name in os.listdir(f"{root}/tmp") if name.startswith("session-")] == []


def test_installing_works_over_commands(root, project):
    with connect_over("command", endpoint_dir=root) as client, client.capture():
        client.install(project)
        assert client.module("far_package").value == 1


def test_a_host_that_reaches_no_index_is_sent_what_is_got_here(client):
    unreachable = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "1"}
    with client.capture() as out, client.env(**unreachable):
        client.install("toolz")
    assert "Connection refused" in out.text + out.errors
    assert client.packages()["toolz"]


def test_a_host_whose_python_brings_no_pip_is_sent_one(tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site/ensurepip.py").write_text("raise ImportError('this Python comes in parts')\n")
    setup = f"export PYTHONPATH='{tmp_path}/site'"
    with rproxy.connect(endpoint_dir=str(tmp_path / "root"), setup=setup) as client, client.capture():
        client.install("iniconfig")
        assert "packages-" in client.module("iniconfig").__file__


def test_where_nothing_can_be_written_nothing_is_installed():
    nothing = pytest.raises(rproxy.RemoteModulesError, match="nothing can be installed on local://")
    with rproxy.connect(endpoint_dir="/proc/no") as client, nothing:
        client.install("iniconfig")


def test_undeploy_removes_what_was_installed(tmp_path):
    client = rproxy.connect(endpoint_dir=str(tmp_path / "root"))
    with client.capture():
        client.install("iniconfig")
    client.undeploy()
    assert not (tmp_path / "root").exists()
