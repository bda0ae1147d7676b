"""`resident=True` over ssh and paramiko: servers that go down and come back, links that are lost without a word."""

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

import rproxy
from rproxy.channels import checking

from ..ssh.conftest import KINDS, ssh_connector
from ..ssh.sshd import wait_for
from .test_resume import note, runs

pytestmark = pytest.mark.once

LARGE = 3_000_000


@pytest.fixture(scope="module")
def server(start_sshd):
    """A server that tests close."""
    return start_sshd()


@pytest.fixture(scope="module", params=KINDS)
def shared(request, server):
    connector = ssh_connector(request.param, server)
    with rproxy.connect(connector, python=sys.executable, resident=True) as client:
        client.call(note, "/dev/null")  # what functions need there is there from now on
        client.call(finish, os.devnull, os.devnull)
        yield client


@pytest.fixture
def client(shared, server):
    yield shared
    if server.process.poll() is not None:
        server.start_again()


@pytest.fixture
def failures(client, monkeypatch):
    """Why commands and files could not be brought to the host."""
    found = []
    for name in ("run", "push"):
        monkeypatch.setattr(client._connector, name, watched(getattr(client._connector, name), found))
    return found


def watched(method, failures):
    def call(*args, **options):
        try:
            return method(*args, **options)
        except rproxy.ConnectorError as error:
            failures.append(error)
            raise

    return call


def finish(begun, go_on):
    """Ends when it is told to."""
    import os
    import time

    with open(begun, "a") as file:
        file.write("run\n")
    while not os.path.exists(go_on):
        time.sleep(0.01)
    print("printed once")
    return os.getpid()


def test_a_new_call_waits_for_a_server_that_is_down(client, server, failures, tmp_path):
    pid, counter = client.module("os").getpid(), client.module("itertools").count(3)
    client.module("string").marker = [1, 2]
    server.close()
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(client.call, note, str(tmp_path / "runs"), 0.0, 10)
        wait_for(lambda: failures)
        server.start_again()
        assert job.result() == (pid, bytes(10))
    assert runs(tmp_path / "runs") == 1
    assert next(counter) == 3
    assert client.module("string").marker == [1, 2]


def test_so_does_one_with_an_argument_that_goes_ahead_as_a_file(client, server, failures):
    data, copy = os.urandom(LARGE), client.module("copy").copy
    server.close()
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(copy, data)
        wait_for(lambda: failures)
        server.start_again()
        assert job.result() == data


def test_calls_that_end_while_the_server_is_down_bring_their_results_once(client, server, failures, tmp_path):
    pid, begun, go_on = client.module("os").getpid(), tmp_path / "begun", tmp_path / "go on"

    def calls():
        with client.capture() as out, pytest.raises(ZeroDivisionError), client.batch():  # the block's is the first one
            first = client.call(finish, str(begun), str(go_on))
            wrong = client.call(divide, 1, 0)
            last = client.call(note, str(tmp_path / "runs"), 0.0, LARGE)
        return first.result(), wrong.exception(), last.result(), out.text

    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(calls)
        wait_for(begun.exists)
        server.close()
        go_on.touch()
        wait_for(lambda: len(failures) > 1)
        server.start_again()
        first, wrong, last, printed = job.result()
    assert (first, last) == (pid, (pid, bytes(LARGE)))
    assert isinstance(wrong, ZeroDivisionError)
    assert runs(begun) == runs(tmp_path / "runs") == 1
    assert printed == "printed once\nprinted once\n"


def divide(a, b):
    return a / b


def test_a_file_that_a_host_does_not_take_is_not_taken_for_a_lost_link(client, tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(rproxy.ConnectorError, match="/nowhere/file") as caught:
        client._connector.push(tmp_path / "file", "/nowhere/file")
    assert caught.value.stage == "folders"


@pytest.mark.parametrize("any_way", KINDS, indirect=True)
def test_a_link_that_is_cut_under_an_argument_is_joined_again(way, connect):
    client, data = connect(resident=True), os.urandom(LARGE)
    copy = client.module("copy").copy
    way.link.tell(f"cut up {LARGE // 2}")
    assert copy(data) == data
    assert way.link.arrived()[0] > LARGE * 3 // 2  # it went twice


@pytest.mark.parametrize("any_way", KINDS, indirect=True)
def test_a_link_that_is_lost_without_a_word_is_left_for_a_new_one(way, tmp_path, monkeypatch):
    monkeypatch.setattr(checking, "SOUND", 0.5)
    connector = way.connector()
    options = {"python": sys.executable, "resident": True, "keepalive": 0.5, "reconnect_timeout": 20}
    connector.start_timeout = 1
    with rproxy.connect(connector, **options) as client, ThreadPoolExecutor(1) as pool:
        client.call(finish, os.devnull, os.devnull)
        counter, go_on = client.module("itertools").count(3), tmp_path / "go on"
        job = pool.submit(client.call, finish, str(tmp_path / "begun"), str(go_on))
        wait_for((tmp_path / "begun").exists)
        way.link.tell("drop")
        way.mend()  # for new links only
        go_on.touch()
        assert isinstance(job.result(), int)
        assert runs(tmp_path / "begun") == 1
        assert next(counter) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_close_ends_a_call_that_waits_for_a_server_that_is_down(kind, server):
    client = rproxy.connect(ssh_connector(kind, server), python=sys.executable, resident=True)
    pid, failures = client.module("os").getpid(), []
    client._connector.run = watched(client._connector.run, failures)
    server.close()
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(client.ping)
        wait_for(lambda: failures)
        client.close()
        assert "until the client was closed" in str(job.exception())
    server.start_again()
    os.kill(pid, signal.SIGTERM)


@pytest.mark.parametrize("any_way", KINDS, indirect=True)
def test_a_host_that_does_not_let_us_in_in_time_is_out_of_reach(way):
    connector = way.connector()
    way.link.tell("drop")
    with pytest.raises(rproxy.ConnectorError, match="does not answer within") as caught:
        connector.run("true", timeout=0.5)
    assert caught.value.stage == "connection"
    way.mend()
    assert connector.run("true", timeout=20).returncode == 0
    connector.close()
