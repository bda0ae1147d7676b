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
    name = far_module("slow", "import time\ndef run(f, path):\n    time.sleep(1)\n    try:\n        f()\n"
                      "    except Exception as error:\n        open(path, 'w').write(str(error))\n")  # fmt: skip
    path = FAR_MODULES / "told"
    timer = threading.Timer(0.3, signal.pthread_kill, [threading.get_ident(), signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        stream_client.module(name).run(rproxy.local(print), str(path))
    assert stream_client.module("math").sqrt(4) == 2  # waits for the interrupted call
    assert "nothing of this side is lent" in path.read_text()
