"""`resident=True`: a call that finds its host out of reach waits for it, as long as one that has lost its link."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

import rproxy

from ..ssh.sshd import wait_for
from .test_resume import note, runs
from .unreliable import Unreliable, is_out_of_reach

pytestmark = pytest.mark.once

#: More attempts than any test waits for.
FOR_EVER = 10_000


@pytest.fixture
def connector():
    return Unreliable()


@pytest.fixture
def connect(connector):
    """`connect(**options)` makes a client whose functions need nothing more to be sent there."""
    made = []

    def connect(**options):
        made.append(rproxy.RemoteClient(connector, resident=True, **options))
        made[-1].call(note, "/dev/null")
        return made[-1]

    yield connect
    connector.faults.clear()
    for client in made:
        client.close()


def too_late(run):
    raise rproxy.CallTimeout("a command took longer than its time")


def leave(connector, attempts=FOR_EVER):
    """Takes the host out of reach of so many commands, and returns how many there were before."""
    connector.faults = [is_out_of_reach] * attempts
    return len(connector.commands)


def test_a_call_waits_for_its_host_and_runs_once(connect, connector, tmp_path):
    client = connect()
    pid, counter = client.module("os").getpid(), client.module("itertools").count(3)
    client.module("string").marker = [1, 2]
    leave(connector, 3)
    assert client.call(note, str(tmp_path / "runs"))[0] == pid
    assert connector.faults == []
    assert runs(tmp_path / "runs") == 1
    leave(connector, 1)
    assert next(counter) == 3
    assert client.module("string").marker == [1, 2]


def test_so_does_one_whose_arguments_go_ahead_as_a_file(connect, connector, monkeypatch):
    client, push, failing = connect(), connector.push, [1, 2]

    def lost(local, remote):
        if failing.pop():
            raise rproxy.ConnectorError("the link was lost while the file was on its way")

    monkeypatch.setattr(connector, "push", lambda local, remote: (lost if failing else push)(local, remote))
    assert len(client.module("copy").copy(bytes(3_000_000))) == 3_000_000
    assert failing == []


def test_so_does_a_batch(connect, connector, tmp_path):
    client = connect()
    leave(connector, 2)
    with client.batch():
        promises = [client.call(note, str(tmp_path / "runs")) for _ in range(3)]
    assert len({promise.result() for promise in promises}) == 1
    assert runs(tmp_path / "runs") == 3


def test_a_call_that_waits_in_vain_has_not_run_and_the_session_goes_on(connect, connector, tmp_path):
    client = connect(reconnect_timeout=0.4)
    counter = client.module("itertools").count(3)
    before = leave(connector)
    with pytest.raises(rproxy.ConnectionLost, match=r"did not run.*not be reached for 0.4 s: .*no route") as caught:
        client.call(note, str(tmp_path / "runs"))
    assert caught.value.may_have_run is False
    assert caught.value.stage == "connection"
    assert len(connector.commands) > before + 1
    connector.faults.clear()
    assert next(counter) == 3
    assert not (tmp_path / "runs").exists()


def test_a_session_is_not_made_anew_while_its_host_is_out_of_reach(connect, connector):
    client = connect(reconnect_timeout=0.4, reconnect=True)
    counter = client.module("itertools").count(3)
    leave(connector)
    with pytest.raises(rproxy.ConnectionLost, match="could not be reached for 0.4 s"):
        next(counter)
    connector.faults.clear()
    assert next(counter) == 3


@pytest.mark.parametrize(
    "error",
    [
        rproxy.AuthenticationError("the key has expired"),
        rproxy.HostKeyError("the host has another key"),
        rproxy.ConnectorError("its login shell did not run the command").at("shell"),
        rproxy.ConnectorError("cannot copy a file there: no space left").at("folders"),
    ],
    ids=lambda error: error.stage,
)
def test_what_no_time_mends_is_told_at_once(connect, connector, error):
    client = connect()

    def fail(run):
        raise error

    connector.faults = [fail, is_out_of_reach]
    with pytest.raises(type(error), match=str(error)):
        client.ping()
    assert connector.faults == [is_out_of_reach]


def test_the_first_request_of_a_client_does_not_wait(connector):
    rproxy.RemoteClient(connector, resident=True).close()  # so that the endpoint is there
    connector.faults = [lambda run: run(), is_out_of_reach]  # the first one makes the client's folder
    with pytest.raises(rproxy.ConnectorError, match="no route") as caught:
        rproxy.RemoteClient(connector, resident=True)
    assert type(caught.value) is rproxy.ConnectorError


# -- who stops waiting ---------------------------------------------------------------------------------


def test_the_time_of_a_call_holds_while_it_waits(connect, connector, tmp_path):
    client = connect()
    leave(connector)
    told = r"longer than 0.5 s: it had not begun there, and never will: .*no route"
    with client.timeout(0.5), pytest.raises(rproxy.CallTimeout, match=told):
        client.call(note, str(tmp_path / "runs"))
    connector.faults.clear()
    assert client.module("operator").add(1, 1) == 2
    assert not (tmp_path / "runs").exists()


def test_a_call_that_is_cancelled_while_it_waits_never_runs(connect, connector, tmp_path):
    client = connect()
    before = leave(connector)
    future = client.submit(note, str(tmp_path / "runs"))
    wait_for(lambda: len(connector.commands) > before + 1)
    assert future.cancel()
    connector.faults.clear()
    assert client.module("operator").add(1, 1) == 2
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("in_flight", [False, True])
def test_close_ends_the_waiting(connect, connector, in_flight):
    client = connect()
    pid, before = client.module("os").getpid(), leave(connector)
    if in_flight:
        connector.faults.insert(0, never)
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(client.call, note, "/dev/null")
        wait_for(lambda: len(connector.commands) > before + 1 + in_flight)
        client.close()
        assert isinstance(job.exception(), rproxy.ConnectionLost)
        assert "until the client was closed" in str(job.exception())
        assert job.exception().may_have_run is in_flight
    os.kill(pid, 15)


@pytest.mark.parametrize("fault", [is_out_of_reach, too_late])
def test_close_asks_a_host_that_is_out_of_reach_once(connect, connector, fault):
    """It may be silent, and each command for many seconds."""
    client = connect()
    pid, before = client.module("os").getpid(), len(connector.commands)
    connector.faults = [fault] * FOR_EVER
    client.close()
    assert len(connector.commands) == before + 1
    os.kill(pid, 15)


def never(run):
    raise rproxy.ConnectionLost("the link is gone; whether the command has run is unknown")


INTERRUPTED = """
import os, signal, threading, time
import rproxy
from tests.life.unreliable import Unreliable, is_out_of_reach

connector = Unreliable()

def interrupt(before):
    while len(connector.commands) < before + 3:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)

with rproxy.RemoteClient(connector, resident=True) as client:
    remote_os = client.module("os")
    connector.faults = [is_out_of_reach] * 10000
    threading.Thread(target=interrupt, args=(len(connector.commands),)).start()
    try:
        remote_os.mkdir({path!r})
    except KeyboardInterrupt:
        connector.faults.clear()
        print("interrupted", client.module("operator").add(1, 1), os.path.exists({path!r}))
"""


def test_ctrl_c_ends_the_waiting(tmp_path):
    code = INTERRUPTED.format(path=str(tmp_path / "made"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("interrupted 2 False\n", "")
