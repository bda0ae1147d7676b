"""How much memory large values take on either side, at their worst: their own size, and little else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

MB = 1 << 20
SIZE = 32 * MB
#: What a value may take beside its own size: what is under way, and what was not given back yet.
BESIDE = 16 * MB

PROGRAM = """
import gc, json, sys
import numpy, rproxy

SIZE = int(sys.argv[1])

def told(name, pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))

def most(ask, *pids):
    "How much more than now each process takes while this runs."
    gc.collect()
    for pid in pids:
        with open(f"/proc/{pid}/clear_refs", "w") as file:
            file.write("5")
    before = [told("VmRSS", pid) for pid in pids]
    result = ask()
    return [told("VmHWM", pid) - size for pid, size in zip(pids, before)]

MADE = {
    "bytes": lambda: bytes(SIZE),
    "bytearray": lambda: bytearray(SIZE),
    "array": lambda: numpy.ones(SIZE // 8),
    "array by columns": lambda: numpy.ones((1024, SIZE // 8192), order="F"),
    "many arrays": lambda: [numpy.ones(SIZE // 800) for _ in range(100)],
}
found = {}
with rproxy.connect() as client:
    pids = ("self", client.module("os").getpid())
    builtins = client.module("builtins")
    builtins.id(bytes(5_000_000)), builtins.bytes(5_000_000), client.module("numpy").ones(1)  # what loads modules
    for name, make in MADE.items():
        value = make()
        kept = rproxy.keep(client.module("copy").copy)(value)
        found[name, "there"] = most(lambda: builtins.id(value), *pids)
        del value
        found[name, "back"] = most(lambda: rproxy.fetch(kept), *pids)
        del kept
print(json.dumps([[*names, *taken] for names, taken in found.items()]))
"""


@pytest.fixture(scope="module")
def peaks():
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("install Linux, which tells in /proc how much memory a process took")
    words = [sys.executable, "-c", PROGRAM, str(SIZE)]
    path = os.pathsep.join(sys.path)
    said = subprocess.run(words, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": path}).stdout
    return {(name, way): (here, there) for name, way, here, there in json.loads(said)}


KINDS = ["bytes", "bytearray", "array", "array by columns", "many arrays"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_sent_takes_its_size_there_and_nothing_here(peaks, kind):
    here, there = peaks[kind, "there"]
    assert here < BESIDE
    assert there < SIZE + BESIDE


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_takes_its_size_here_and_nothing_there(peaks, kind):
    here, there = peaks[kind, "back"]
    assert here < SIZE + BESIDE
    assert there < BESIDE
