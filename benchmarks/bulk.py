"""How fast large things go: arrays by calls, files by push and pull, and how much memory that takes.

Rules: what goes is random, so that nothing is gained by compression; the limit's bytes are thrown away as they come,
while ours end in an array, or in a file.
"""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import rproxy

from . import memory, raw
from .latency import echoes, ours, rows_of
from .places import Place, Scene
from .report import Bar, Row, Sweep, Table
from .sizes import MB, Sizes
from .turns import Turns, timed

#: What arrays, and files, should reach of the limit's speed, by the kind of place.
ARRAYS = {"local": 0.5, "ssh": 0.9}
FILES = {"ssh": 0.8}
#: What either side may need beside the payload, in bytes.
BESIDE = 64 * MB


def measure(scene: Scene, sizes: Sizes, with_peers: bool) -> Iterator[Table | Sweep]:
    places = [place for place in scene.near if place.streams]
    with_numpy = [place for place in places if place.has_numpy]
    for place in with_numpy:
        yield _arrays(place, sizes)
    if with_numpy and memory.is_told():
        yield _peaks(with_numpy, sizes)
    for place in places:
        if place.words:
            yield _files(place, sizes)
    for place in places:
        if place.kind != "paramiko":  # whose line is that of OpenSSH
            yield _by_volume(place, sizes, with_peers)


# -- arrays --------------------------------------------------------------------------------------------


def _arrays(place: Place, sizes: Sizes) -> Table:
    bars: dict[str, tuple[Bar, ...]] = {}
    with Turns() as turns:
        data = os.urandom(sizes.payload)
        turns.invite("raw, there", raw.pump(place), lambda pump: timed(lambda: pump.up(data)))
        turns.invite("raw, back", raw.pump(place), lambda pump: timed(lambda: pump.down(sizes.payload)))
        client = turns.enter(place.connect())
        for way, ask in _array_ways(client, sizes.payload).items():
            turns.add(f"{ours(place)}, {way}", timed(ask))
            bars[f"{ours(place)}, {way}"] = (Bar("speed", f"raw, {way}", least=ARRAYS.get(place.kind)),)
        turns.run(1)  # for memory that is needed first
        values = turns.run(sizes.bulk_rounds)
    rows = rows_of(values, bars)
    title = f"An array of {sizes.payload >> 20} MB, {place.name}"
    return Table(title, rows, "ms", [*turns.notes, f"{sizes.bulk_rounds} rounds, in turns"], sizes.payload / MB, "MB/s")


def _array_ways(client: rproxy.RemoteClient, size: int) -> dict[str, Callable[[], Any]]:
    import numpy as np

    remote_np = client.module("numpy")
    array = np.random.default_rng(1).random(size // 8)
    with client.keep_results():
        kept = remote_np.copy(array)
    return {"there": lambda: remote_np.size(array), "back": lambda: rproxy.fetch(kept)}


def _peaks(places: list[Place], sizes: Sizes) -> Table:
    rows = []
    for place in places:
        for way, name in (("up", "there"), ("down", "back")):
            found = memory.peaks(place, way, sizes.payload)
            for side, value in found._asdict().items():
                bar = Bar("value", most=sizes.payload + BESIDE)
                rows.append(Row(f"{ours(place)}, {name}: the side {side}", [value], (bar,)))
    return Table(f"The most memory that an array of {sizes.payload >> 20} MB takes", rows, "MB",
                 ["resident, with Python and numpy; each in processes of its own"])  # fmt: skip


# -- files ---------------------------------------------------------------------------------------------


def _files(place: Place, sizes: Sizes) -> Table:
    """Against `ssh host cat`, on a connection that is there already, as the client's is."""
    push, pull = "ssh host cat > file", "ssh host cat file"
    with Turns() as turns:
        folder = Path(turns.enter(tempfile.TemporaryDirectory(prefix="rproxy-bench-")))
        source, target = folder / "source", folder / "target"
        source.write_bytes(os.urandom(sizes.payload))
        cat = turns.enter(_connected_ssh(place, folder))
        client = turns.enter(place.connect())
        there = turns.enter(_folder_there(client))
        # Each into a new file that takes the old one's place, as ours: to overwrite one finds its memory ready.
        turns.add(push, timed(lambda: _run([*cat, f"cat > {there}/new && mv {there}/new {there}/raw"], source, None)))
        turns.add(f"{ours(place)}, push", timed(lambda: client.push(source, f"{there}/ours", progress=False)))
        turns.add(pull, timed(lambda: _run([*cat, f"cat {there}/raw"], None, target)))
        turns.add(f"{ours(place)}, pull", timed(lambda: client.pull(f"{there}/ours", target, progress=False)))
        turns.run(1)
        values = turns.run(sizes.bulk_rounds)
    bars = {
        f"{ours(place)}, {way}": (Bar("speed", limit, least=FILES.get(place.kind)),)
        for way, limit in (("push", push), ("pull", pull))
    }
    rows = rows_of(values, bars)
    title = f"A file of {sizes.payload >> 20} MB, {place.name}"
    return Table(title, rows, "ms", [*turns.notes, f"{sizes.bulk_rounds} rounds, in turns"], sizes.payload / MB, "MB/s")


@contextlib.contextmanager
def _connected_ssh(place: Place, folder: Path) -> Iterator[list[str]]:
    """The words of an ssh that need not connect any more."""
    shared = ["ssh", "-S", f"{folder}/s", "-o", "ControlMaster=auto", "-o", "ControlPersist=60", *place.words]
    _run([*shared, "true"], None, None)
    try:
        yield shared
    finally:
        subprocess.run([*shared[:3], "-O", "exit", *place.words], capture_output=True, check=False)


@contextlib.contextmanager
def _folder_there(client: rproxy.RemoteClient) -> Iterator[str]:
    folder = client.module("tempfile").mkdtemp(prefix="rproxy-bench-")
    try:
        yield folder
    finally:
        client.module("shutil").rmtree(folder)


def _run(words: list[str], source: Path | None, target: Path | None) -> None:
    with contextlib.ExitStack() as stack:
        given = stack.enter_context(source.open("rb")) if source else subprocess.DEVNULL
        taken = stack.enter_context(target.with_suffix(".new").open("wb")) if target else subprocess.DEVNULL
        subprocess.run(words, stdin=given, stdout=taken, check=True)
        if target:
            target.with_suffix(".new").replace(target)


# -- lines ---------------------------------------------------------------------------------------------


def _by_volume(place: Place, sizes: Sizes, with_peers: bool) -> Sweep:
    lines, notes = echoes(place, sizes.volumes, with_peers, min(sizes.bulk_rounds, 3), 1)
    shown = {
        name: [(float(size), 2 * size / MB / seconds) for size, seconds in points] for name, points in lines.items()
    }
    title = f"Bytes there and back by a call, {place.name}"
    return Sweep(title, "bytes", "both ways summed, MB/s", shown, notes)
