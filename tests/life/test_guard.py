"""What ends with an endpoint, however that ends."""

import os
import signal
import subprocess
import sys
import time

import pytest

import rproxy

from ..conftest import connect_over, interpreters
from ..ssh.sshd import wait_for
from ..test_life import ended

pytestmark = pytest.mark.once


def pid_of(client):
    return client._session.channel.facts["pid"]


def start(client, *words):
    return client.module("subprocess").Popen(list(words)).pid


def test_what_calls_have_started_ends_with_an_endpoint_that_is_killed(connect):
    client = connect()
    plain = start(client, "sleep", "600")
    stubborn = start(client, "sh", "-c", "trap '' TERM HUP; while :; do sleep 1; done")
    os.kill(pid_of(client), signal.SIGKILL)
    assert ended(plain)
    assert ended(stubborn)


def test_an_endpoint_that_was_stopped_ends_with_its_client(connect):
    client = connect()
    pid, child = pid_of(client), start(client, "sleep", "600")
    os.kill(pid, signal.SIGSTOP)
    client.close()
    assert ended(pid)
    assert ended(child)


KILLED = """
import ctypes, rproxy
client = rproxy.connect()
print(client.module("os").getpid(), flush=True)
client.call(lambda: __import__("ctypes").PyDLL(None).sleep(600))
"""


def test_machine_code_that_holds_the_interpreters_lock_ends_with_its_client():
    with subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE) as process:
        pid = int(process.stdout.readline())
        time.sleep(0.5)
        process.kill()
    assert ended(pid, within=8)


OF_A_COMMAND = """
import os, sys, rproxy
from rproxy.connectors.local import LocalConnector
from rproxy.testing import command_only

def hold(path):
    import ctypes, os
    with open(path, "w") as file:
        file.write(str(os.getpid()))
    os.rename(path, path + ".whole")
    ctypes.PyDLL(None).sleep(600)

with rproxy.connect(command_only(LocalConnector())) as client:
    client.call(hold, sys.argv[1])
"""


def test_machine_code_that_holds_the_interpreters_lock_ends_with_the_client_of_its_command(tmp_path):
    path = tmp_path / "pid"
    with subprocess.Popen([sys.executable, "-c", OF_A_COMMAND, str(path)]) as process:
        whole = path.with_suffix(".whole")
        wait_for(whole.exists)
        process.kill()
    assert ended(int(whole.read_text()), within=8)


def test_machine_code_that_prints_more_than_a_pipe_holds_ends_with_its_client(connect):
    client = connect()
    pid = pid_of(client)
    with client.timeout(1), pytest.raises(rproxy.CallTimeout, match="could not be stopped"):
        client.call(lambda: __import__("ctypes").PyDLL(None).write(1, bytes(4 << 20), 4 << 20))
    client.close()
    assert ended(pid, within=8)


def test_a_call_can_clean_up_when_its_client_is_gone(connect, tmp_path):
    client = connect()
    mkdir, pid = client.module("os").mkdir, pid_of(client)
    begun, cleaned = tmp_path / "begun", tmp_path / "cleaned up"
    client.submit(wait_and_clean_up, str(begun), str(cleaned))
    behind = client.submit(mkdir, str(tmp_path / "not begun"))
    wait_for(begun.exists)
    client.close()
    assert isinstance(behind.exception(), rproxy.RProxyError)
    wait_for(cleaned.exists)
    assert ended(pid)
    assert not (tmp_path / "not begun").exists()


def wait_and_clean_up(begun, cleaned):
    import time

    try:
        open(begun, "w").close()
        time.sleep(600)
    finally:
        open(cleaned, "w").close()


def test_what_one_command_has_started_ends_when_it_is_killed(tmp_path):
    with connect_over("command") as client:
        with pytest.raises(rproxy.ConnectionLost):
            client.call(start_and_die, str(tmp_path / "pid"))
        assert ended(int((tmp_path / "pid").read_text()))


def start_and_die(path):
    import os
    import signal
    import subprocess

    with open(path, "w") as file:
        file.write(str(subprocess.Popen(["sleep", "600"]).pid))
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("version", [(3, 6), sys.version_info[:2]], ids=lambda version: "{}.{}".format(*version))
def test_the_guard_is_nobodys_child(version):
    python = interpreters().get(version)
    if python is None:
        pytest.skip("install Python 3.6, for example by `pyenv install 3.6.15`")
    with rproxy.connect(python=python) as client:
        with pytest.raises(ChildProcessError):
            client.module("os").wait()
        child = start(client, "sleep", "600")
        os.kill(pid_of(client), signal.SIGKILL)
        assert ended(child)


def test_a_forked_child_does_not_keep_the_guard_from_its_work():
    with rproxy.connect() as client:
        child = client.call(fork_and_sleep)
        os.kill(pid_of(client), signal.SIGKILL)
        assert ended(child)


def fork_and_sleep():
    import os
    import time

    child = os.fork()
    if not child:
        time.sleep(600)
        os._exit(0)
    return child
