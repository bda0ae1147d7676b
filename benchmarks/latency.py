"""How long a warm call takes: one question to another process, and its answer.

Measured twice: with all processes on one core, which tells what the code costs, and as the system places
them, where waking an idle core (tens of microseconds on a virtual machine) can outweigh everything else and
fall on any of them.
"""

import contextlib
import gc
import os
import tempfile
import time
from collections.abc import Sequence

from . import peers
from .report import Row, Table

CALLS = 300  # in one turn
WARM = 200

TARGETS = {
    peers.NATURAL: f"at most 2.00 x {peers.PIPE}",
    peers.RPYC: "at least 2.00 x rproxy's",
}


def measure(rounds: int, chosen: Sequence[str]) -> list[Table]:
    """The figures on one core, and those on all."""
    if not hasattr(os, "sched_setaffinity"):
        return [compare(rounds, chosen, "wherever they run")]
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})  # what is started from here inherits it
    try:
        pinned = compare(rounds, chosen, "all on one core")
    finally:
        os.sched_setaffinity(0, cores)
    return [pinned, compare(rounds, chosen, f"on {len(cores)} cores")]


def compare(rounds: int, chosen: Sequence[str], where: str) -> Table:
    """Every peer takes its turn in every round."""
    names = [name for name in peers.PEERS if name == peers.PIPE or name.startswith(tuple(chosen))]
    notes = [f"{name} is left out: it is not installed" for name in names if peers.missing(name)]
    names = [name for name in names if not peers.missing(name)]
    times: dict[str, list[float]] = {name: [] for name in names}
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="rproxy-bench-"))
        asks = {name: stack.enter_context(peers.PEERS[name](folder)) for name in names}
        for ask in asks.values():
            turn(ask, WARM)
        for _ in range(rounds):
            for name, ask in asks.items():
                times[name] += turn(ask, CALLS)
    rows = [Row(name, times[name], TARGETS.get(name, "")) for name in names]
    medians = {row.name: row.median for row in rows}
    if peers.NATURAL in medians and peers.RPYC in medians:
        notes.append(f"{peers.RPYC}: {medians[peers.RPYC] / medians[peers.NATURAL]:.2f} x {peers.NATURAL}")
    notes.append(f"{rounds} rounds of {CALLS} calls each, in turns")
    return Table(f'os.getenv("HOME") in another process, {where}', rows, peers.PIPE, "us", True, notes)


def turn(ask: peers.Ask, calls: int) -> list[float]:
    """The seconds of each of as many calls."""
    clock, taken = time.perf_counter, []
    gc.collect()
    for _ in range(calls):
        begin = clock()
        ask()
        taken.append(clock() - begin)
    return taken
