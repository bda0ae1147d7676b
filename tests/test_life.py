"""Starting, ending, and what must not stay behind."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import rproxy
from rproxy.connectors.local import LocalConnector
from rproxy.deployment.bundle import bundle
from rproxy.testing import command_only

from .conftest import connect_over, version_of


def ended(pid, within=6.0):
    """Whether a process ends in that many seconds."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z"):
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def root(tmp_path):
    return tmp_path / "rproxy root"


def test_no_argument_starts_a_process_of_its_own():
    with rproxy.connect() as client:
        assert client.module("os").getpid() != os.getpid()
        assert client.module("sys").executable == sys.executable


def test_a_client_is_made_of_a_connector_directly(channel):
    connector = LocalConnector() if channel == "stream" else command_only(LocalConnector())
    with rproxy.RemoteClient(connector) as client:
        assert client.module("os").path.join("a", "b") == "a/b"


def test_close_ends_the_endpoint():
    client = rproxy.connect()
    pid = client.module("os").getpid()
    client.close()
    assert ended(pid, within=0.5)


def test_close_ends_what_calls_have_started():
    with rproxy.connect() as client:
        child = client.module("subprocess").Popen(["sleep", "600"])
        stubborn = client.module("subprocess").Popen(["sh", "-c", "trap '' TERM; while :; do sleep 1; done"])
        pids = child.pid, stubborn.pid
    assert all(ended(pid) for pid in pids)


def test_threads_that_go_on_do_not_keep_the_endpoint(far_module):
    name = far_module(
        "threaded", "import threading, time\ndef go():\n    threading.Thread(target=time.sleep, args=(600,)).start()\n"
    )
    client = rproxy.connect()
    pid = client.module("os").getpid()
    client.module(name).go()
    client.close()
    assert ended(pid, within=1)


KILLED = """
import os, sys, rproxy
client = rproxy.connect()
print(client.module("os").getpid(), flush=True)
remote = client.module("subprocess")
remote.Popen(["sleep", "600"])
{end}
"""


@pytest.mark.parametrize("end", ["client.module('time').sleep(600)", "input()"])
def test_a_killed_client_leaves_nothing_running(end):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED.format(end=end)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )
    with process:
        pid = int(process.stdout.readline())
        time.sleep(0.5)
        group = [int(name) for name in os.listdir("/proc") if name.isdigit() and in_group(name, pid)]
        assert len(group) >= 2
        process.kill()
    assert all(ended(member) for member in group)


def in_group(name, leader):
    try:
        return os.getpgid(int(name)) == leader
    except OSError:
        return False


def test_an_interpreter_that_exits_without_close_is_silent_and_leaves_nothing():
    code = "import rproxy\nc = rproxy.connect()\nprint(c.module('os').getpid())"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert ended(int(done.stdout), within=0.5)


def test_large_calls_can_be_made_as_the_interpreter_exits():
    code = (
        "import atexit, rproxy\nlength = rproxy.connect().module('builtins').len\n"
        "atexit.register(lambda: print(length(bytes(1 << 20))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("1048576\n", "")


def test_the_endpoint_is_deployed_under_its_hash_and_used_again(root, channel):
    for _ in range(2):
        with connect_over(channel, endpoint_dir=str(root)) as client:
            assert client.info().endpoint == str(root / bundle().name)
    assert sorted(path.name for path in root.iterdir() if path.name != "tmp") == [bundle().name]


def test_two_clients_that_deploy_at_once_do_no_harm(root):
    def use(_):
        with rproxy.connect(endpoint_dir=str(root)) as client:
            return client.module("os").path.join("a", "b")

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(use, range(4))) == ["a/b"] * 4
    assert sorted(path.name for path in root.iterdir()) == [bundle().name]


def test_where_nothing_can_be_written_the_endpoint_runs_all_the_same():
    with rproxy.connect(endpoint_dir="/proc/no") as client:
        assert client.info().endpoint == "memory"
        assert client.module("os").path.join("a", "b") == "a/b"


