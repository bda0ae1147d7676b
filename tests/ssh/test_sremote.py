"""SRemote's programs for ssh, with another import and nothing else changed, against a real sshd."""

import os
import shutil
import subprocess
import sys

import pytest

import rproxy.sremote as remote
from rproxy import ConnectorError

from ..conftest import REPOSITORY
from .sshd import program

pytestmark = pytest.mark.once

PROGRAMS = REPOSITORY / "examples" / "sremote"
QDO = """
def valid_queue_name(name):
    print("checks", name)
    return name.isalnum()


def connect(queue_name):
    raise ValueError("no queue of that name: " + queue_name)
"""


@pytest.fixture(scope="module")
def host(shared_sshd, tmp_path_factory) -> str:
    """The name of the server in the configuration of the `ssh` that programs find first."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "config").write_text(shared_sshd.host_lines("remote.host.org"))
    wrapper = folder / "ssh"
    wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/config "$@"\n')
    wrapper.chmod(0o755)
    return str(folder)


def run(name, *words, path):
    environment = {**os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [sys.executable, PROGRAMS / name, *words], env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def qdo(tmp_path_factory) -> str:
    """The URL of a git repository that has a package of that name on the branch `master`."""
    git, folder = program("git", "git"), tmp_path_factory.mktemp("repository")
    (folder / "qdo.py").write_text(QDO)
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "qdo"\nversion = "1.0"\n[tool.hatch.build.targets.wheel]\ninclude = ["qdo.py"]\n'
    )
    who = ["-c", "user.name=tests", "-c", "user.email=tests@localhost"]
    for words in (["init", "-q", "-b", "master"], ["add", "."], [*who, "commit", "-q", "-m", "qdo"]):
        subprocess.run([git, *words], cwd=folder, check=True)
    return f"file://{folder}"


def test_the_programs_install_a_package_from_git_and_call_it(host, shared_sshd, qdo):
    run("install.py", "remote.host.org", shared_sshd.user, qdo, "master", path=host)
    told = run("ssh_client.py", "remote.host.org", shared_sshd.user, path=host).splitlines()
    assert told[:3] == [f"HOME {shared_sshd.home}", "myVar myValue", "HOME_B this"]
    assert told[3].startswith("PATH /opt:")
    assert told[4:] == [
        "it printed 'checks juanito\\n'", "True", "False",
        "no such module: MissingModuleError", "no such method: AttributeError", "it raises: ValueError",
    ]  # fmt: skip


@pytest.fixture
def connector(shared_sshd):
    made = remote.ClientSSHConnector(
        shared_sshd.host, port=shared_sshd.port, identity=shared_sshd.keys["user"], known_hosts=shared_sshd.known_hosts,
        ssh_config=shared_sshd.keys.empty_config,
    )  # fmt: skip
    yield made
    made.close()


def test_before_auth_a_connector_says_what_to_call(connector):
    assert not connector.status()
    with pytest.raises(ConnectorError, match=r"not logged in at 127.0.0.1: call auth\(username, ...\) first"):
        remote.RemoteClient(connector)


def test_auth_tells_whether_the_host_has_accepted_it(connector, shared_sshd, tmp_path):
    assert connector.auth(shared_sshd.user)
    assert connector.status()
    stranger = remote.ClientSSHConnector(
        shared_sshd.host, port=shared_sshd.port, identity=shared_sshd.keys["stranger"],
        known_hosts=shared_sshd.known_hosts, ssh_config=shared_sshd.keys.empty_config,
    )  # fmt: skip
    assert not stranger.auth(shared_sshd.user)


def test_commands_and_files_go_by_sremotes_verbs(connector, shared_sshd, tmp_path):
    connector.auth(shared_sshd.user)
    (tmp_path / "file").write_bytes(b"\0\xff text\n")
    there = f"{shared_sshd.home}/copied"
    assert connector.push_file(tmp_path / "file", there)
    assert connector.retrieve_file(there, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"\0\xff text\n"
    assert connector.delete_file(there)
    assert not connector.delete_file(there)
    assert connector.execute_command("/bin/echo", ["a b", "$HOME"]) == ("a b $HOME\n", "", 0)
    assert connector.execute_command("/bin/sh", ["-c", "echo err >&2; exit 3"]) == ("", "err\n", 3)
    assert connector.get_home_dir() == str(shared_sshd.home)


def test_folders_are_where_sremotes_settings_put_them(connector, shared_sshd):
    connector.auth(shared_sshd.user)
    connector.set_sremote_dir(f"{shared_sshd.home}/shared place")
    connector.set_tmp_at_home_dir("private")
    connector.set_pwd_at_home_dir("jobs/here")
    with remote.RemoteClient(connector) as client:
        assert client.do_remote_call("os", "getcwd")[0] == f"{shared_sshd.home}/jobs/here"
        assert client.info().endpoint.startswith(f"{shared_sshd.home}/shared place/")


def test_keep_env_may_be_the_fourth_argument_as_in_sremote(connector, shared_sshd):
    connector.auth(shared_sshd.user)
    with remote.RemoteClient(connector) as client:
        assert client.do_remote_call("os", "getenv", ["HOME"], True) == (str(shared_sshd.home), "")
