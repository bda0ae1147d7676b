"""`client.reconnect()` and `connect(..., reconnect=True)`: another session for the same client."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import rproxy
from rproxy.connectors.local import LocalConnector

from ..ssh.conftest import KINDS
from ..ssh.sshd import wait_for
from ..test_life import ended

pytestmark = pytest.mark.once


def pid_of(client):
    return client._session.channel.facts["pid"]


def lose(client):
    """Kills the endpoint, and waits until this side could know."""
    pid = pid_of(client)
    os.kill(pid, signal.SIGKILL)
    assert ended(pid)
    wait_for(lambda: client._session.channel._reading._ready(0))


def note(path):
    with open(path, "a") as file:
        file.write("run\n")


def die(path):
    import os
    import signal

    with open(path, "a") as file:
        file.write("run\n")
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def client(connect):
    return connect()


def test_modules_and_functions_go_on_after_a_lost_session(client):
    remote_os, add = client.module("os"), client.function(lambda a, b: a + b)
    assert add(1, 2) == 3
    first = remote_os.getpid()
    lose(client)
    with pytest.raises(rproxy.ConnectionLost, match=r"reconnect\(\)"):
        remote_os.getpid()
    client.reconnect()
    assert remote_os.getpid() not in (first, os.getpid())
    assert add(1, 2) == 3
    assert remote_os.path.join("a", "b") == "a/b"


def test_blocks_and_what_was_registered_hold_in_the_next_session(client):
    remote_os = client.module("os")
    client.register_remote_env_variable("RPROXY_ALWAYS", "yes")
    with client.env(RPROXY_HERE="inside"):
        lose(client)
        client.reconnect()
        assert (remote_os.getenv("RPROXY_ALWAYS"), remote_os.getenv("RPROXY_HERE")) == ("yes", "inside")
    assert remote_os.getenv("RPROXY_HERE") is None


def test_objects_of_the_other_session_say_that_they_are_gone():
    with rproxy.connect() as client:
        counter, operator = client.module("itertools").count(3), client.module("operator")
        assert next(counter) == 3
        client.reconnect()
        fresh = client.module("itertools").count(7)
        with pytest.raises(rproxy.RProxyError, match="gone with its session.*make it again"):
            next(counter)
        with pytest.raises(rproxy.RProxyError, match="gone with its session"):
            operator.index(counter)
        assert next(fresh) == 7
        del counter
        assert next(fresh) == 8


def test_a_session_that_is_sound_can_be_made_anew_too():
    with rproxy.connect() as client:
        first = pid_of(client)
        client.module("string").marker = 1
        client.reconnect()
        assert ended(first)
        with pytest.raises(AttributeError):
            client.module("string").marker  # noqa: B018


def test_calls_that_wait_are_told_of_a_reconnect():
    with rproxy.connect() as client, ThreadPoolExecutor(1) as pool:
        remote_time = client.module("time")
        job, future = pool.submit(remote_time.sleep, 60), client.submit(remote_time.sleep, 60)
        wait_for(lambda: len(client._session.channel._waiting) == 2)
        client.reconnect()
        for waiting in (job, future):
            with pytest.raises(rproxy.ConnectionLost, match=r"ended by reconnect\(\)") as caught:
                waiting.result()
            assert caught.value.may_have_run
        assert client.module("operator").add(1, 1) == 2


def test_modules_of_ones_own_are_sent_again(write_module):
    name = write_module("shipped_once", "value = 41\ndef more(n): return n + 1\n")
    with rproxy.connect() as client:
        client.ship(name)
        remote = client.module(name)
        assert remote.more(1) == 2
        client.reconnect()
        assert remote.more(remote.value) == 42


def test_a_resident_endpoint_that_has_ended_is_replaced():
    from rproxy.testing import command_only

    with rproxy.RemoteClient(command_only(LocalConnector()), resident=True, reconnect=True) as client:
        first = client.module("os").getpid()
        os.kill(first, signal.SIGKILL)
        assert client.module("os").getpid() != first


def test_a_closed_client_does_not_reconnect():
    client = rproxy.connect()
    client.close()
    with pytest.raises(rproxy.RProxyError, match="is closed"):
        client.reconnect()


# -- by itself -----------------------------------------------------------------------------------------


def test_a_call_that_was_not_sent_is_sent_in_another_session(connect, tmp_path):
    client = connect(reconnect=True)
    client.call(note, "/dev/null")
    lose(client)
    client.call(note, str(tmp_path / "runs"))
    assert (tmp_path / "runs").read_text() == "run\n"


def test_a_submitted_call_that_was_not_sent_is_sent_in_another_session():
    with rproxy.connect(reconnect=True) as client:
        remote = client.module("operator")
        lose(client)
        assert client.submit(remote.add, 1, 2).result(30) == 3


def test_a_call_that_may_have_run_is_never_repeated(connect, tmp_path):
    client = connect(reconnect=True)
    with pytest.raises(rproxy.ConnectionLost) as caught:
        client.call(die, str(tmp_path / "runs"))
    assert caught.value.may_have_run
    assert (tmp_path / "runs").read_text() == "run\n"
    assert client.module("operator").add(1, 1) == 2


def test_threads_that_find_a_session_lost_make_one_new():
    made = []

    class Counting(LocalConnector):
        def open(self, command):
            made.append(command)
            return super().open(command)

    with rproxy.RemoteClient(Counting(), reconnect=True) as client:
        remote = client.module("operator")
        lose(client)
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(remote.add, range(8), range(8))) == list(range(0, 16, 2))
    assert len(made) == 2


def test_a_host_that_is_away_for_a_moment_is_tried_again():
    class Away(LocalConnector):
        left = 0

        def open(self, command):
            if self.left:
                self.left -= 1
                raise rproxy.ConnectorError("no route to host")
            return super().open(command)

    connector = Away()
    with rproxy.RemoteClient(connector, reconnect=True) as client:
        remote = client.module("operator")
        lose(client)
        connector.left = 2
        assert remote.add(1, 1) == 2


def test_a_host_that_stays_away_is_told_and_the_call_was_not_sent():
    class Away(LocalConnector):
        away = False

        def open(self, command):
            if self.away:
                raise rproxy.ConnectorError("no route to host")
            return super().open(command)

    connector = Away()
    with rproxy.RemoteClient(connector, reconnect=True, reconnect_timeout=0.4) as client:
        remote = client.module("operator")
        lose(client)
        connector.away = True
        with pytest.raises(rproxy.ConnectionLost, match=r"(?s)could not be made anew for 0.4 s: no route") as caught:
            remote.add(1, 1)
        assert caught.value.may_have_run is False
        connector.away = False
        assert remote.add(1, 1) == 2


@pytest.mark.parametrize("any_way", KINDS, indirect=True)
def test_a_frozen_link_is_left_for_a_new_one(way, connect):
    client = connect(keepalive=0.6)
    remote_time = client.module("time")
    way.link.tell("drop")
    with pytest.raises(rproxy.ConnectionLost):
        remote_time.sleep(60)
    way.mend()
    client.reconnect()
    assert client.module("operator").add(1, 1) == 2


@pytest.mark.parametrize("any_way", KINDS, indirect=True)
def test_a_cut_link_is_joined_by_the_next_call(way, connect):
    client = connect(reconnect=True)
    remote = client.module("operator")
    way.link.tell("cut")
    wait_for(lambda: client._session.channel._reading._ready(0))
    assert remote.add(1, 1) == 2


def test_no_thread_of_a_reconnect_is_left():
    with rproxy.connect() as client:
        before = set(threading.enumerate())
        client.reconnect()
        wait_for(lambda: set(threading.enumerate()) <= before)
        assert client.module("operator").add(1, 1) == 2
        assert set(threading.enumerate()) <= before
