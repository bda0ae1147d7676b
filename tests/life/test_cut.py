"""Links that are cut: at every byte of a call, in both directions, and wherever else they can be."""

import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import rproxy
from rproxy.connectors.local import LocalConnector

from ..ssh.conftest import KINDS
from ..ssh.sshd import command_of, descendants, wait_for
from ..test_life import ended

pytestmark = pytest.mark.once


def pid_of(client):
    return client._session.channel.facts["pid"]


class CutStream:
    """A stream that ends when so many bytes have gone in one direction.

    `silent`: what is written after that is taken all the same, and lost, as a program in between would.
    """

    def __init__(self, stream):
        self.stream, self.left, self.silent, self.over = stream, {"up": sys.maxsize, "down": sys.maxsize}, False, False
        self.counted = {"up": 0, "down": 0}
        self.diagnosis = stream.diagnosis

    def cut(self, way, count, silent=False):
        self.left[way], self.silent = count, silent

    def end(self):
        self.over = True
        self.stream.close()

    def write(self, pieces):
        data = b"".join(pieces)
        if self.over:
            raise BrokenPipeError("cut")
        self.counted["up"] += len(data)
        sent = data[: self.left["up"]]
        self.left["up"] -= len(sent)
        if sent:
            self.stream.write([sent])
        if not self.left["up"]:
            self.end()
            if len(sent) < len(data) and not self.silent:
                raise BrokenPipeError("cut")

    def readinto(self, buffer):
        if self.over or not self.left["down"]:
            self.end()
            return 0
        count = self.stream.readinto(buffer[: self.left["down"]])
        self.counted["down"] += count
        self.left["down"] -= count
        return count

    def close(self):
        self.stream.close()


class Cut(LocalConnector):
    at = None

    def open(self, command):
        self.stream = CutStream(super().open(command))
        if self.at is not None:
            self.stream.cut(*self.at)
        return self.stream


CALL = ("os", "mkdir")


def call_cut(place, folder):
    """What a call raises whose link is cut there, and whether it ran."""
    connector, path = Cut(), Path(folder, "-".join(map(str, place)))
    with rproxy.connect(connector, serializer="json") as client:
        connector.stream.cut(*place)
        try:
            client.do_remote_call("builtins", "print", ["x"])
            client.do_remote_call(*CALL, [str(path)])
        except rproxy.ConnectionLost as error:
            found = error
        else:
            found = None
        pid = pid_of(client)
    return found, path.exists(), ended(pid)


@pytest.fixture(scope="module")
def sizes():
    """The bytes of that conversation, after the start, each way."""
    connector = Cut()
    with rproxy.connect(connector, serializer="json") as client:
        before = dict(connector.stream.counted)
        client.do_remote_call("builtins", "print", ["x"])
        middle = dict(connector.stream.counted)
    return {way: middle[way] - before[way] for way in middle}


def at_once(work, places):
    """Most of the time goes into processes that start and end."""
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(places, pool.map(work, places), strict=True))


def test_a_call_that_is_cut_at_any_byte_up_was_not_sent(sizes, tmp_path):
    places = [("up", count) for count in range(sizes["up"])]
    assert len(places) > 60
    for place, (error, ran, gone) in at_once(lambda place: call_cut(place, tmp_path), places).items():
        assert isinstance(error, rproxy.ConnectionLost), place
        assert (error.may_have_run, ran, gone) == (False, False, True), place


def test_a_call_that_is_cut_at_any_byte_down_may_have_run(sizes, tmp_path):
    places = [("down", count) for count in range(sizes["down"])]
    assert len(places) > 30
    for place, (error, _, gone) in at_once(lambda place: call_cut(place, tmp_path), places).items():
        assert isinstance(error, rproxy.ConnectionLost), place
        assert (error.may_have_run, gone) == (True, True), place


def test_a_call_whose_bytes_are_lost_in_between_may_have_run_and_did_not(sizes, tmp_path):
    places = [("up", count, True) for count in range(1, sizes["up"], 9)]
    for place, (error, ran, gone) in at_once(lambda place: call_cut(place, tmp_path), places).items():
        assert isinstance(error, rproxy.ConnectionLost), place
        assert (error.may_have_run, ran, gone) == (True, False, True), place


