"""``python -m tests.soak [minutes]``: random calls, payloads and faults, which must leave nothing behind.

Rules: a run is rounds, each with a client of its own, used by several threads; every second round ends with its
endpoint killed in the middle of the work. Every answer is checked as it comes. Within a round all tables of either side
are empty whenever the threads pause, and the endpoint's memory stays flat; from round to round this process's memory,
descriptors, threads and children do.
"""

import argparse
import asyncio
import ctypes
import itertools
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import rproxy

from .mixed_calls import Mixed, assert_nothing_is_held, watchdog

#: How much memory may grow, in MiB: pieces of it are kept by what is small and stays.
SLACK = 16
#: How long a round lasts, in seconds, at least and at most, and how many pauses it has.
SHORTEST, LONGEST, PAUSES = 1.5, 120, 3
#: How long anything may take that has to come to its end, in seconds.
PATIENCE = 60


def memory() -> float:
    """The resident memory of this process, in MiB, without what the allocator keeps for later."""
    import ctypes
    import gc
    import os

    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def give_memory_back() -> None:
    """Has the allocator give each large block back as soon as it is free: else each thread's may keep some, which would
    hide how much is held."""
    m_mmap_threshold = -3
    ctypes.CDLL(None).mallopt(m_mmap_threshold, 1 << 17)


def kill_a_child() -> int:
    import subprocess

    child = subprocess.Popen(["sleep", "1000"])
    child.kill()
    return child.wait()


class Work(Mixed):
    """What a thread of a round does."""

    numbers = itertools.count()

    def __init__(self, client: rproxy.RemoteClient, seed: int, far_list) -> None:
        super().__init__(client, seed)
        self.far_list = far_list
        self.done: list[int] = []
        rare = [self.large, self.many, self.awaited, self.with_killed_child, self.cancelled]
        self.choices, self.weights = [self.one, self.counted, *rare], [80, 10, 4, 2, 2, 2, 1]

    def step(self) -> None:
        (chosen,) = self.random.choices(self.choices, self.weights)
        chosen()

    def counted(self) -> None:
        """Leaves a number there, which must be there once when it is looked for."""
        number = next(self.numbers)
        self.far_list.append(number)
        self.done.append(number)

    def with_killed_child(self) -> None:
        assert self.client.call(kill_a_child) == -signal.SIGKILL

    def awaited(self) -> None:
        async def main() -> None:
            call = self.client.aio.call
            wanted = [self.number() for _ in range(20)]
            stopped = asyncio.create_task(call(self.sleep, 100))
            others = asyncio.gather(*(call(self.math.isqrt, number**2) for number in wanted))
            await asyncio.sleep(0)
            stopped.cancel()
            assert await others == wanted

        asyncio.run(main())


class Round:
    """Threads that use one client."""

    def __init__(self, client: rproxy.RemoteClient, threads: int, seed: int) -> None:
        self.client = client
        self.endpoint = client.call(os.getpid)
        self.far_list = rproxy.keep(client.module("builtins").list)()
        self.killed = False
        self.errors: list[BaseException] = []
        self.calls = 0
        self._go, self._over = threading.Event(), threading.Event()
        self._working = threading.Semaphore(0)  # how many threads have paused
        self._work = [Work(client, seed + number, self.far_list) for number in range(threads)]
        self._threads = [threading.Thread(target=self._run, args=(work,), daemon=True) for work in self._work]
        self._go.set()
        for thread in self._threads:
            thread.start()

    def _run(self, work: Work) -> None:
        try:
            while not self._over.is_set():
                if not self._go.is_set():
                    self._working.release()
                    self._go.wait()
                    continue
                work.step()
                self.calls += 1
        except BaseException as error:  # it is the main thread's to judge
            self.errors.append(error)
            self._working.release()

    def pause(self) -> float:
        """Has all threads wait, and checks all that must hold then; returns the endpoint's memory, in MiB."""
        self._go.clear()
        for _ in self._threads:
            self._working.acquire()
        self.check_errors()
        numbers = sorted(itertools.chain(*(work.done for work in self._work)))
        assert sorted(rproxy.fetch(self.far_list)) == numbers, "calls were lost, or were made twice"
        assert_nothing_is_held(self.client, but_objects=1)
        there = self.client.call(memory)
        self._go.set()
        return there

    def end(self) -> None:
        self._over.set()
        self._go.set()
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a thread waits for ever"
        self.check_errors()

    def kill(self) -> None:
        """Kills the endpoint while the threads are in their calls: each of them must be told."""
        self.killed = True
        os.kill(self.endpoint, signal.SIGKILL)
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a thread waits for ever"
        self.check_errors()
        assert len(self.errors) == len(self._threads)

    def check_errors(self) -> None:
        for error in self.errors:
            if not (self.killed and isinstance(error, rproxy.ConnectionLost)):
                raise error


