"""Futures: the values come, and what is cancelled stops there, while the session goes on. Over every stream."""

import asyncio
import concurrent.futures
import time

import pytest

import rproxy

from .sshd import wait_for
from .test_cancelling import sleep


@pytest.fixture
def client(any_client):
    return any_client


def test_values_of_remote_and_local_functions_come(client):
    futures = [client.submit(client.module("math").sqrt, 9), client.submit(lambda a, b=1: a + b, 2, b=3)]
    assert [future.result(20) for future in futures] == [3, 5]
    assert all(future.done() and not future.cancelled() for future in futures)


def test_what_is_raised_there_is_the_exception(client):
    error = client.submit(client.module("math").sqrt, -1).exception(20)
    assert isinstance(error, ValueError) and isinstance(error, rproxy.RemoteExecError)


def test_asyncio_awaits_them(client):
    async def main():
        root = client.module("math").sqrt
        return await asyncio.gather(*(asyncio.wrap_future(client.submit(root, number)) for number in (1, 4, 9)))

    assert asyncio.run(main()) == [1, 2, 3]


def test_cancelling_a_future_stops_its_call(client, tmp_path):
    future = client.submit(sleep, str(tmp_path / "done"))
    wait_for(future.running)
    assert future.cancel() and future.cancelled() and future.done()
    with pytest.raises(concurrent.futures.CancelledError):
        future.result()
    assert client.module("math").sqrt(4) == 2
    assert not (tmp_path / "done").exists()


def test_a_call_that_has_not_begun_is_cancelled_without_waiting_for_others(client):
    remote_time = client.module("time")
    first, second = client.submit(remote_time.sleep, 0.6), client.submit(remote_time.sleep, 100)
    last = client.submit(remote_time.strftime, "%%")
    assert second.cancel() and not first.done()
    assert (last.result(20), first.result(20)) == ("%", None)


def test_what_has_come_to_its_end_cannot_be_cancelled(client):
    future = client.submit(client.module("math").sqrt, 4)
    assert future.result(20) == 2
    assert not future.cancel() and not future.cancelled()


def test_a_callback_of_a_future_can_cancel_the_others(client):
    remote_time = client.module("time")
    first = client.submit(remote_time.sleep, 0.2)
    others = [client.submit(remote_time.sleep, 100) for _ in range(3)]
    outcomes = []
    first.add_done_callback(lambda _: outcomes.extend(other.cancel() for other in others))
    wait_for(lambda: outcomes == [True] * 3)
    assert client.module("math").sqrt(4) == 2


def test_a_result_that_is_waited_for_too_long_lets_the_call_go_on(client):
    future = client.submit(client.module("time").sleep, 0.5)
    with pytest.raises(concurrent.futures.TimeoutError):
        future.result(0.05)
    assert future.running()
    assert future.result(20) is None


def test_as_completed_and_wait_know_these_futures(client):
    remote_time = client.module("time")
    futures = [client.submit(remote_time.sleep, 0.01) for _ in range(5)]
    futures[3].cancel()
    assert set(concurrent.futures.as_completed(futures, 20)) == set(futures)
    assert not concurrent.futures.wait(futures, 1).not_done


def test_a_handler_of_the_calls_own_has_time_to_clean_up(client, tmp_path):
    def work(path):
        import signal
        import time

        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            time.sleep(100)
        except KeyboardInterrupt:
            time.sleep(0.5)
            open(path, "w").close()
        finally:
            signal.signal(signal.SIGINT, before)

    path = tmp_path / "cleaned up"
    future = client.submit(work, str(path))
    time.sleep(0.3)
    future.cancel()
    wait_for(path.exists)
    assert client.module("math").sqrt(4) == 2
