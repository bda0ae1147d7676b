"""`resident=True`: a link that is lost under a call is joined again, and the result comes once."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest

import rproxy

from ..ssh.sshd import wait_for
from ..test_life import ended
from . import unreliable
from .unreliable import Unreliable, relays

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def shared():
    with rproxy.RemoteClient(Unreliable(), resident=True, reconnect_timeout=30) as client:
        client.call(note, "/dev/null")  # what functions need there is there from now on
        yield client


@pytest.fixture
def client(shared):
    yield shared
    shared._connector.faults.clear()


@pytest.fixture
def connector(client):
    return client._connector


def note(path, seconds=0.0, size=0):
    import os
    import time

    with open(path, "a") as file:
        file.write("run\n")
    time.sleep(seconds)
    print("printed once")
    return os.getpid(), bytes(size)


def runs(path):
    return path.read_text().count("run\n")


ONE = [
    "never_starts", "loses_the_answer", "says_nothing", "cuts_the_answer", "runs_twice", "takes_too_long", "is_killed",
]  # fmt: skip
SEVERAL = [
    ["is_killed", "is_out_of_reach", "is_killed", "says_nothing"],
    ["never_starts", "is_out_of_reach", "cuts_the_answer", "takes_too_long"],
]


@pytest.mark.parametrize("faults", [[name] for name in ONE] + SEVERAL, ids=" ".join)
def test_a_call_that_loses_its_command_runs_once_and_returns_its_result(client, connector, tmp_path, faults):
    pid = client.module("os").getpid()
    connector.faults = [getattr(unreliable, name) for name in faults]
    with client.capture() as out:
        # So long that it still runs when the last of them comes.
        assert client.call(note, str(tmp_path / "runs"), 0.3 if len(faults) == 1 else 2.5) == (pid, b"")
    assert runs(tmp_path / "runs") == 1
    assert out.text == "printed once\n"
    assert connector.faults == []


@pytest.mark.parametrize("fault", ["loses_the_answer", "cuts_the_answer", "never_starts"])
def test_large_arguments_and_results_that_are_lost_come_again(client, connector, fault):
    data = os.urandom(9_000_000)
    connector.faults = [getattr(unreliable, fault)]
    assert client.module("copy").copy(data) == data


def test_an_argument_that_has_come_is_not_sent_again(client, connector, monkeypatch):
    pushed, push = [], connector.push
    monkeypatch.setattr(connector, "push", lambda local, remote: (pushed.append(remote), push(local, remote)))
    connector.faults = [unreliable.loses_the_answer]
    assert client.module("zlib").crc32(bytes(3_000_000)) == zlib.crc32(bytes(3_000_000))
    assert len(pushed) == 1


def test_state_and_objects_are_there_after_a_lost_link(client, connector):
    counter, module = client.module("itertools").count(3), client.module("string")
    module.marker = [1, 2]
    connector.faults = [unreliable.is_killed]
    assert client.call(lambda: __import__("time").sleep(0.5)) is None
    connector.faults = [unreliable.says_nothing]
    assert next(counter) == 3
    assert next(counter) == 4
    assert module.marker == [1, 2]


def test_an_object_that_a_lost_answer_brought_is_there(client, connector):
    connector.faults = [unreliable.cuts_the_answer]
    counter = client.module("itertools").count(7)
    assert next(counter) == 7


def test_a_failure_comes_back_by_another_command_too(client, connector):
    connector.faults = [unreliable.loses_the_answer]
    with pytest.raises(ZeroDivisionError):
        client.call(lambda: 1 / 0)


def test_a_call_whose_command_dies_under_it_goes_on(client, connector, tmp_path):
    connector.faults = [unreliable.killed_when((tmp_path / "runs").exists)]
    assert client.call(note, str(tmp_path / "runs"), 0.5)[0] == client.module("os").getpid()
    assert runs(tmp_path / "runs") == 1


def test_a_batch_that_loses_its_command_runs_once(client, connector, tmp_path):
    connector.faults = [unreliable.loses_the_answer]
    with client.batch():
        promises = [client.call(note, str(tmp_path / "runs")) for _ in range(3)]
    assert len({promise.result() for promise in promises}) == 1
    assert runs(tmp_path / "runs") == 3


def test_a_session_whose_first_command_is_lost_begins_all_the_same():
    connector = Unreliable()
    rproxy.RemoteClient(connector, resident=True).close()  # so that the endpoint is there
    for fault in (unreliable.loses_the_answer, unreliable.never_starts):
        connector.faults = [lambda run: run(), fault]  # the first one makes the client's folder
        with rproxy.RemoteClient(connector, resident=True) as client:
            assert client.module("operator").add(1, 1) == 2


def test_a_call_takes_as_many_commands_as_it_needs():
    connector = Unreliable()
    with rproxy.RemoteClient(connector, resident=True, keepalive=0.3) as client:
        before = len(connector.commands)
        client.module("time").sleep(1.0)
        assert len(connector.commands) - before >= 3
        assert set(connector.times[before:]) == {0.3 + connector.start_timeout}


def test_machine_code_that_holds_the_interpreters_lock_is_not_taken_for_a_lost_link():
    connector = Unreliable()
    with rproxy.RemoteClient(connector, resident=True, keepalive=0.3, reconnect_timeout=0.5) as client:
        assert client.call(lambda: __import__("ctypes").PyDLL(None).usleep(900_000)) == 0


# -- where it cannot be joined -------------------------------------------------------------------------


def test_a_link_that_does_not_come_back_is_lost_and_the_call_is_interrupted_there(tmp_path):
    connector = Unreliable()
    options = {"resident": True, "reconnect_timeout": 0.4, "keepalive": 0.4}
    connector.start_timeout = 1
    with rproxy.RemoteClient(connector, **options) as client:
        client.call(note, "/dev/null")
        begun = unreliable.killed_when((tmp_path / "told begun").exists)
        connector.faults = [begun] + [unreliable.is_out_of_reach] * 20
        with pytest.raises(rproxy.ConnectionLost, match=r"(?s)no route to host.*has run is unknown") as caught:
            client.call(sleep_and_tell, str(tmp_path / "told"))
        assert caught.value.may_have_run
        wait_for(lambda: (tmp_path / "told").exists())
        connector.faults.clear()
        assert (tmp_path / "told").read_text() == "interrupted"
        assert client.module("operator").add(1, 1) == 2


def sleep_and_tell(path):
    import time

    open(path + " begun", "w").close()
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        with open(path + ".new", "w") as file:
            file.write("interrupted")
        __import__("os").rename(path + ".new", path)
        raise


def test_a_host_that_lets_us_in_no_more_is_not_asked_again(client, connector):
    def refuse(run):
        raise rproxy.AuthenticationError("the key has expired")

    connector.faults = [unreliable.says_nothing, refuse]
    with pytest.raises(rproxy.AuthenticationError):
        client.ping()


def test_an_endpoint_that_is_killed_under_a_call_leaves_its_outcome_unknown():
    with rproxy.RemoteClient(Unreliable(), resident=True) as client:
        pid = client.module("os").getpid()
        timer = threading.Timer(0.5, os.kill, (pid, signal.SIGKILL))
        timer.start()
        with pytest.raises(rproxy.ConnectionLost, match=r"(?s)it has ended.*has run is unknown") as caught:
            client.module("time").sleep(60)
        assert caught.value.may_have_run


def test_an_endpoint_that_is_stopped_is_told_as_stopped():
    connector = Unreliable()
    with rproxy.RemoteClient(connector, resident=True, keepalive=0.3, reconnect_timeout=0.5) as client:
        pid = client.module("os").getpid()
        timer = threading.Timer(0.3, os.kill, (pid, signal.SIGSTOP))
        timer.start()
        with pytest.raises(rproxy.ConnectionLost, match="SIGSTOP"):
            client.module("time").sleep(60)
        os.kill(pid, signal.SIGCONT)
    assert ended(pid)


# -- who stops waiting ---------------------------------------------------------------------------------


def test_a_call_that_takes_too_long_is_stopped_there(client):
    remote_time = client.module("time")
    with client.timeout(0.5), pytest.raises(rproxy.CallTimeout, match=r"longer than 0.5 s: it was stopped there"):
        remote_time.sleep(60)
    assert client.module("operator").add(1, 1) == 2


def test_a_call_that_cannot_be_stopped_in_time_says_so(client):
    client.call(lambda: __import__("ctypes"))
    with client.timeout(0.3), pytest.raises(rproxy.CallTimeout, match="could not be stopped there"):
        client.call(lambda: __import__("ctypes").PyDLL(None).usleep(7_000_000))
    assert client.module("operator").add(1, 1) == 2


def test_a_call_that_comes_too_late_never_begins(client, connector, tmp_path):
    def is_late(run):
        time.sleep(0.6)
        raise rproxy.ConnectionLost("the link is gone; whether the command has run is unknown")

    connector.faults = [is_late]
    with client.timeout(0.4), pytest.raises(rproxy.CallTimeout, match="had not begun there, and never will"):
        client.call(note, str(tmp_path / "runs"))
    assert not (tmp_path / "runs").exists()


INTERRUPTED = """
import os, signal, threading, time
import rproxy
from rproxy.connectors.local import LocalConnector
from rproxy.testing import command_only

