"""Large results that travel while the rest of them is made: over every way, whole, cut, stopped and failed."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

import rproxy
from rproxy.joining import JoiningPeer

from ..ssh.conftest import KINDS
from ..ssh.sshd import wait_for

pytestmark = pytest.mark.once

MODULE = """
def texts(count):
    return {"key %d" % place: "value %d" % place for place in range(count)}

def spoilt(count, depth=100_000):
    nested = []
    for _ in range(depth):
        nested = [nested]
    return [texts(count), nested]

def told(count):
    print("before")
    return texts(count)
"""
#: Strings of a dict; so many come in many parts.
MANY = 50_000
#: How many bytes a slow link carries in a second.
SLOW = 1_000_000


def texts(count):
    return {f"key {place}": f"value {place}" for place in range(count)}


@pytest.fixture
def parts(monkeypatch):
    """The sizes of the parts that have come."""
    found = []
    add = JoiningPeer._add
    monkeypatch.setattr(JoiningPeer, "_add", lambda self, frame: found.append(len(frame.body)) or add(self, frame))
    return found


@pytest.fixture
def client(connect):
    return connect()


@pytest.fixture
def module(client, far_module):
    return client.module(far_module("parts", MODULE))


def test_a_large_result_comes_in_parts_and_a_small_one_as_a_whole(module, parts):
    assert module.texts(100) == texts(100)
    assert parts == []
    assert module.texts(MANY) == texts(MANY)
    assert len(parts) > 10


def test_what_cannot_travel_to_its_end_fails_alone(client, module, parts):
    with pytest.raises(rproxy.SerializationError, match="nested too deeply"):
        module.spoilt(MANY)
    assert parts != []
    assert module.texts(MANY) == texts(MANY)
    assert client._session.channel._peer._parts == {}


def test_threads_get_each_its_own_in_parts(client, module, parts):
    with ThreadPoolExecutor(8) as pool:
        sizes = [MANY // 5 + place for place in range(24)]
        jobs = [pool.submit(module.texts, size) for size in sizes]
        assert [len(job.result()) for job in jobs] == sizes
    assert len(parts) > len(jobs)
    assert client._session.channel._peer._parts == {}


def test_what_is_printed_before_a_large_result_comes_before_it(client, module):
    with client.capture() as output:
        module.told(MANY)
    assert output.text == "before\n"


def test_a_watched_client_is_told_of_one_reply(connect, far_module, tmp_path, caplog):
    caplog.set_level("DEBUG", "rproxy.channel")
    module = connect().module(far_module("parts", MODULE))
    caplog.clear()
    assert len(module.texts(MANY)) == MANY
    replies = [record.getMessage() for record in caplog.records if "Reply" in record.getMessage()]
    assert len(replies) == 1
    assert int(replies[0].split(" bytes")[0].split()[-1]) > 1_000_000


@pytest.mark.parametrize("any_way", KINDS, indirect=True)
def test_a_link_that_is_cut_between_parts_is_told(way, connect, far_module, parts):
    for count in (100_000, 250_000, 600_000):
        module = connect().module(far_module(f"parts_{count}", MODULE))
        module.texts(10)
        way.link.tell(f"cut down {count}")
        with pytest.raises(rproxy.ConnectionLost) as caught:
            module.texts(MANY)
        assert caught.value.may_have_run
    assert parts != []


def test_an_endpoint_that_dies_between_parts_is_told(client, module, parts):
    pid = client.module("os").getpid()
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(module.texts, 60 * MANY)
        wait_for(lambda: len(parts) > 3)
        os.kill(pid, signal.SIGKILL)
        assert isinstance(job.exception(), rproxy.ConnectionLost)
    assert job.exception().may_have_run


@pytest.mark.parametrize("any_way", KINDS, indirect=True)
def test_a_call_whose_parts_come_too_slowly_is_over_in_time_and_the_session_goes_on(way, connect, far_module, parts):
    client = connect()
    module = client.module(far_module("parts", MODULE))
    module.texts(10)
    way.link.tell(f"rate {SLOW}")
    with pytest.raises(rproxy.CallTimeout), client.timeout(1):
        module.texts(2 * MANY)
    assert parts != []
    way.link.tell("rate 0")
    assert module.texts(10) == texts(10)
    wait_for(lambda: client._session.channel._waiting == {})
    assert client._session.channel._peer._parts == {}


PEAK = """
import rproxy

def peak():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

with rproxy.connect() as client:
    client.call(lambda: [str(number) for number in range(100)])
    before = peak()
    texts = client.call(lambda: [("%06d" % number) * 50_000 for number in range(600)])
    print(sum(map(len, texts)) / 2**20, peak() - before)
"""


def test_many_texts_take_little_more_memory_here_than_they_have():
    done = subprocess.run([sys.executable, "-c", PEAK], check=True, capture_output=True, text=True, timeout=120)
    size, taken = map(float, done.stdout.split())
    assert size > 150
    assert taken < size + 64
