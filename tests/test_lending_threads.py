"""Lent objects, where several threads of either side are at work."""

import contextvars
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import rproxy

from .conftest import FAR_MODULES


def test_threads_of_the_far_side_call_back(stream_client):
    def far(f):
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(f, range(50)))

    assert stream_client.call(far, rproxy.local(lambda n: n * n)) == [n * n for n in range(50)]


def test_threads_of_the_far_side_call_back_into_calls_of_this_side(stream_client):
    math = stream_client.module("math")

    def far(f):
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(f, range(20)))

    assert stream_client.call(far, rproxy.local(lambda n: math.sqrt(n * n))) == list(range(20))


def test_threads_of_this_side_each_get_their_own_callbacks(stream_client):
    def work(number):
        got = []
        stream_client.call(lambda f, n: [f((n, i)) for i in range(20)], rproxy.local(got.append), number)
        return got

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(40)))
    assert results == [[(n, i) for i in range(20)] for n in range(40)]


def test_a_call_of_another_thread_waits_until_the_call_with_the_callback_has_ended(stream_client):
    order, started = [], threading.Event()

    def other():
        started.wait(30)
        stream_client.module("builtins").len("x")
        order.append("other")

    def callback():
        started.set()
        threading.Event().wait(0.2)
        order.append("callback")

    thread = threading.Thread(target=other)
    thread.start()
    stream_client.call(lambda f: f(), rproxy.local(callback))
    thread.join(30)
    assert order == ["callback", "other"]


def test_a_thread_that_shares_the_callbacks_context_may_call_and_be_waited_for(stream_client):
    def callback():
        context = contextvars.copy_context()
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(context.run, stream_client.module("math").sqrt, 9).result(30)

    assert stream_client.call(lambda f: f(), rproxy.local(callback)) == 3


def test_a_call_that_was_interrupted_here_has_nothing_to_lend_any_more(stream_client, far_module):
    name = far_module("stubborn", "import time\ndef run(f, path):\n    until = time.time() + 1\n"
                      "    while time.time() < until:\n        try:\n            time.sleep(0.1)\n"
                      "        except KeyboardInterrupt:\n            pass\n    try:\n        f()\n"
                      "    except Exception as error:\n        open(path, 'w').write(str(error))\n")  # fmt: skip
    path, slow = FAR_MODULES / "told", stream_client.module(name)
    for wait in (0.3, 0.5):  # the first one stops the call there, or tries to; the second one stops waiting
        threading.Timer(wait, signal.pthread_kill, [threading.get_ident(), signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        slow.run(rproxy.local(print), str(path))
    assert stream_client.module("math").sqrt(4) == 2  # waits for the interrupted call
    assert "nothing of this side is lent" in path.read_text()


def test_thirty_two_threads_of_mixed_calls_get_right_answers_and_leave_nothing(stream_client):
    math = stream_client.module("math")

    def far(f, count):
        return [f(i) for i in range(count)]

    def far_threads(f, count):
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(3) as pool:
            return list(pool.map(f, range(count)))

    def mixed(seed):
        for _ in range(8):
            assert math.sqrt(seed * seed) == seed
            assert stream_client.call(far, rproxy.local(lambda i: (seed, i)), 3) == [(seed, i) for i in range(3)]
            assert stream_client.call(far, rproxy.local(lambda i: math.sqrt(i * i)), 3) == [0, 1, 2]
            with pytest.raises(ZeroDivisionError):
                stream_client.call(far, rproxy.local(lambda i: 1 // 0), 3)
            assert stream_client.call(far_threads, rproxy.local(lambda i: i * seed), 4) == [i * seed for i in range(4)]
            assert stream_client.submit(far, rproxy.local(math.sqrt), 2).result(60) == [0, 1]
            assert list(stream_client.call(lambda: iter([1, 2]))) == [1, 2]

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(mixed, range(32)))
    channel = stream_client._session.channel
    assert len(stream_client._session.side.loans) == len(channel._waiting) == len(channel._answers) == 0
    assert channel._peer.waiting == channel._peer.asked == set()
