"""Timeouts while a link takes no more: a call that runs there lets little come behind it. Over every stream."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import rproxy

from ..mixed_calls import assert_nothing_is_held
from ..ssh.sshd import wait_for

pytestmark = pytest.mark.once

#: More than an endpoint reads ahead, and all that lies between holds, in bytes.
MUCH = 48 << 20


def take(data, path=""):
    import time

    if path:
        time.sleep(600)
        open(path, "w").close()
    return len(data)


@pytest.fixture
def client(connect):
    client = connect()
    client.call(take, b"")  # what functions need there is there from now on
    return client


@pytest.fixture
def full(client, tmp_path):
    """Nothing is taken of the link until `full()`: a call runs, and behind it there is as much as may wait."""
    end = tmp_path / "end"
    running = client.submit(wait_until_there, str(end))
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(client.call, take, bytes(MUCH))
        channel = client._session.channel
        wait_for(lambda: len(channel._waiting) == 2)
        with channel._sending:  # once that is sent, as a whole
            pass

        def empty():
            end.touch()
            running.result(20)
            assert waits.result(20) == MUCH

        yield empty
        end.touch()


def wait_until_there(path):
    import os
    import time

    while not os.path.exists(path):
        time.sleep(0.01)


def test_a_large_argument_is_not_waited_for_longer_than_its_call_has(client, full, tmp_path):
    with client.timeout(1), pytest.raises(rproxy.CallTimeout, match="still on its way there, and will be stopped"):
        client.call(take, bytes(MUCH), str(tmp_path / "done"))
    full()
    assert client.call(take, b"12") == 2  # so the other one does not run any more
    assert_nothing_is_held(client)
    assert not (tmp_path / "done").exists()


@pytest.mark.parametrize("data", [b"", bytes(MUCH)], ids=["small", "large"])
def test_a_call_whose_turn_to_be_sent_does_not_come_is_not_sent(client, full, tmp_path, data):
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.call, take, bytes(MUCH))
        wait_for(lambda: len(client._session.channel._waiting) == 3)
        with client.timeout(0.3), pytest.raises(rproxy.CallTimeout, match="was not sent, since others'"):
            client.call(take, data, str(tmp_path / "done"))
        full()
        assert first.result() == MUCH
    assert client.call(take, b"12") == 2
    assert_nothing_is_held(client)


def test_cancel_does_not_wait_for_what_others_send(client, full, monkeypatch):
    monkeypatch.setattr("rproxy.futures.PATIENCE", 0.2)
    future = client.submit(take, b"123")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.call, take, bytes(MUCH))
        wait_for(lambda: len(client._session.channel._waiting) == 4)
        future.cancel()  # which comes there behind that
        full()
        assert first.result() == MUCH


def test_a_call_is_stopped_though_a_large_argument_waits_behind_it(client, monkeypatch):
    monkeypatch.setattr("rproxy.futures.PATIENCE", 20)  # that has to arrive before
    running = client.submit(take, b"", "/nowhere")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.call, take, bytes(MUCH))
        wait_for(lambda: len(client._session.channel._waiting) == 2)
        assert running.cancel()
        assert first.result() == MUCH


def test_a_large_argument_that_is_sent_in_time_is_a_call_as_others(client):
    with client.timeout(30):
        assert client.call(take, bytes(MUCH)) == MUCH
        with pytest.raises(TypeError):
            client.call(take, bytes(MUCH), 1, 2)
    wait_for(lambda: [thread for thread in threading.enumerate() if thread.name == "rproxy sending"] == [])
