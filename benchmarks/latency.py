"""How long a warm call takes: one question to another process, and its answer.

Locally it is measured twice: with all processes on one core, which tells what the code costs, and as the system places
them, where waking an idle core (tens of microseconds on a virtual machine) can outweigh everything else and
fall on any of them.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import rproxy

from . import peers, raw
from .places import Place, Scene
from .report import Bar, Row, Sweep, Table
from .sizes import Sizes
from .turns import Calls, Turns, timed

PIPE = "multiprocessing.Pipe"
LINK = "the link's round trip"
#: The most that peers are sent, in bytes: some take ten seconds for it.
LARGEST = 16 << 20
#: As many as a script sends without waiting.
SUBMITS = 100


def measure(scene: Scene, sizes: Sizes, with_peers: bool) -> Iterator[Table | Sweep]:
    local = scene.place("local")
    if local is not None:
        yield from _both_ways(local, sizes, with_peers)
    elsewhere = [place for place in scene.near if place.kind != "local"]
    if elsewhere:
        yield _over_links(elsewhere, sizes, with_peers)
    if scene.far and scene.link is not None:
        scene.link.tell(f"delay {sizes.round_trip / 2}")
        yield _far(scene.far, sizes, with_peers)
        yield _by_distance(scene, sizes, with_peers)
    if local is not None:
        yield _by_payload(local, sizes, with_peers)


def ours(place: Place) -> str:
    return f"rproxy, {place.name}"


def raw_echo(place: Place) -> str:
    return {"local": "raw pipe echo", "ssh": "raw ssh echo", "paramiko": "raw paramiko echo"}.get(
        place.kind, "raw echo"
    )


def rows_of(values: dict[str, list[float]], bars: Mapping[str, tuple[Bar, ...]]) -> list[Row]:
    return [Row(name, found, bars.get(name, ())) for name, found in values.items()]


# -- on this machine -----------------------------------------------------------------------------------


def _both_ways(local: Place, sizes: Sizes, with_peers: bool) -> Iterator[Table]:
    # This one first: who was kept on one core stays there for a while.
    yield _local(local, sizes, with_peers, "wherever the system runs them")
    if hasattr(os, "sched_setaffinity"):
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cores)})  # what is started from here inherits it
        try:
            yield _local(local, sizes, with_peers, "all on one core")
        finally:
            os.sched_setaffinity(0, cores)


def _local(local: Place, sizes: Sizes, with_peers: bool, where: str) -> Table:
    natural = "rproxy: remote_os.getenv(...)"
    bars = {
        natural: (Bar("times", PIPE, most=1.2), Bar("speed", "rpyc", least=4)),
        "rproxy: getenv(...)": (Bar("times", PIPE),),
        "rproxy: do_remote_call(...)": (Bar("times", natural, most=1.1),),
    }
    with Turns() as turns:
        ways = turns.enter(_ways_to_ask(local))
        for name, ask in {
            PIPE: turns.enter(raw.standard_pipe()),
            natural: ways[0],
            "rproxy: getenv(...)": ways[1],
            "rproxy: do_remote_call(...)": ways[2],
        }.items():
            turns.add(name, timed(ask, sizes.calls, sizes.warm))
        turns.invite(raw_echo(local), raw.echo(local), lambda ask: timed(ask, sizes.calls, sizes.warm))
        for name, opening in peers.found(local, with_peers).items():
            turns.invite(name, opening(local), lambda calls: timed(calls.getenv, sizes.calls, sizes.warm))
            bars[name] = (Bar("times", natural),)
        values = turns.run(sizes.rounds)
    notes = [*turns.notes, f"{sizes.rounds} rounds of {sizes.calls} calls each, in turns"]
    return Table(f'os.getenv("HOME") in another process, {where}', rows_of(values, bars), "us", notes)


@contextlib.contextmanager
def _ways_to_ask(place: Place) -> Iterator[Any]:
    """A call by a module's proxy, of a function that was fetched once, and by the verb beneath."""
    with place.connect() as client:
        remote_os, getenv = client.module("os"), client.module("os").getenv
        yield (
            lambda: remote_os.getenv("HOME"),
            lambda: getenv("HOME"),
            lambda: client.do_remote_call("os", "getenv", ["HOME"])[0],
        )


# -- over ssh ------------------------------------------------------------------------------------------


def _over_links(places: list[Place], sizes: Sizes, with_peers: bool) -> Table:
    bars: dict[str, tuple[Bar, ...]] = {}
    with Turns() as turns:
        for place in places:
            turns.invite(raw_echo(place), raw.echo(place), lambda ask: timed(ask, sizes.calls, sizes.warm))
            turns.add(ours(place), timed(turns.enter(_asking(place)), sizes.calls, sizes.warm))
            bars[ours(place)] = (
                Bar("times", raw_echo(place), most=1.2),
                Bar("speed", "execnet over ssh", least=2),
                Bar("speed", "rpyc over ssh", least=2),
            )
        _invite_all(turns, places[0], with_peers, sizes.calls, sizes.warm)
        values = turns.run(sizes.rounds)
    notes = [*turns.notes, f"{sizes.rounds} rounds of {sizes.calls} calls each, in turns"]
    return Table('os.getenv("HOME") on a host', rows_of(values, bars), "us", notes)


