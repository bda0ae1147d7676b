"""Calls of every kind, each of which knows what is right; what is left of them; what shows where they hang.

They are for tests of threads and for the soak: any number of threads may make them with one client.
"""

import concurrent.futures
import contextlib
import faulthandler
import gc
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

import rproxy


class Mixed:
    """Calls of one client, chosen by a seed."""

    def __init__(self, client: rproxy.RemoteClient, seed: int) -> None:
        self.client = client
        self.random = random.Random(seed)
        self.os = client.module("os")
        self.math = client.module("math")
        self.itertools = client.module("itertools")
        self.sleep = client.module("time").sleep
        self.calls: list[Callable[[], None]] = [
            self.natural, self.by_the_verb, self.by_value, self.with_objects, self.with_exception, self.in_a_block,
            self.with_callback, self.with_nested_callback, self.by_iteration, self.later,
        ]  # fmt: skip

    def one(self) -> None:
        """Makes a call of any kind. Raises AssertionError if it is not answered right."""
        self.random.choice(self.calls)()

    def number(self) -> int:
        return self.random.randrange(1, 10**6)

    # -- the kinds -------------------------------------------------------------------------------------

    def natural(self) -> None:
        a, b = self.number(), self.number()
        assert self.math.gcd(a, b) == __import__("math").gcd(a, b)

    def by_the_verb(self) -> None:
        text = f"line {self.number()}"
        assert self.client.do_remote_call("builtins", "print", [text]) == (None, text + "\n")

    def by_value(self) -> None:
        a = self.number()
        assert self.client.call(lambda b: (a, b), -a) == (a, -a)

    def with_objects(self) -> None:
        a, b = self.number(), self.number()
        counter = self.itertools.count(a, b)
        assert [next(counter), next(counter)] == [a, a + b]

    def with_exception(self) -> None:
        path = f"/no/such/{self.number()}"
        with pytest.raises(FileNotFoundError) as caught:
            self.os.stat(path)
        assert caught.value.filename == path

    def in_a_block(self) -> None:
        value = str(self.number())
        with self.client.env(RPROXY_MIXED=value):
            assert self.os.getenv("RPROXY_MIXED") == value

    def with_callback(self) -> None:
        a, seen = self.number(), []
        assert self.client.call(lambda note, b: [note(b + i) for i in range(3)], rproxy.local(seen.append), a)
        assert seen == [a, a + 1, a + 2]

    def with_nested_callback(self) -> None:
        a = self.number()
        found = self.client.call(lambda ask, b: ask(b), rproxy.local(lambda b: self.math.hypot(b, 0)), a)
        assert found == a

    def by_iteration(self) -> None:
        a = self.number()
        assert list(self.itertools.repeat(a, 20)) == [a] * 20

    def later(self) -> None:
        numbers = [self.number() for _ in range(5)]
        futures = [self.client.submit(self.math.isqrt, number**2) for number in numbers]
        assert [future.result(120) for future in futures] == numbers

    # -- those that are not for all --------------------------------------------------------------------

    def cancelled(self) -> None:
        """Stops a call that runs, or that has not begun."""
        futures = [self.client.submit(self.sleep, 100) for _ in range(2)]
        for future in reversed(futures):
            while not future.cancel():
                assert not future.done() or future.result()  # which raises what became of it
            assert future.cancelled()

    def large(self) -> None:
        """Bytes there and back, up to 20 MB."""
        size = int(10 ** self.random.uniform(0, 7.3)) - 1
        data = self.random.randbytes(64) * (size // 64 + 1)
        assert self.client.call(lambda data: data[::-1], data) == data[::-1]

    def many(self) -> None:
        """Small objects back, up to 4 MB of them, which come in parts."""
        count, first = int(10 ** self.random.uniform(0, 5)), self.number()
        found = self.client.call(lambda first, count: {str(first + i): i for i in range(count)}, first, count)
        assert found == {str(first + i): i for i in range(count)}


# -- what is left --------------------------------------------------------------------------------------


def held_there() -> dict[str, int]:
    """What the endpoint's tables hold while it runs this, the call itself left out."""
    import gc

    from rproxy_endpoint.cancelling import Cancelling
    from rproxy_endpoint.conversation import Conversation
    from rproxy_endpoint.objects import ObjectTable
    from rproxy_endpoint.protocol.peer import Peer

    gc.collect()
    found = {}
    for one in gc.get_objects():
        if type(one) is ObjectTable:
            found["objects"] = len(one)
        elif type(one) is Peer:
            found["requests without an answer"] = len(one.waiting) - 1
            found["questions without an answer"] = len(one.asked)
        elif type(one) is Conversation:
            found["questions that wait"] = len(one._asked)
            found["requests that wait"] = len(one.pending)
        elif type(one) is Cancelling:
            found["calls to be stopped"] = len(one.wanted) + len(one._refused) + len(one.elsewhere)
    return found


def held_here(client: rproxy.RemoteClient) -> dict[str, int]:
    """What the client's tables hold."""
    session = client._session
    channel, side = session.channel, session.side
    return {
        "requests": len(channel._waiting),
        "requests without an answer": len(channel._peer.waiting),
        "questions without an answer": len(channel._peer.asked),
        "answers in part": len(channel._peer._parts),
        "threads that answer": len(channel._answers),
        "loans": len(side.loans),
        "objects": len(side._objects),
        "releases": len(side.releases),
    }


def assert_nothing_is_held(client: rproxy.RemoteClient, but_objects: int = 0) -> None:
    """Every table of either side is empty, but for so many objects that the test itself holds. Threads may take a
    moment to let go of their last call."""
    deadline = time.monotonic() + 30
    while True:
        gc.collect()
        there = client.call(held_there)
        here = held_here(client)
        assert len(there) == 6
        here["objects"] -= but_objects
        there["objects"] -= but_objects
        if not any(here.values()) and not any(there.values()):
            return
        assert time.monotonic() < deadline, (here, there)
        time.sleep(0.05)


# -- what hangs ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def watchdog(client: rproxy.RemoteClient, seconds: float) -> Iterator[None]:
    """If the block takes longer, shows all stacks of either side, and ends the endpoint, so that the block ends."""
    endpoint, file = client.call(os.getpid), sys.__stderr__.fileno()

    def bite() -> None:
        faulthandler.dump_traceback(file, all_threads=True)
        os.kill(endpoint, signal.SIGABRT)  # its own stacks come with what the waiting calls raise

    timer = threading.Timer(seconds, bite)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """Runs the same in so many threads at once; raises what the first has raised."""
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        for future in [pool.submit(work, number) for number in range(count)]:
            future.result()