class Soak:
    """Rounds, and what is measured between them."""

    def __init__(self, target: str | None, threads: int, seed: int, folder: str) -> None:
        self.target, self.threads, self.seed, self.folder = target, threads, seed, folder
        self.memory: list[float] = []
        self.descriptors = 0
        self.calls = 0

    def run(self, seconds: float) -> None:
        begin, number = time.monotonic(), 0
        length = min(LONGEST, max(SHORTEST, seconds / 12))
        while number < 4 or time.monotonic() - begin < seconds:
            told = self.round(number, length)
            self.settle()
            print(
                f"{time.monotonic() - begin:7.1f} s  round {number}: {told}; {self.memory[-1]:.0f} MiB here", flush=True
            )
            number += 1
        third = len(self.memory) // 3
        first, last = min(self.memory[1 : 1 + max(1, third)]), min(self.memory[-max(1, third) :])
        assert last - first < SLACK, f"this process has grown from {first:.0f} to {last:.0f} MiB"

    def round(self, number: int, length: float) -> str:
        """One client from its beginning to its end."""
        folder = f"{self.folder}/{number}"
        connected = rproxy.connect(self.target, python=sys.executable, endpoint_dir=folder)
        with connected as client, watchdog(client, length + PATIENCE):
            work = Round(client, self.threads, self.seed + 1000 * number)
            there = []
            for _ in range(PAUSES):
                time.sleep(length / PAUSES)
                there.append(work.pause())
            assert there[-1] - there[0] < SLACK, f"the endpoint has grown: {there} MiB"
            if number % 2:
                work.kill()
                client.reconnect()
                assert client.call(os.getpid) != work.endpoint
            else:
                work.end()
        self.calls += work.calls
        left = [str(path) for path in Path(folder, "tmp").rglob("*")]
        assert not left, f"files were left: {left}"
        end = "its endpoint killed" if number % 2 else "closed"
        return f"{work.calls} calls, {there[-1]:.0f} MiB there, {end}"

    def settle(self) -> None:
        """Checks that nothing is left of a round in this process."""
        deadline = time.monotonic() + PATIENCE
        while threading.active_count() > 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert threading.active_count() == 1, threading.enumerate()
        self.memory.append(memory())
        descriptors = len(os.listdir("/proc/self/fd"))
        self.descriptors = self.descriptors or descriptors
        assert descriptors <= self.descriptors, f"{descriptors} descriptors are open, after {self.descriptors}"
        try:
            assert os.waitpid(-1, os.WNOHANG) is None, "a child is left"
        except ChildProcessError:
            pass  # there is none


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Random calls and faults for a while.")
    parser.add_argument("minutes", nargs="?", type=float, default=30)
    parser.add_argument("--target", metavar="URL", help="a local process if not given; it must be this machine")
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}")
    give_memory_back()
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(chosen.target, chosen.threads, chosen.seed, folder)
        soak.run(chosen.minutes * 60)
    print(f"{soak.calls} calls, and nothing was lost or left")


if __name__ == "__main__":
    main()
