"""Submitted calls that go together, since others are on their way."""

import concurrent.futures
import contextlib
import os
import signal
import threading
import time
from concurrent.futures import Future

import pytest

import rproxy
from rproxy import ConnectionLost
from rproxy.channels.outgoing import ENOUGH

from .ssh.sshd import wait_for


@pytest.fixture
def client():
    with rproxy.connect() as client:
        yield client


@pytest.fixture
def sqrt(client):
    return client.module("math").sqrt


@contextlib.contextmanager
def under_way(client):
    """A submitted call is under way, and what is submitted behind it gathers."""
    wait = client.module("queue").Queue().get
    first = client.submit(wait)
    client.submit(wait, False)  # for which the thread that sends begins
    wait_for(lambda: len(client._session.channel._waiting) == 2)
    try:
        yield first
    finally:
        with contextlib.suppress(rproxy.RProxyError):
            first.cancel()


@contextlib.contextmanager
def nothing_goes(client):
    """Another thread sends, for as long as the block takes."""
    sending, begun, over = client._session.channel._sending, threading.Event(), threading.Event()

    def send():
        with sending:
            begun.set()
            over.wait(60)

    thread = threading.Thread(target=send)
    thread.start()
    begun.wait(60)
    try:
        yield
    finally:
        over.set()
        thread.join()


def count_writes(client):
    stream, sizes = client._session.channel._stream, []
    write = stream.write
    stream.write = lambda pieces: (sizes.append(sum(map(len, pieces))), write(pieces))
    return sizes


def test_what_gathers_goes_with_one_writing(client, sqrt):
    sizes = count_writes(client)
    with under_way(client) as first:
        with nothing_goes(client):
            sizes.clear()
            futures = [client.submit(sqrt, number * number) for number in range(ENOUGH)]
        wait_for(lambda: sizes)
        assert len(sizes) == 1
        assert first.cancel()
        assert [future.result(60) for future in futures] == list(range(ENOUGH))
        assert len(sizes) <= 3  # with the word to cancel the first, and what is released


def test_many_calls_take_few_writings_and_keep_their_order(client):
    items, sizes = client.module("queue").Queue(), count_writes(client)
    futures = [client.submit(items.put, number) for number in range(5000)]
    concurrent.futures.wait(futures, 60)
    assert len(sizes) < 1000
    assert client.call(lambda queue: list(queue.queue), items) == list(range(5000))


def test_a_call_that_is_waited_for_goes_after_what_has_gathered(client):
    items = client.module("queue").Queue()
    put = items.put
    with under_way(client) as first:
        with nothing_goes(client):
            futures = [client.submit(put, number) for number in range(3)]
            waits = threading.Thread(target=put, args=(3,))
            waits.start()
        assert first.cancel()
        waits.join(60)
    assert [future.result(60) for future in futures] == [None] * 3
    assert [items.get_nowait() for _ in range(4)] == [0, 1, 2, 3]


def test_a_gathered_call_is_cancelled_before_it_goes(client, sqrt):
    with under_way(client):
        with nothing_goes(client):
            future = client.submit(sqrt, 4)
            future.stop()  # another thread waits for its answer from here on
        with pytest.raises(concurrent.futures.CancelledError):
            future.result(30)


def test_gathered_calls_learn_that_the_link_is_lost(client, sqrt):
    pid = client.module("os").getpid()
    with under_way(client) as first:
        with nothing_goes(client):
            futures = [client.submit(sqrt, 4) for _ in range(3)]
            futures[1].stop()  # which another thread waits for
            time.sleep(0.05)
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(ConnectionLost):
                first.result(30)
        for future in futures:
            with pytest.raises(ConnectionLost):
                future.result(30)


def test_a_thread_that_waits_for_a_gathered_call_is_the_next_to_read(client, sqrt):
    sleep, channel = client.module("time").sleep, client._session.channel
    ahead = [client.submit(sleep, 0.5), client.submit(sleep, 0)]
    wait_for(lambda: len(channel._waiting) == 2)
    with nothing_goes(client):
        future = client.submit(sqrt, 4)
        future._futures._sent.remove(future)
        waits = threading.Thread(target=future._futures._finish, args=(future,), daemon=True)
        waits.start()
        concurrent.futures.wait(ahead, 60)
        wait_for(lambda: channel._reading._reader is None)
        assert not future.done()
    assert future.result(30) == 2


def test_what_cannot_be_sealed_ends_the_session_and_nobody_waits(client, sqrt, monkeypatch):
    with under_way(client) as first:
        with nothing_goes(client):
            future = client.submit(sqrt, 4)
            monkeypatch.setattr(client._session.channel, "_notices", lambda: 1 / 0)
        for lost in (first, future):
            with pytest.raises(ConnectionLost, match="ZeroDivisionError"):
                lost.result(5)  # long before somebody would look after a silent link


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of those that a finalizer swallows
def test_interrupts_of_a_loop_that_submits_harm_no_call(client, sqrt):
    ready, rounds = threading.Lock(), 200  # whose methods an interrupt finds begun, or done
    ready.acquire()
    futures: list[tuple[int, Future]] = []

    def interrupt():
        ready.acquire()
        for turn in range(rounds):
            time.sleep(turn * 1e-5)
            os.kill(os.getpid(), signal.SIGINT)
            while not ready.acquire(timeout=1):
                os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    for _ in range(rounds):
        with contextlib.suppress(KeyboardInterrupt):
            ready.release()
            while True:
                number = len(futures)
                futures.append((number, client.submit(sqrt, number * number)))
    ready.release()
    thread.join()
    assert all(future.result(60) == number for number, future in futures)
    assert len(futures) > rounds
    wait_for(lambda: not client._session.channel._waiting)
