"""`resident=True`: one endpoint that stays on its host between commands."""

import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

import rproxy
from rproxy.connectors.local import LocalConnector
from rproxy.testing import command_only

from .conftest import interpreters
from .test_life import ended

pytestmark = pytest.mark.once

FOLDER = Path(f"/tmp/rproxy-{os.getuid()}")


class Unreliable(LocalConnector):
    """This machine; a test may lose, repeat or delay commands."""

    open = None

    def __init__(self):
        self.around = lambda run: run()
        self.commands = []

    def run(self, command, *, input=b"", timeout=None):
        self.commands.append((command, input))
        return self.around(lambda: LocalConnector.run(self, command, input=input, timeout=timeout))


@pytest.fixture
def connector():
    return Unreliable()


@pytest.fixture
def client(connector):
    with rproxy.RemoteClient(connector, resident=True, reconnect_timeout=1) as client:
        yield client
        connector.around = lambda run: run()


def pid_of(client):
    return client.module("os").getpid()


def told_pid(client):
    """The same, of one that may be gone by now."""
    return client._session.channel.facts["pid"]


def resident(session=None, idle_timeout=30):
    return rproxy.RemoteClient(
        command_only(LocalConnector()), resident=True, session=session, idle_timeout=idle_timeout
    )


def test_an_object_of_this_side_is_refused_before_anything_is_sent(client, connector):
    sent = len(connector.commands)
    with pytest.raises(rproxy.SerializationError, match=r"rproxy.local\(\) needs a connector with a stream"):
        client.call(lambda f: f(), rproxy.local(print))
    assert len(connector.commands) == sent


# -- what lasts ----------------------------------------------------------------------------------------


def test_all_calls_are_of_one_process(client):
    assert pid_of(client) == pid_of(client)
    assert client.info().channel == "resident"


def test_the_state_of_modules_lasts(client):
    module = client.module("string")
    module.marker = [1, 2]
    assert module.marker == [1, 2]
    client.module("os").environ["SET_BY_ONE"] = "yes"
    assert client.module("os").getenv("SET_BY_ONE") == "yes"


def test_objects_stay_and_are_released(client):
    counter = client.module("itertools").count(3)
    assert (next(counter), next(counter)) == (3, 4)
    del counter
    held = client.call(lambda: len(__import__("gc").get_objects()))
    assert held > 0


def test_local_functions_and_output_work_as_over_a_stream(client):
    with client.capture() as out:
        assert client.call(lambda: (print("printed"), 5)[1]) == 5
        assert client.call(lambda: (print("again"), 6)[1]) == 6
    assert out.text == "printed\nagain\n"


def test_large_values_travel_both_ways(client):
    data = os.urandom(6_000_000)
    assert client.module("copy").copy(data) == data


def test_a_batch_is_one_command(client, connector):
    remote = client.module("operator")
    count = len(connector.commands)
    with client.batch():
        promises = [remote.add(number, 1) for number in range(10)]
    assert [promise.result() for promise in promises] == list(range(1, 11))
    assert len(connector.commands) == count + 1


