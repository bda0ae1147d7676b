"""The same behaviour over every way to a host by ssh: each kind of connector, each channel."""

import contextlib
import datetime
import hashlib
import io
import os
import signal
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import pytest

import rproxy

from .conftest import ssh_connector
from .sshd import command_of, wait_for

# -- values --------------------------------------------------------------------------------------------


def test_a_call_returns_its_value(ssh_client, shared_sshd):
    assert ssh_client.module("os").getenv("HOME") == str(shared_sshd.home)
    assert ssh_client.module("os.path").join("a", "ü 'b'") == "a/ü 'b'"


def test_the_verb_returns_value_and_output(ssh_client):
    assert ssh_client.do_remote_call("builtins", "print", args=["it's", "there"]) == (None, "it's there\n")


def test_data_of_many_kinds_comes_back_as_it_went(ssh_client):
    data = {"text": "ü\0\n", "bytes": bytes(range(256)), "when": datetime.date(2024, 2, 29), "set": {1, (2, 3)}}
    assert ssh_client.module("copy").deepcopy(data) == data


def test_large_data_goes_both_ways_unchanged(ssh_client):
    data = os.urandom(1 << 20) * 8
    assert ssh_client.module("zlib").crc32(data) == zlib.crc32(data)
    back = ssh_client.module("copy").copy(data)
    assert hashlib.sha256(back).digest() == hashlib.sha256(data).digest()


def test_a_live_object_stays_there(ssh_client):
    if ssh_client.info().channel != "stream":
        with pytest.raises(rproxy.SerializationError):
            ssh_client.module("itertools").count(10)
        return
    counter = ssh_client.module("itertools").count(10)
    assert [next(counter), next(counter)] == [10, 11]


def test_a_function_from_here_runs_there(ssh_client):
    pid = os.getpid()
    assert ssh_client.call(lambda: __import__("os").getpid()) != pid


# -- errors and output ---------------------------------------------------------------------------------


def test_the_real_exception_comes_back(ssh_client):
    with pytest.raises(FileNotFoundError) as caught:
        ssh_client.module("os").stat("/no/such/file")
    assert (caught.value.errno, caught.value.filename) == (2, "/no/such/file")
    assert isinstance(caught.value, rproxy.RemoteExecError)
    with pytest.raises(ValueError) as caught:
        ssh_client.module("json").loads("{")
    assert 'json/decoder.py", line' in caught.value.remote_traceback


def test_what_a_call_prints_is_shown_here(ssh_client):
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        ssh_client.module("builtins").print("ü from there")
        ssh_client.module("os").system("echo from a child")
    assert shown.getvalue() == "ü from there\nfrom a child\n"


def test_bytes_written_to_standard_output_are_not_taken_for_messages(ssh_client):
    with ssh_client.capture() as out:
        assert ssh_client.module("os").write(1, b"\x00\x01<rproxy:" * 1000) == 10000
    assert len(out.text) == 10000


# -- blocks --------------------------------------------------------------------------------------------


def test_an_environment_holds_inside_its_block(ssh_client):
    remote_os = ssh_client.module("os")
    with ssh_client.env(RPROXY_X="ü 'x'\n!", HOME=None):
        assert (remote_os.getenv("RPROXY_X"), remote_os.getenv("HOME")) == ("ü 'x'\n!", None)
    assert remote_os.getenv("RPROXY_X") is None


def test_a_working_directory_holds_inside_its_block(ssh_client, tmp_path):
    folder = tmp_path / "with space, 'quotes' and ü!"
    folder.mkdir()
    with ssh_client.cwd(folder):
        assert ssh_client.module("os").getcwd() == str(folder)


# -- starting in odd places ----------------------------------------------------------------------------


def test_the_endpoint_may_be_in_a_folder_with_an_odd_name(kind, channel, shared_sshd, connect_ssh, tmp_path):
    folder = tmp_path / "a b'c\"d\\e!f ü $HOME"
    client = connect_ssh(kind, shared_sshd, channel, endpoint_dir=str(folder))
    assert client.info().endpoint.startswith(str(folder))


def test_setup_lines_run_first(kind, channel, shared_sshd, connect_ssh):
    client = connect_ssh(kind, shared_sshd, channel, setup="export FROM_SETUP='it''s set!'\n# ü")
    assert client.module("os").getenv("FROM_SETUP") == "its set!"


