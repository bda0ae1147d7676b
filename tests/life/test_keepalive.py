"""Links that are lost without a word, and endpoints that are stopped: what waiting calls are told."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import rproxy
from rproxy.connectors.local import LocalConnector

from ..ssh.conftest import KINDS
from ..ssh.sshd import wait_for
from ..test_life import ended

pytestmark = pytest.mark.once

SOON = {"keepalive": 0.6}


def pid_of(client):
    return client._session.channel.facts["pid"]


def keepers():
    return [thread for thread in threading.enumerate() if thread.name == "rproxy keeper"]


def lost_under(call, *args):
    """The error of a call whose link is lost, which has begun there."""
    with pytest.raises(rproxy.ConnectionLost) as caught:
        call(*args)
    assert caught.value.may_have_run
    assert "has run is unknown" in str(caught.value)
    return caught.value


def not_sent(client):
    with pytest.raises(rproxy.ConnectionLost, match="not sent") as caught:
        client.ping()
    assert caught.value.may_have_run is False


def test_an_endpoint_that_is_stopped_is_told_as_stopped(connect):
    client = connect(**SOON)
    remote_time, pid = client.module("time"), pid_of(client)
    os.kill(pid, signal.SIGSTOP)
    error = lost_under(remote_time.sleep, 60)
    assert f"stopped by a signal (`kill -CONT {pid}`" in str(error)
    not_sent(client)
    assert ended(pid)


@pytest.mark.parametrize("how", ["freeze", "drop"])
@pytest.mark.parametrize("any_way", KINDS, indirect=True)
def test_a_link_that_says_nothing_any_more_is_lost(way, connect, how):
    client = connect(**SOON)
    remote_time = client.module("time")
    way.link.tell(how)
    error = lost_under(remote_time.sleep, 60)
    assert "nothing has come" in str(error)
    not_sent(client)


@pytest.mark.parametrize("any_way", KINDS, indirect=True)
def test_a_call_ends_there_when_its_client_is_heard_no_more(way, connect):
    client = connect(keepalive=0.2)
    remote_time, pid = client.module("time"), pid_of(client)
    child = client.module("subprocess").Popen(["sleep", "600"]).pid
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(remote_time.sleep, 600)
        time.sleep(0.3)
        way.link.tell("freeze")
        assert isinstance(job.exception(), rproxy.ConnectionLost)
    assert ended(pid, within=15)
    assert ended(child)


class Counting(LocalConnector):
    """Counts what is written while no call is made: pings."""

    def open(self, command):
        stream = super().open(command)
        self.written, write = [], stream.write
        stream.write = lambda pieces: (self.written.append(len(pieces)), write(pieces))
        return stream


def test_the_host_is_asked_after_the_first_ping_without_an_answer():
    connector = Counting()
    with rproxy.connect(connector, **SOON) as client:
        remote_time = client.module("time")
        os.kill(pid_of(client), signal.SIGSTOP)
        connector.written.clear()
        lost_under(remote_time.sleep, 60)
        assert len(connector.written) == 2  # the call, and one ping


def test_machine_code_that_holds_the_interpreters_lock_is_waited_for(connect):
    client = connect(keepalive=1.5)  # time for a busy host to say that it is there
    client.call(lambda: __import__("ctypes"))
    assert client.call(lambda: __import__("ctypes").PyDLL(None).usleep(5_000_000)) == 0


def test_a_long_call_is_waited_for(connect):
    client = connect(**SOON)
    client.module("time").sleep(1.5)
    assert client.module("operator").add(1, 1) == 2


def test_nobody_looks_while_no_call_waits():
    with rproxy.connect(**SOON) as client:
        client.ping()
        wait_for(lambda: keepers() == [])  # of calls that were slow to come
        client.module("time").sleep(0.5)
        assert keepers() != []
        wait_for(lambda: keepers() == [])


class Plain:
    """A stream that offers what it must, and no more."""

    def __init__(self, stream):
        self.readinto, self.write, self.close = stream.readinto, stream.write, stream.close
        self.diagnosis = stream.diagnosis


class Simple(LocalConnector):
    """One for which there is a network between, as its author has not said that there is none."""

    network = True

    def open(self, command):
        return Plain(super().open(command))


def test_a_client_that_cannot_tell_silence_is_not_taken_for_gone_by_its_own():
    with rproxy.connect(Simple(), keepalive=0.1) as client:
        client.module("time").sleep(2)  # twice as long as an endpoint waits for pings
        assert client.module("operator").add(1, 1) == 2


def test_without_keepalive_nobody_looks():
    with rproxy.connect(keepalive=None) as client:
        pid, before = pid_of(client), len(keepers())
        with ThreadPoolExecutor(1) as pool:
            job = pool.submit(client.module("time").sleep, 1)
            os.kill(pid, signal.SIGSTOP)
            time.sleep(0.8)
            assert len(keepers()) == before
            os.kill(pid, signal.SIGCONT)
            assert job.result() is None


def test_every_waiting_call_is_told():
    with rproxy.connect(**SOON) as client:
        remote_time = client.module("time")
        with ThreadPoolExecutor(3) as pool:
            jobs = [pool.submit(remote_time.sleep, 60) for _ in range(3)]
            futures = [client.submit(remote_time.sleep, 60) for _ in range(3)]
            time.sleep(0.3)
            os.kill(pid_of(client), signal.SIGSTOP)
            for waiting in jobs + futures:
                assert isinstance(waiting.exception(), rproxy.ConnectionLost)


def test_a_large_argument_that_a_dead_link_does_not_take_was_not_sent(way, connect):
    client = connect(**SOON)
    remote_zlib = client.module("zlib")
    if way.link is None:
        os.kill(pid_of(client), signal.SIGSTOP)
    else:
        way.link.tell("freeze")
    with pytest.raises(rproxy.ConnectionLost) as caught:
        remote_zlib.crc32(bytes(64 << 20))
    assert caught.value.may_have_run is False


@pytest.mark.parametrize(("value", "error"), [("1", TypeError), (0, ValueError), (-1, ValueError), (True, TypeError)])
def test_times_that_cannot_be_meant_are_refused(value, error):
    with pytest.raises(error, match="keepalive"):
        rproxy.connect(keepalive=value)