def there(path):
    import time
    try:
        open(path, "w").close()
        time.sleep(60)
    except KeyboardInterrupt:
        open(path + " interrupted", "w").close()
        raise

def interrupt():
    while not os.path.exists({path!r}):
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGINT)

with rproxy.RemoteClient(command_only(LocalConnector()), resident=True) as client:
    threading.Thread(target=interrupt).start()
    try:
        client.call(there, {path!r})
    except KeyboardInterrupt:
        print("interrupted", client.module("operator").add(1, 1), os.path.exists({path!r} + " interrupted"))
"""


def test_ctrl_c_interrupts_the_call_there_and_the_session_goes_on(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(INTERRUPTED.format(path=str(tmp_path / "begun")))
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("interrupted 2 True\n", "")


KILLED = """
import rproxy
from rproxy.connectors.local import LocalConnector
from rproxy.testing import command_only

connector = command_only(LocalConnector())
connector.start_timeout = 1
client = rproxy.RemoteClient(connector, resident=True, keepalive=0.3, reconnect_timeout=0.3, idle_timeout=0.5)
print(client.module("os").getpid(), flush=True)
client.module("time").sleep(600)
"""


def test_a_client_that_is_killed_leaves_no_call_running_for_long():
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(KILLED)], stdout=subprocess.PIPE) as process:
        pid = int(process.stdout.readline())
        time.sleep(0.3)
        process.kill()
    assert ended(pid, within=10)


def test_close_while_a_call_runs_ends_it():
    client = rproxy.RemoteClient(Unreliable(), resident=True)
    pid, remote_time = client.module("os").getpid(), client.module("time")
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(remote_time.sleep, 60)
        wait_for(relays)
        client.close()
        assert isinstance(job.exception(), rproxy.RProxyError)
    assert ended(pid)


@pytest.mark.parametrize("how", ["in machine code", "stopped"])
def test_close_ends_an_endpoint_that_does_not_answer(tmp_path, how):
    client = rproxy.RemoteClient(Unreliable(), resident=True)
    pid, child = client.module("os").getpid(), client.module("subprocess").Popen(["sleep", "600"]).pid
    if how == "stopped":
        os.kill(pid, signal.SIGSTOP)
    else:
        client.submit(hold, str(tmp_path / "begun"))
        wait_for((tmp_path / "begun").exists)
    client.close()
    assert ended(pid)
    assert ended(child)


def hold(path):
    import ctypes

    open(path, "w").close()
    ctypes.PyDLL(None).sleep(600)
