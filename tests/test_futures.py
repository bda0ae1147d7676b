"""Calls that are not waited for: `client.submit`."""

import asyncio
import concurrent.futures
import contextlib
import gc
import weakref

import pytest

import rproxy
from rproxy import RProxyError, SerializationError

from .conftest import connect_over
from .ssh.sshd import wait_for


def test_the_future_of_a_remote_function_has_its_value(client):
    future = client.submit(client.module("math").sqrt, 9)
    assert isinstance(future, concurrent.futures.Future)
    assert future.result(30) == 3


def test_the_future_of_a_local_function_has_its_value(client):
    assert client.submit(lambda a, b=1: a + b, 2, b=3).result(30) == 5


def test_a_function_of_the_clients_own_is_submitted_as_what_it_stands_for(stream_client):
    @stream_client.function
    def add(a, b):
        return a + b

    assert stream_client.submit(add, 1, 2).result(30) == 3


def test_it_has_all_that_another_future_has(client):
    future = client.submit(client.module("os").getpid)
    assert [name for name in vars(concurrent.futures.Future()) if not hasattr(future, name)] == []
    assert future.result(30)


def test_a_future_that_is_done_holds_its_result_and_nothing_of_its_call(client):
    class Text(str):
        __slots__ = ("__weakref__",)

        def __reduce__(self):
            return str, (str(self),)

    argument = Text("HOME")
    gone = weakref.ref(argument)
    future = client.submit(client.module("os").getenv, argument)
    del argument
    assert future.result(30)
    wait_for(lambda: gone() is None)


def test_futures_are_few_objects_to_the_garbage_collector(stream_client):
    getenv = stream_client.module("os").getenv
    stream_client.submit(getenv, "HOME").result(30)
    with without_garbage_collection():
        before = len(gc.get_objects())
        futures = [stream_client.submit(getenv, "HOME") for _ in range(1000)]
        concurrent.futures.wait(futures[-1:], 60)
        assert len(gc.get_objects()) - before < 7 * len(futures)


@contextlib.contextmanager
def without_garbage_collection():
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def test_futures_are_waited_for_as_others_are(stream_client):
    release = stream_client.module("queue").Queue()
    with rproxy.connect() as other:
        own = concurrent.futures.Future()
        futures = [stream_client.submit(release.put, 1), other.submit(other.module("os").getpid), own]
        assert concurrent.futures.wait(futures, 60, concurrent.futures.FIRST_COMPLETED).not_done >= {own}
        own.set_result(None)
        assert set(concurrent.futures.as_completed(futures, 60)) == set(futures)
        late = stream_client.submit(stream_client.module("time").sleep, 0.5)
        with pytest.raises(concurrent.futures.TimeoutError):
            late.result(0.05)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            assert list(pool.map(lambda _: late.result(60), range(4))) == [None] * 4
        assert "finished returned NoneType" in repr(late)


def test_its_exception_is_the_futures(client):
    error = client.submit(client.module("math").sqrt, -1).exception(30)
    assert isinstance(error, ValueError)
    assert isinstance(error, rproxy.RemoteExecError)


def test_what_cannot_travel_is_said_at_once(client):
    with pytest.raises(SerializationError, match=r"argument 1 of math.sqrt"):
        client.submit(client.module("math").sqrt, open("/dev/null")).result(30)


def test_calls_run_in_the_order_in_which_they_were_submitted(stream_client):
    items = stream_client.module("queue").Queue()
    futures = [stream_client.submit(items.put, number) for number in range(200)]
    concurrent.futures.wait(futures, 60)
    assert [items.get_nowait() for _ in range(200)] == list(range(200))


def test_a_call_that_is_waited_for_comes_after_what_was_submitted(stream_client):
    items = stream_client.module("queue").Queue()
    stream_client.submit(items.put, 1)
    assert items.get_nowait() == 1


def test_the_environment_is_that_of_where_it_was_submitted(client):
    with client.env(RPROXY_TEST="inside"):
        future = client.submit(client.module("os").getenv, "RPROXY_TEST")
    assert future.result(30) == "inside"


def test_the_output_goes_where_it_was_submitted(client):
    with client.capture() as captured:
        client.submit(client.module("builtins").print, "said").result(30)
    assert captured.text == "said\n"


def test_local_objects_are_lent_until_its_end(stream_client):
    here = []
    stream_client.submit(lambda f: [f(i) for i in range(3)], rproxy.local(here.append)).result(30)
    assert here == [0, 1, 2]
    gc.collect()
    assert len(stream_client._session.side.loans) == 0


def test_large_arguments_and_results_of_many_calls_do_not_wait_for_each_other(stream_client):
    data = b"x" * 3_000_000
    futures = [stream_client.submit(stream_client.module("operator").add, data, b"y") for _ in range(10)]
    assert {len(future.result(60)) for future in futures} == {3_000_001}


def test_asyncio_awaits_it(stream_client):
    async def main():
        futures = [asyncio.wrap_future(stream_client.submit(stream_client.module("math").sqrt, n)) for n in (1, 4, 9)]
        return await asyncio.gather(*futures)

    assert asyncio.run(main()) == [1, 2, 3]


def test_a_client_that_is_closed_fails_its_futures():
    client = connect_over("stream")
    future = client.submit(client.module("time").sleep, 60)
    client.close()
    assert isinstance(future.exception(30), RProxyError)


def test_a_function_of_another_client_is_refused(stream_client):
    with connect_over("stream") as other, pytest.raises(TypeError, match="belongs to another client"):
        stream_client.submit(other.module("math").sqrt, 4)


def test_what_cannot_be_called_is_refused(client):
    with pytest.raises(TypeError, match="cannot be called"):
        client.submit(5)


def test_a_callback_of_a_submitted_call_may_submit_and_wait(stream_client):
    math = stream_client.module("math")
    local = rproxy.local(lambda: stream_client.submit(math.sqrt, 16).result(30))
    assert stream_client.submit(lambda f: f(), local).result(30) == 4


def test_threads_that_submit_calls_with_callbacks_do_not_wait_for_each_other(stream_client):
    def work(number):
        futures = [stream_client.submit(lambda f: f(), rproxy.local(lambda: number)) for _ in range(50)]
        return {future.result(60) for future in futures}

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [{number} for number in range(8)]