def test_a_start_that_is_cut_anywhere_says_so_and_leaves_nothing():
    with rproxy.connect() as client:
        client.deploy()
    connector = Cut()
    with rproxy.connect(connector, serializer="json"):
        whole = dict(connector.stream.counted)

    def start(place):
        connector = Cut()
        connector.at = place
        try:
            rproxy.connect(connector, serializer="json").close()
        except rproxy.RProxyError:
            return connector.stream.stream._process.popen.poll() is not None
        return None

    places = [(way, count) for way in ("up", "down") for count in range(0, whole[way], 23)]
    assert all(at_once(start, places).values())


def test_an_endpoint_that_cannot_be_sent_as_a_whole_is_no_start(tmp_path):
    connector = Cut()
    connector.at = ("up", 5000)
    with pytest.raises(rproxy.RemoteNotSetupError, match="could not be sent"):
        rproxy.connect(connector, endpoint_dir=str(tmp_path / "root"))
    assert list(tmp_path.rglob("*.py")) == []


# -- over every way ------------------------------------------------------------------------------------

#: After so many bytes more of an encrypted link; None: at once.
PLACES = [None, 1, 37, 90, 150, 400]
BULK = 300_000


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("any_way", KINDS, indirect=True)
def test_a_cut_link_is_told_wherever_it_is_cut(way, connect, direction, tmp_path):
    for place in [*PLACES, BULK]:
        client = connect()
        remote, pid = client.module("copy"), pid_of(client)
        child = client.module("subprocess").Popen(["sleep", "600"]).pid
        way.link.tell("cut" if place is None else f"cut {direction} {place}")
        with pytest.raises(rproxy.ConnectionLost) as caught:
            for _ in range(8):  # the first one may come through
                remote.copy(bytes(1_000_000 if place == BULK else 10))
        assert isinstance(caught.value.may_have_run, bool)
        assert ended(pid)
        assert ended(child)
        with pytest.raises(rproxy.ConnectionLost, match="not sent"):
            client.ping()
        client.close()


def broken(way, client, how):
    """Breaks what lies between, or the far end."""
    if how == "endpoint":
        os.kill(pid_of(client), signal.SIGKILL)
    elif how == "link":
        way.link.tell("cut")
    elif how == "server":
        way.server.cut()
    else:
        for pid in descendants(os.getpid()):
            if command_of(pid) == "ssh":
                os.kill(pid, signal.SIGKILL)


HOWS = [
    ("local", "endpoint"),
    *((kind, how) for kind in KINDS for how in ("endpoint", "link", "server")),
    ("ssh", "ssh"),
]


@pytest.mark.parametrize(("any_way", "how"), HOWS, indirect=["any_way"])
def test_every_waiting_call_is_told_and_nothing_stays(way, connect, how, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    client = connect(tmp_dir=str(tmp_path / "there"))
    remote_time, pid = client.module("time"), pid_of(client)
    child = client.module("subprocess").Popen(["sleep", "600"]).pid
    client.call(lambda: None)
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(remote_time.sleep, 60) for _ in range(2)]
        jobs += [client.submit(remote_time.sleep, 60) for _ in range(2)]
        wait_for(lambda: len(client._session.channel._waiting) == 4)
        time.sleep(0.1)
        broken(way, client, how)
        for job in jobs:
            assert isinstance(job.exception(), rproxy.ConnectionLost)
            assert job.exception().may_have_run
    with pytest.raises(rproxy.ConnectionLost) as caught:
        client.ping()
    assert caught.value.may_have_run is False
    assert ended(pid)
    assert ended(child)
    client.close()
    wait_for(lambda: [path for path in tmp_path.rglob("*") if not path.is_dir()] == [])


@pytest.mark.parametrize("any_way", KINDS, indirect=True)
def test_a_command_that_has_begun_but_not_said_so_may_have_run(way, tmp_path):
    connector = way.connector()
    assert connector.run("true").returncode == 0
    way.link.tell("delay 1")
    try:
        with ThreadPoolExecutor(1) as pool:
            job = pool.submit(connector.run, f"touch {tmp_path}/begun; sleep 60")
            wait_for((tmp_path / "begun").exists)
            way.link.tell("cut")  # while its first word is on its way
            assert isinstance(job.exception(), rproxy.ConnectionLost)
            assert job.exception().may_have_run
    finally:
        way.link.tell("delay 0")
        connector.close()