@contextlib.contextmanager
def _asking(place: Place) -> Iterator[Any]:
    with place.connect() as client:
        remote_os = client.module("os")
        yield lambda: remote_os.getenv("HOME")


def _invite_all(turns: Turns, place: Place, wanted: bool, calls: int | Calls, warm: int) -> None:
    for name, opening in peers.found(place, wanted).items():
        turns.invite(f"{name} over ssh", opening(place), lambda found: timed(found.getenv, calls, warm))


# -- at the end of a long link -------------------------------------------------------------------------


def _far(places: list[Place], sizes: Sizes, with_peers: bool) -> Table:
    bars: dict[str, tuple[Bar, ...]] = {}
    with Turns() as turns:
        turns.add(LINK, lambda: [sizes.round_trip])
        turns.invite(raw_echo(places[0]), raw.echo(places[0]), lambda ask: timed(ask, sizes.far_calls))
        for place in places:
            client = turns.enter(place.connect())
            many = f"{ours(place)}: {SUBMITS} submitted calls"
            turns.add(ours(place), timed(_asked(client), sizes.far_calls, 1))
            turns.add(many, timed(_submitted(client), 1, 1))
            bars[ours(place)] = (Bar("times", LINK, most=1.05),)
            bars[many] = (Bar("times", LINK, most=1.5),)
        _invite_all(turns, places[0], with_peers, sizes.far_calls, 1)
        values = turns.run(sizes.far_rounds)
    for name in values:
        bars.setdefault(name, (Bar("times", LINK),))
    notes = [*turns.notes, f"{sizes.far_rounds} rounds of {sizes.far_calls} calls each, in turns"]
    return Table(f"The same at {sizes.round_trip * 1000:.0f} ms round-trip time", rows_of(values, bars), "ms", notes)


def _asked(client: rproxy.RemoteClient) -> Any:
    remote_os = client.module("os")
    return lambda: remote_os.getenv("HOME")


def _submitted(client: rproxy.RemoteClient) -> Any:
    getenv = client.module("os").getenv

    def ask() -> None:
        for future in [client.submit(getenv, "HOME") for _ in range(SUBMITS)]:
            future.result()

    return ask


# -- lines ---------------------------------------------------------------------------------------------


def _by_distance(scene: Scene, sizes: Sizes, with_peers: bool) -> Sweep:
    """Everybody connects once, and then the link grows longer."""
    assert scene.link is not None
    lines: dict[str, list[tuple[float, float]]] = {}
    scene.link.tell("delay 0")
    with Turns() as turns:
        calls = Calls(sizes.far_calls)
        turns.invite(raw_echo(scene.far[0]), raw.echo(scene.far[0]), lambda ask: timed(ask, calls, 1))
        for place in scene.far:
            turns.add(ours(place), timed(turns.enter(_asking(place)), calls, 1))
        _invite_all(turns, scene.far[0], with_peers, calls, 1)
        for round_trip in sizes.distances:
            scene.link.tell(f"delay {round_trip / 2}")
            calls.count = max(sizes.far_calls, min(sizes.calls, int(0.05 / (round_trip + 5e-4))))
            for row in rows_of(turns.run(min(sizes.rounds, 3)), {}):
                lines.setdefault(row.name, []).append((round_trip * 1e3, row.median * 1e3))
        scene.link.tell("delay 0")  # or their ends take long
    return Sweep('os.getenv("HOME") against the round-trip time', "round trip, ms", "one call, ms", lines, turns.notes)


def _by_payload(local: Place, sizes: Sizes, with_peers: bool) -> Sweep:
    lines, notes = echoes(local, sizes.payloads, with_peers, min(sizes.rounds, 5), sizes.calls)
    shown = {name: [(float(size), seconds * 1e6) for size, seconds in points] for name, points in lines.items()}
    return Sweep("Bytes there and back by a call, local", "bytes", "one call, us", shown, notes)


def echoes(
    place: Place, payloads: Sequence[int], with_peers: bool, rounds: int, calls: int
) -> tuple[dict[str, list[tuple[int, float]]], list[str]]:
    """The seconds that payloads of these sizes take there and back, by each way; and who was left out.

    `calls`: the most of them in one turn; fewer of large ones.
    """
    lines: dict[str, list[tuple[int, float]]] = {}
    data = [b""]  # which everybody sends
    count = Calls(1)
    with Turns() as turns:

        def turn(ask: Any) -> Any:
            return timed(lambda: ask(data[0]), count, 1)

        turns.invite(raw_echo(place), raw.echo(place), turn)
        turns.add(ours(place), turn(turns.enter(place.connect()).module("copy").copy))
        for name, opening in peers.found(place, with_peers).items():
            turns.invite(name, opening(place), lambda found: turn(found.echo))
        for size in payloads:
            if size > LARGEST:
                turns.dismiss(peers.LOCAL)
            data[0] = os.urandom(size)
            count.count = max(1, min(calls, (2 << 20) // size))
            turns.run(1)  # for memory that is needed first
            for row in rows_of(turns.run(rounds), {}):
                lines.setdefault(row.name, []).append((size, row.median))
    return lines, turns.notes