@pytest.mark.once
def test_a_missing_interpreter_says_what_was_tried(channel):
    with pytest.raises(rproxy.RemoteNotSetupError, match=r"(?s)tried '/no/python3'.*not found.*python="):
        connect_over(channel, python="/no/python3")


@pytest.mark.once
def test_something_else_than_python_says_what_it_printed(channel):
    with pytest.raises(rproxy.RemoteNotSetupError, match="tried '/bin/echo'"):
        connect_over(channel, python="/bin/echo")


@pytest.mark.once
def test_an_old_interpreter_says_which_it_is(channel, tmp_path):
    """Python 2.7 if the machine has it; else an interpreter whose version looks old from its first line on."""
    real = sorted(Path(os.environ.get("PYENV_ROOT", "/nonexistent")).glob("versions/2.7*/bin/python"))
    if real:
        python, version = str(real[0]), "2.7"
    else:
        python, version = str(tmp_path / "python"), "3.5.2"
        site = tmp_path / "sitecustomize.py"
        site.write_text("import sys\nsys.version_info, sys.version = (3, 5, 2), '3.5.2 (old)'\n")
        Path(python).write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path} exec {sys.executable} "$@"\n')
        os.chmod(python, 0o755)
    with pytest.raises(rproxy.RemoteNotSetupError, match=rf"it is Python {version}.*, and the endpoint needs 3\.6"):
        connect_over(channel, python=python)


def test_the_setup_lines_run_before_python(channel):
    with connect_over(channel, setup="export FROM_SETUP='a b'\nRELATIVE=x") as client:
        assert client.module("os").getenv("FROM_SETUP") == "a b"


def test_setup_lines_that_fail_say_so(channel):
    with pytest.raises(rproxy.RemoteNotSetupError, match="no_such_command"):
        connect_over(channel, setup="set -e; no_such_command")


@pytest.mark.parametrize(
    ("target", "options", "error", "message"),
    [
        ("loca://", {}, ValueError, r"unknown scheme 'loca'; did you mean 'local'\?"),
        ("local", {}, ValueError, "write scheme://"),
        ("local://host", {}, ValueError, "takes no host"),
        (5, {}, TypeError, "a target is a URL"),
        (None, {"pyhton": "x"}, TypeError, r"local:// has no option 'pyhton'; did you mean 'python'\?"),
        (None, {"serializer": "jsn"}, ValueError, r"unknown serializer 'jsn'; did you mean 'json'\?"),
        (None, {"trust": "mypkg"}, TypeError, r"trust=\['mypkg'\]"),
        (None, {"trust": ["my pkg"]}, ValueError, "trusted package"),
        (None, {"python": 5}, TypeError, "python is a path"),
        (None, {"deploy": "no"}, TypeError, "deploy is True or False, not 'no'"),
        (None, {"ship": None}, TypeError, "ship is True or False, not None"),
        (LocalConnector(), {"host": "x"}, TypeError, "options of a connector go to its constructor"),
    ],
)
def test_a_target_or_option_that_cannot_be_meant_starts_nothing(target, options, error, message):
    with pytest.raises(error, match=message):
        rproxy.connect(target, **options)


def test_a_target_given_twice_is_refused():
    with pytest.raises(TypeError, match="target"):
        rproxy.connect("local://", target="local://")
    with pytest.raises(TypeError, match="needs a Connector"):
        rproxy.RemoteClient("local://")


def test_many_threads_share_a_client(channel):
    with connect_over(channel) as client:
        count = 200 if channel == "stream" else 4
        remote = client.module("operator")
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lambda n: remote.add(n, 1), range(count))) == list(range(1, count + 1))


def test_an_interrupted_call_leaves_the_session_usable():
    code = """
import rproxy, signal, os, threading
client = rproxy.connect()
remote_time = client.module("time")
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    remote_time.sleep(1)
except KeyboardInterrupt:
    print("interrupted", client.module("os").path.join("a", "b"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("interrupted a/b\n", "")


def test_ctrl_c_at_the_terminal_does_not_reach_the_endpoint():
    with rproxy.connect() as client:
        assert os.getpgid(client.module("os").getpid()) != os.getpgid(0)


def test_an_unknown_interpreter_is_no_version():
    assert version_of("/bin/false") is None
