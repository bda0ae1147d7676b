"""Finding Python and deploying on real accounts of this machine, over a real sshd."""

import os
import shutil
from pathlib import Path

import pytest

import rproxy
from rproxy.deployment.bundle import bundle

from .accounts import account
from .conftest import ssh_connector
from .sshd import program

pytestmark = pytest.mark.once
RC_FILES = (".bashrc", ".cshrc", ".tcshrc", ".config/fish/config.fish")


@pytest.fixture(scope="module", params=["bash", "csh", "tcsh", "fish"])
def user(request):
    """An account whose login shell prints, and fails, before each command."""
    with account(program(request.param, request.param)) as made:
        for name in RC_FILES:
            path = Path(made.home, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("echo Welcome\nno_such_command\n")
        yield made


#: Where the login shell makes no difference.
in_bash = pytest.mark.parametrize("user", ["bash"], indirect=True)


@pytest.fixture(scope="module")
def server(start_sshd, user):
    return start_sshd(settings=("PasswordAuthentication yes",), user=user.name, environment={"HOME": None})


@pytest.fixture
def connect(server, user, channel):
    """`connect(**options)` makes a client of the account, over each channel in turn."""
    made = []

    def connect(kind="ssh", start_timeout=60, **options):
        options_of_ssh = {"options": {"PubkeyAuthentication": "no"}} if kind == "ssh" else {}
        connector = ssh_connector(kind, server, channel, identity=None, password=user.password, **options_of_ssh)
        connector.start_timeout = start_timeout
        made.append(connector)
        client = rproxy.connect(connector, **options)
        made.append(client)
        return client

    yield connect
    for one in reversed(made):
        one.close()


def places(user):
    """What there is of rproxy in a home."""
    return sorted(os.listdir(f"{user.home}/.rproxy")) if os.path.isdir(f"{user.home}/.rproxy") else []


def test_a_fresh_account_needs_nothing_but_its_login(connect, user, kind):
    shutil.rmtree(f"{user.home}/.rproxy", ignore_errors=True)
    client = connect(kind)
    assert client.module("getpass").getuser() == user.name
    assert client.info().endpoint == f"{user.home}/.rproxy/{bundle().name}"
    assert client.module("sys").version_info >= (3, 6)
    client.undeploy()
    assert places(user) == []


@in_bash
def test_a_home_that_cannot_be_written_costs_nothing_but_the_deployment(connect, user, channel):
    shutil.rmtree(f"{user.home}/.rproxy", ignore_errors=True)
    os.chown(user.home, 0, 0)
    os.chmod(user.home, 0o755)
    try:
        client = connect()
        assert client.module("os").path.join("a", "b") == "a/b"
        assert (client.info().endpoint == "memory") == (channel == "stream")
        assert places(user) == []
    finally:
        os.chown(user.home, user.uid, -1)


@in_bash
def test_a_home_that_is_not_there_costs_nothing_but_the_deployment(connect, user, channel):
    os.rename(user.home, user.home + ".away")
    try:
        client = connect()
        assert client.module("os").path.join("a", "b") == "a/b"
        assert (client.info().endpoint == "memory") == (channel == "stream")
        client.close()
        assert not os.path.exists(user.home)
    finally:
        os.rename(user.home + ".away", user.home)


def test_setup_lines_hold_and_their_failure_is_told_as_theirs(connect):
    odd = 'it\'s "odd" ! \\ é'
    client = connect(setup='source /dev/null\nexport ODD="it\'s \\"odd\\" ! \\\\ é"')
    assert client.module("os").getenv("ODD") == odd
    with pytest.raises(rproxy.RemoteNotSetupError, match=r"(?s)setup lines failed .*exit code 127.*no_module"):
        connect(setup="no_module load python")


@in_bash
def test_a_python_that_hangs_gives_way_to_the_next_and_is_ended(connect, user, kind):
    path = Path(user.home, "bin/python3")
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\nexec /usr/bin/python3 -c 'import time; time.sleep(60)' \"$@\"\n")
    path.chmod(0o755)
    try:
        client = connect(kind, start_timeout=1, setup='PATH="$HOME/bin:$PATH"')
        assert client.info().executable.startswith("/usr/")
        ps = ["ps", "-u", str(user.uid), "-o", "args="]
        assert b"time.sleep(60)" not in client.module("subprocess").check_output(ps)
    finally:
        path.unlink()


@in_bash
def test_a_named_python_in_the_home_is_found(connect, user):
    path = Path(user.home, "my python/it's é")
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to("/usr/bin/python3")
    assert connect(python="~/my python/it's é").info().executable.startswith(("/usr/", user.home))


def test_an_account_that_may_not_log_in_is_told_with_what_it_says(kind, channel, start_sshd):
    with account(program("nologin", "login")) as user:
        server = start_sshd(settings=("PasswordAuthentication yes",), user=user.name, environment={"HOME": None})
        connector = ssh_connector(kind, server, channel, identity=None, password=user.password)
        with pytest.raises(rproxy.ConnectorError, match="account is currently not available") as caught:
            rproxy.connect(connector)
        connector.close()
    assert caught.value.stage == "shell" and "whether that account may run commands" in caught.value.mend
