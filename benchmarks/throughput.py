"""How much is done in a second: calls that are not waited for, items of an iterator there, many small objects."""

from collections.abc import Callable, Iterator
from typing import Any

import rproxy

from . import peers, raw
from .latency import ours, rows_of
from .places import Place, Scene
from .report import Bar, Row, Table
from .sizes import Sizes
from .turns import Turns, timed


def measure(scene: Scene, sizes: Sizes, with_peers: bool) -> Iterator[Table]:
    places = [place for place in scene.near if place.streams]
    if places:
        yield _submitted(places, sizes, with_peers)
        yield _iterated(places, sizes, with_peers)
    for place in places:
        yield _small_objects(place, sizes)


def _submitted(places: list[Place], sizes: Sizes, with_peers: bool) -> Table:
    count = sizes.submits
    bars: dict[str, tuple[Bar, ...]] = {}
    with Turns() as turns:
        for place in places:
            client = turns.enter(place.connect())
            turns.add(ours(place), timed(_submitting(client, count), 1, 1))
            bars[ours(place)] = (Bar("rate", least=50_000 if place.kind == "local" else None),)
        _invite(turns, places[0], with_peers, "many", count)
        values = turns.run(sizes.bulk_rounds)
    notes = [*turns.notes, f"{sizes.bulk_rounds} rounds of {count:,} calls each, in turns"]
    return Table("Calls that are submitted before the first is waited for", rows_of(values, bars), "ms", notes, count,
                 "calls/s")  # fmt: skip


def _submitting(client: Any, count: int) -> Callable[[], None]:
    getenv = client.module("os").getenv

    def ask() -> None:
        for future in [client.submit(getenv, "HOME") for _ in range(count)]:
            future.result()

    return ask


def _iterated(places: list[Place], sizes: Sizes, with_peers: bool) -> Table:
    bars: dict[str, tuple[Bar, ...]] = {}
    with Turns() as turns:
        for place in places:
            client = turns.enter(place.connect())
            turns.add(ours(place), timed(_iterating(client, sizes.items), 1, 1))
            # Of rpyc by the item: it takes a tenth as many.
            bars[ours(place)] = (Bar("speed", "rpyc", least=20 if place.kind == "local" else None),)
        _invite(turns, places[0], with_peers, "iterate", sizes.peers_items)
        values = turns.run(sizes.bulk_rounds)
    items = {ours(place): sizes.items for place in places}
    rows = [
        Row(name, [seconds / items.get(name, sizes.peers_items) for seconds in found], bars.get(name, ()), 1)
        for name, found in values.items()
    ]
    notes = [
        *turns.notes,
        f"{sizes.items:,} items a round, and {sizes.peers_items:,} of those who take a trip for each",
    ]
    return Table("An item of an iterator that stays there", rows, "us", notes, 1, "items/s")


def _iterating(client: Any, count: int) -> Callable[[], int]:
    builtins = client.module("builtins")
    return lambda: sum(builtins.iter(builtins.range(count)))


def _invite(turns: Turns, place: Place, wanted: bool, way: str, count: int) -> None:
    for name, opening in peers.found(place, wanted).items():

        def turn(calls: peers.Calls) -> Any:
            ask = getattr(calls, way)
            if ask is None:
                raise LookupError("it has no such thing, or would wait for itself")
            return timed(lambda: ask(count))

        turns.invite(name, opening(place), turn)


# -- many small objects --------------------------------------------------------------------------------


def _small_objects(place: Place, sizes: Sizes) -> Table:
    """There: as an argument, of which a number comes back. Back: a value that is kept there, fetched."""
    samples = {
        f"a list of {sizes.integers:,} ints": list(range(sizes.integers)),
        f"a dict of {sizes.strings:,} strings": {f"key {number}": f"value {number}" for number in range(sizes.strings)},
    }
    bars: dict[str, tuple[Bar, ...]] = {}
    with Turns() as turns:
        client = turns.enter(place.connect())
        for name, sample in samples.items():
            for way, limit, ask in (
                ("there", _loading(sample), _with(client.module("builtins").len, sample)),
                ("back", _dumping(sample), _fetching(client, sample)),
            ):
                pickled, own = f"{name}, {way}: pickle and raw transfer", f"{name}, {way}: {ours(place)}"
                turns.invite(pickled, raw.pump(place), limit)
                turns.add(own, timed(ask, 1, 1))
                bars[own] = (Bar("times", pickled, most=1.2),)
        values = turns.run(sizes.bulk_rounds)
    notes = [*turns.notes, f"{sizes.bulk_rounds} rounds, in turns"]
    return Table(f"Many small objects, {place.name}", rows_of(values, bars), "ms", notes)


def _loading(sample: Any) -> Callable[[raw.Pump], Any]:
    return lambda pump: timed(lambda: pump.load(sample), 1, 1)


def _dumping(sample: Any) -> Callable[[raw.Pump], Any]:
    def turn(pump: raw.Pump) -> Any:
        pump.load(sample)
        return timed(pump.dump, 1, 1)

    return turn


def _fetching(client: Any, sample: Any) -> Callable[[], Any]:
    with client.keep_results():
        kept = client.module("copy").copy(sample)
    return lambda: rproxy.fetch(kept)


def _with(ask: Callable[[Any], Any], value: Any) -> Callable[[], Any]:
    return lambda: ask(value)
