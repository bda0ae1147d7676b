"""Starting, ending, and what must not stay behind."""

import os
import shutil
import signal
import stat
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


def test_a_missing_interpreter_says_what_was_tried(channel):
    with pytest.raises(rproxy.RemoteNotSetupError, match=r"(?s)tried '/no/python3'.*not found.*python="):
        connect_over(channel, python="/no/python3")


def test_something_else_than_python_says_what_it_printed(channel):
    with pytest.raises(rproxy.RemoteNotSetupError, match="tried '/bin/echo'"):
        connect_over(channel, python="/bin/echo")


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


# -- without a stream ----------------------------------------------------------------------------------


class Counting(rproxy.Connector):
    """Counts what a client asks of a connector, and looks at its folder in between."""

    def __init__(self, inner):
        self.inner, self.asked, self.modes = inner, [], set()
        self.target, self.python = inner.target, inner.python
        self.file_patience = 0.2

    def run(self, command, *, input=b"", timeout=None):
        self.asked.append("run")
        assert len(command.encode()) <= self.command_limit
        return self.inner.run(command, input=input, timeout=timeout)

    def push(self, local, remote):
        self.asked.append("push")
        self.modes.add(stat.S_IMODE(os.stat(os.path.dirname(remote)).st_mode))
        self.inner.push(local, remote)

    def pull(self, remote, local):
        self.asked.append("pull")
        self.inner.pull(remote, local)

    def count(self, function):
        self.asked.clear()
        function()
        return self.asked


@pytest.fixture
def counting(root):
    connector = Counting(LocalConnector())
    client = rproxy.RemoteClient(connector, endpoint_dir=str(root))
    yield connector, client, root / "tmp"
    client.close()
    assert list((root / "tmp").iterdir()) == []


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_small_call_is_one_run_and_no_file(counting):
    connector, client, folder = counting
    module = client.module("os")
    assert connector.count(lambda: module.path.join("a", "b")) == ["run"]
    assert connector.count(lambda: client.do_remote_call("os", "getpid")) == ["run"]
    assert files_in(folder) == []


def test_a_large_request_adds_a_push_and_a_large_answer_a_pull(counting):
    connector, client, folder = counting
    zlib, builtins = client.module("zlib"), client.module("builtins")
    assert connector.count(lambda: zlib.crc32(bytes(10**6))) == ["push", "run"]
    assert connector.count(lambda: builtins.bytes(10**7)) == ["run", "pull"]
    assert connector.count(lambda: client.module("copy").copy(bytes(10**7))) == ["run", "push", "run", "pull"]
    client.ping()
    assert files_in(folder) == []
    assert connector.modes == {0o700}


def test_large_output_is_pulled_too(counting):
    connector, client, _ = counting
    with client.capture() as out:
        assert connector.count(lambda: client.call(print, "x" * 10**7))[-2:] == ["run", "pull"]
    assert len(out.text) == 10**7 + 1


def test_names_of_files_cannot_be_guessed(counting):
    connector, client, folder = counting
    seen = []
    connector.push = lambda local, remote: (seen.append(remote), connector.inner.push(local, remote))
    for _ in range(2):
        client.module("zlib").crc32(bytes(10**6))
    assert len({os.path.basename(path) for path in seen}) == 2
    assert all(len(os.path.basename(path)) >= len("request-") + 16 for path in seen)
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o700]


def test_files_go_after_failures_too(counting):
    connector, client, folder = counting
    with pytest.raises(ZeroDivisionError):
        client.call(lambda data: 1 / 0, bytes(10**6))
    with pytest.raises(rproxy.ConnectionLost):
        client.call(lambda data: __import__("os")._exit(3), bytes(10**6))
    assert files_in(folder) == []

    def refuse(remote, local):
        raise rproxy.ConnectorError("the link is down")

    connector.pull = refuse
    with pytest.raises(rproxy.ConnectorError, match="the link is down"):
        client.module("builtins").bytes(10**7)
    client.ping()
    assert files_in(folder) == []


def test_an_answer_that_is_cut_off_is_a_lost_connection(counting):
    connector, client, _ = counting
    module = client.module("os")
    run = connector.inner.run
    for keep in (0, 10, 40, 60, -1):
        connector.inner.run = lambda *a, keep=keep, **k: (done := run(*a, **k))._replace(stdout=done.stdout[:keep])
        with pytest.raises(rproxy.ConnectionLost, match="is unknown"):
            module.path.join("a", "b")
    connector.inner.run = run
    assert module.path.join("a", "b") == "a/b"


def test_text_only_services_get_text(root):
    class TextOnly(Counting):
        text_only = True

        def run(self, command, *, input=b"", timeout=None):
            done = super().run(command, input=input, timeout=timeout)
            return done._replace(stdout=done.stdout.decode("ascii").strip().encode() + b"\r\n")

    with rproxy.RemoteClient(TextOnly(LocalConnector()), endpoint_dir=str(root)) as client:
        assert client.module("builtins").bytes(range(256)) == bytes(range(256))


def test_an_endpoint_that_was_removed_meanwhile_is_deployed_again(counting, root):
    _, client, _ = counting
    shutil.rmtree(root / bundle().name)
    assert client.module("os").path.join("a", "b") == "a/b"
    assert (root / bundle().name).is_dir()


def test_an_endpoint_that_was_removed_and_may_not_be_deployed_did_not_run_the_call(counting, root):
    with connect_over("command", endpoint_dir=str(root), deploy=False) as client:
        shutil.rmtree(root / bundle().name)
        with pytest.raises(rproxy.RemoteNotSetupError, match="did not run"):
            client.ping()


def test_an_unknown_interpreter_is_no_version():
    assert version_of("/bin/false") is None
    assert signal.SIGINT == 2
