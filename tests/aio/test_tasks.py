"""Tasks that await the same client, and several."""

import asyncio
import os
import threading

import pytest

import rproxy

from .running import run


def wait_for(path):
    import time

    while not os.path.exists(path):
        time.sleep(0.001)
    return path


def test_blocks_hold_for_the_task_that_entered_them(stream_client):
    getenv = stream_client.aio.module("os").getenv
    both = asyncio.Barrier(2)

    async def work(value):
        with stream_client.env(RPROXY_TASK=value):
            await both.wait()
            return await getenv("RPROXY_TASK")

    async def main():
        return await asyncio.gather(work("one"), work("two"), getenv("RPROXY_TASK"))

    assert run(main) == ["one", "two", None]


def test_output_goes_where_the_task_captures_it(stream_client):
    async def work(text):
        with stream_client.capture() as captured:
            await stream_client.aio.call(print, text)
        return captured.text

    async def main():
        return await asyncio.gather(work("one"), work("two"))

    assert run(main) == ["one\n", "two\n"]


def test_calls_of_one_client_run_in_the_order_in_which_they_were_begun(stream_client):
    async def main():
        items = await stream_client.aio.module("collections").deque()
        await asyncio.gather(*(items.append(number) for number in range(300)))
        return [item async for item in items]

    with stream_client.keep_results():
        assert run(main) == list(range(300))


def test_a_callback_may_wait_for_calls_that_its_event_loop_makes(stream_client):
    math, call = stream_client.aio.module("math"), stream_client.aio.call

    async def roots(number):
        return [await math.isqrt(number), *await asyncio.gather(*(math.isqrt(n * n) for n in range(20)))]

    async def main():
        loop = asyncio.get_running_loop()

        def in_the_loop(number):
            return asyncio.run_coroutine_threadsafe(roots(number), loop).result(30)

        lent = rproxy.local(in_the_loop)
        return await asyncio.gather(*(call(lambda function, number: function(number), lent, n * n) for n in range(3)))

    assert run(main) == [[n, *range(20)] for n in range(3)]


def test_calls_of_several_clients_run_side_by_side(tmp_path):
    def meet(own, other):
        import time

        open(own, "w").close()
        while not os.path.exists(other):
            time.sleep(0.001)

    async def main():
        one, two = str(tmp_path / "one"), str(tmp_path / "two")
        async with rproxy.aio.connect() as first, rproxy.aio.connect() as second:
            return await asyncio.gather(first.call(meet, one, two), second.call(meet, two, one))

    assert run(main) == [None, None]


@pytest.mark.parametrize("load", [[b"x" * 20_000_000], [b"x" * 500] * 1000], ids=["large", "many"])
def test_the_loop_goes_on_while_the_far_side_takes_nothing(stream_client, tmp_path, load):
    async def main():
        remote_len = stream_client.aio.module("builtins").len
        busy = asyncio.create_task(stream_client.aio.call(wait_for, str(tmp_path / "go")))
        sizes = [asyncio.create_task(remote_len(data)) for data in load]
        for _ in range(20):
            await asyncio.sleep(0.005)
        assert not busy.done()
        (tmp_path / "go").touch()
        await busy
        return await asyncio.gather(*sizes)

    assert run(main) == list(map(len, load))


def test_a_call_that_is_cancelled_before_it_was_sent_never_runs(stream_client, tmp_path):
    async def main():
        busy = asyncio.create_task(stream_client.aio.call(wait_for, str(tmp_path / "go")))
        large = asyncio.create_task(stream_client.aio.module("builtins").len(b"x" * 20_000_000))
        behind = asyncio.create_task(stream_client.aio.module("os").mkdir(str(tmp_path / "made")))
        await asyncio.sleep(0.05)
        behind.cancel()
        with pytest.raises(asyncio.CancelledError):
            await behind
        (tmp_path / "go").touch()
        await asyncio.gather(busy, large)

    run(main)
    stream_client.ping()
    assert not (tmp_path / "made").exists()


def test_calls_take_no_thread_each(stream_client, tmp_path):
    async def main():
        busy = stream_client.aio.call(wait_for, str(tmp_path / "go"))
        waiting = [asyncio.create_task(call) for call in (busy, *(stream_client.aio.call(int) for _ in range(100)))]
        await asyncio.sleep(0.05)
        threads = threading.active_count()
        (tmp_path / "go").touch()
        await asyncio.gather(*waiting)
        return threads

    before = threading.active_count()
    assert run(main) <= before + 2


def test_loops_of_several_threads_share_a_client(stream_client):
    async def main(number):
        return await asyncio.gather(*(stream_client.aio.call(pow, number, exponent) for exponent in range(50)))

    found = {}
    threads = [threading.Thread(target=lambda n=number: found.update({n: asyncio.run(main(n))})) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: [number**exponent for exponent in range(50)] for number in range(8)}


def test_what_waits_when_the_client_is_closed_says_so():
    async def main():
        async with rproxy.aio.connect() as client:
            waiting = asyncio.create_task(client.module("time").sleep(60))
            while not client.client._session.sent:
                await asyncio.sleep(0)
        await waiting

    with pytest.raises(rproxy.RProxyError, match="closed"):
        run(main)