def test_threads_share_a_client(client):
    remote, results = client.module("operator"), []
    threads = [threading.Thread(target=lambda n=n: results.append(remote.add(n, 1))) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [1, 2, 3, 4, 5, 6]


def test_an_old_interpreter_can_stay_too():
    python = interpreters().get((3, 6))
    if python is None:
        pytest.skip("install Python 3.6, for example by `pyenv install 3.6.15`")
    with rproxy.RemoteClient(command_only(LocalConnector()), python=python, resident=True) as client:
        counter = client.module("itertools").count(1)
        assert (next(counter), next(counter)) == (1, 2)


# -- who shares what -----------------------------------------------------------------------------------


def test_two_clients_share_nothing():
    with resident() as first, resident() as second:
        first.module("string").marker = 1
        with pytest.raises(AttributeError):
            second.module("string").marker  # noqa: B018
        assert pid_of(first) != pid_of(second)


def test_clients_of_one_session_share_modules_and_keep_their_objects():
    name = f"test {os.urandom(4).hex()}"
    with resident(name) as first, resident(name) as second:
        first.module("string").marker = 1
        assert second.module("string").marker == 1
        mine, other = first.module("itertools").count(5), second.module("itertools").count(7)
        assert (next(mine), next(other)) == (5, 7)
        first.close()
        assert next(other) == 8
        os.kill(pid_of(second), signal.SIGTERM)


def test_a_named_session_outlives_its_clients():
    name = f"test {os.urandom(4).hex()}"
    with resident(name) as first:
        pid = pid_of(first)
        first.module("string").marker = 1
    with resident(name) as second:
        assert pid_of(second) == pid
        assert second.module("string").marker == 1
        os.kill(pid, signal.SIGTERM)


def test_a_named_session_without_clients_ends_when_it_is_idle():
    with resident(f"test {os.urandom(4).hex()}", idle_timeout=0.5) as client:
        pid = told_pid(client)
    assert ended(pid)


# -- the end -------------------------------------------------------------------------------------------


def test_close_ends_it_with_all_that_it_has_started(connector):
    with rproxy.RemoteClient(connector, resident=True) as client:
        pid = pid_of(client)
        child = client.module("subprocess").Popen(["sleep", "600"]).pid
        name = client._session.channel._name
        assert (FOLDER / name).is_socket()
    assert ended(pid)
    assert ended(child)
    assert not (FOLDER / name).exists()


@pytest.mark.parametrize("session", [None, "one to remove"])
def test_undeploy_ends_it_with_all_that_it_has_started(session, tmp_path):
    connector = command_only(LocalConnector())
    options = {"session": session, "endpoint_dir": str(tmp_path / "endpoint")}
    client = rproxy.RemoteClient(connector, resident=True, **options)
    pid, child = pid_of(client), client.module("subprocess").Popen(["sleep", "600"]).pid
    client.undeploy()
    assert ended(pid)
    assert ended(child)
    assert not (tmp_path / "endpoint").exists()


def test_it_ends_by_itself_when_nobody_asks_for_anything():
    with resident(idle_timeout=0.5) as client:
        assert ended(told_pid(client))
        with pytest.raises(rproxy.ConnectionLost, match=r"has ended.*idle.*did not run") as caught:
            client.ping()
        assert caught.value.may_have_run is False


def test_those_who_look_whether_it_is_there_do_not_keep_it():
    """As every start of another one does."""
    with resident(idle_timeout=1) as client:
        pid, path = told_pid(client), str(FOLDER / client._session.channel._name)
        over = threading.Event()

        def look():
            while not over.wait(0.2):
                with socket.socket(socket.AF_UNIX) as visitor:
                    visitor.connect_ex(path)

        thread = threading.Thread(target=look)
        thread.start()
        try:
            assert ended(pid)
        finally:
            over.set()
            thread.join()


def test_a_long_call_is_not_idleness():
    with resident(idle_timeout=2.5) as client:
        client.call(time.sleep, 3)
        assert client.module("operator").add(1, 1) == 2


def test_a_call_that_ends_it_leaves_its_outcome_unknown_and_later_ones_have_not_run(client):
    with pytest.raises(rproxy.ConnectionLost, match="ended during the call") as caught:
        client.module("os")._exit(3)
    assert caught.value.may_have_run
    with pytest.raises(rproxy.ConnectionLost, match="did not run") as caught:
        client.ping()
    assert caught.value.may_have_run is False


# -- at most once --------------------------------------------------------------------------------------


def note(path):
    with open(path, "a") as file:
        file.write("run\n")


def lose(run):
    return run()._replace(stdout=b"")


def test_a_lost_answer_is_no_reason_to_run_a_call_again(client, connector, tmp_path):
    client.call(note, str(tmp_path / "first"))  # what functions need there is there from now on
    connector.around = lose
    with pytest.raises(rproxy.ConnectionLost, match="unknown"):
        client.call(note, str(tmp_path / "runs"))
    connector.around = lambda run: run()
    client.call(note, str(tmp_path / "others"))
    assert (tmp_path / "runs").read_text() == (tmp_path / "others").read_text() == "run\n"


def test_a_command_that_a_service_starts_twice_runs_its_call_once(client, connector, tmp_path):
    client.call(note, str(tmp_path / "first"))
    connector.around = lambda run: (run(), run())[0]
    client.call(note, str(tmp_path / "runs"))
    assert (tmp_path / "runs").read_text() == "run\n"


def test_a_command_that_is_started_after_a_later_one_does_not_run(client, connector, tmp_path):
    client.call(note, str(tmp_path / "first"))
    kept = []

    def delay(run):
        kept.append(run)
        raise rproxy.ConnectionLost("the service does not answer; whether the command has run is unknown")

    connector.around = delay
    with pytest.raises(rproxy.ConnectionLost):
        client.call(note, str(tmp_path / "late"))
    connector.around = lambda run: run()
    client.ping()
    assert b"late" in kept[0]().stdout
    assert not (tmp_path / "late").exists()
    assert client.module("operator").add(1, 1) == 2


def test_what_goes_ahead_of_a_request_comes_although_its_first_command_is_lost(client, connector, tmp_path):
    def never(run):
        raise rproxy.ConnectorError("the service is not there. Nothing has run")

    connector.around = never
    with pytest.raises(rproxy.ConnectorError):
        client.call(note, str(tmp_path / "runs"))  # with it goes what functions need there
    connector.around = lambda run: run()
    client.call(note, str(tmp_path / "runs"))
    assert (tmp_path / "runs").read_text() == "run\n"
