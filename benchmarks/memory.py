"""Memory of processes, as Linux tells it; and ``python -m benchmarks.memory``, a client that moves one array.

Rules: the most that a process has ever had belongs to one transfer, so each is measured in a fresh client with a fresh
session.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import rproxy

from .places import Place


class Peaks(NamedTuple):
    """The most memory that either side has had, in bytes."""

    here: float
    there: float


def resident(pid: int) -> float:
    """The memory that a process of this machine has now, in bytes."""
    return _field(Path(f"/proc/{pid}/status").read_text(), "VmRSS")


def _field(status: str, name: str) -> float:
    found = re.search(rf"^{name}:\s*(\d+) kB$", status, re.MULTILINE)
    if found is None:
        raise LookupError(f"this system does not tell {name}")
    return int(found[1]) * 1024


def is_told() -> bool:
    return os.path.exists("/proc/self/status")


def peaks(place: Place, way: str, size: int) -> Peaks:
    """What a transfer of so many bytes takes, "up" or "down"."""
    given = json.dumps([place.target, place.options, way, size])
    done = subprocess.run([sys.executable, "-m", __name__, given], check=True, capture_output=True, text=True)
    return Peaks(*json.loads(done.stdout))


def main() -> None:
    target, options, way, size = json.loads(sys.argv[1])
    with rproxy.connect(target, **options) as client:
        move(client, way, size)
        there = client.module("builtins").open("/proc/self/status").read()
    here = Path("/proc/self/status").read_text()
    print(json.dumps([_field(here, "VmHWM"), _field(there, "VmHWM")]))


def move(client: rproxy.RemoteClient, way: str, size: int) -> Any:
    """Has an array of that size go there, or come from there."""
    if way == "down":
        return client.module("numpy").ones(size // 8)
    import numpy as np

    return client.module("numpy").size(np.ones(size // 8))


if __name__ == "__main__":
    main()