def test_a_missing_interpreter_is_told(kind, channel, shared_sshd, connect_ssh):
    with pytest.raises(rproxy.RemoteNotSetupError, match="/no/python3"):
        connect_ssh(kind, shared_sshd, channel, python="/no/python3")


# -- interrupts and the end ----------------------------------------------------------------------------

INTERRUPTED = """
import os, signal, sys, threading
sys.path.insert(0, {root!r})
import rproxy
with rproxy.connect({target!r}, python=sys.executable, **{options!r}) as client:
    remote_time = client.module("time")
    pids = os.getpid(), client.module("os").getpid()
    # As a terminal does it: the whole foreground group gets the signal.
    threading.Timer(0.3, os.killpg, (0, signal.SIGINT)).start()
    try:
        remote_time.sleep(1)
    except KeyboardInterrupt:
        print("interrupted", client.module("os").path.join("a", "b"), client.module("os").getpid() == pids[1])
"""


def options_of(server):
    return {"identity": server.keys["user"], "known_hosts": server.known_hosts, "ssh_config": server.keys.empty_config}


def test_ctrl_c_leaves_the_session_sound(kind, shared_sshd):
    root = str(Path(rproxy.__file__).parent.parent)
    code = INTERRUPTED.format(root=root, target=f"{kind}://{shared_sshd.address}", options=options_of(shared_sshd))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, start_new_session=True
    )
    assert (done.stdout, done.stderr) == ("interrupted a/b True\n", "")


KILLED = """
import os, sys
import rproxy
client = rproxy.connect({target!r}, python=sys.executable, **{options!r})
client.module("subprocess").Popen(["sleep", "600"])
print(client.module("os").getpid(), flush=True)
input()
"""


def test_a_killed_client_leaves_nothing_on_either_side(kind, sshd, tmp_path):
    server = sshd()
    code = KILLED.format(target=f"{kind}://{server.address}", options=options_of(server))
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as process:
        pid = int(process.stdout.readline())
        assert "sleep" in map(command_of, server.sessions())
        process.send_signal(signal.SIGKILL)
    wait_for(lambda: server.sessions() == [] and not command_of(pid))
    wait_for(lambda: not running_with(str(server.port)))


def running_with(word):
    """The processes that have a word in their command lines."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{name}/cmdline").read_bytes().decode(errors="replace").split("\0")
            if word in words and "sshd" not in words[0] and "setpriv" not in words[0]:
                found.append(words)
    return found


def test_an_interpreter_that_exits_without_close_is_silent(kind, sshd):
    server = sshd()
    code = KILLED.format(target=f"{kind}://{server.address}", options=options_of(server)).replace("input()", "")
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    wait_for(lambda: server.sessions() == [])


def test_a_link_that_is_lost_ends_the_call_and_the_work(kind, sshd, connect_ssh):
    server = sshd()
    client = connect_ssh(kind, server)
    remote_os, remote_time = client.module("os"), client.module("time")
    pid = remote_os.getpid()
    threading.Timer(0.3, server.cut).start()
    with pytest.raises(rproxy.ConnectionLost, match="unknown") as caught:
        remote_time.sleep(600)
    assert caught.value.may_have_run
    with pytest.raises(rproxy.ConnectionLost, match="not sent") as caught:
        remote_os.getpid()
    assert not caught.value.may_have_run
    wait_for(lambda: not command_of(pid))


def test_a_link_that_is_lost_under_a_command_is_not_taken_for_its_failure(kind, sshd, connect_ssh):
    server = sshd()
    client = connect_ssh(kind, server, "command")
    threading.Timer(0.5, server.cut).start()
    with pytest.raises(rproxy.ConnectionLost, match="unknown"):
        client.module("time").sleep(20)


def test_commands_go_on_after_a_link_was_lost(kind, sshd, connect_ssh):
    server = sshd()
    client = connect_ssh(kind, server, "command")
    server.cut()
    wait_for(lambda: server.sessions() == [])
    assert client.module("os").path.join("a", "b") == "a/b"


def test_close_leaves_nothing_there(kind, channel, sshd):
    server = sshd()
    with rproxy.connect(ssh_connector(kind, server, channel), python=sys.executable) as client:
        client.ping()
    wait_for(lambda: server.sessions() == [])
    assert list((server.home / ".rproxy" / "tmp").glob("session-*")) == []
