"""How much is measured: enough for figures, or just enough to see that all of it runs."""

from typing import NamedTuple

MB = 1 << 20


class Sizes(NamedTuple):
    """Counts, seconds and bytes."""

    rounds: int = 20
    calls: int = 300  # in one turn
    warm: int = 200
    round_trip: float = 0.05  # of a long link, as between continents
    far_rounds: int = 10
    far_calls: int = 5  # in one turn, where a call takes a round trip of a long link
    payload: int = 256 * MB  # of arrays and files
    bulk_rounds: int = 5
    integers: int = 1_000_000
    strings: int = 100_000
    items: int = 100_000
    peers_items: int = 10_000  # of libraries that take a round trip for each
    submits: int = 10_000
    starts: int = 15
    far_starts: int = 5
    distances: tuple[float, ...] = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
    payloads: tuple[int, ...] = (1, 16, 256, 4096, 16384, 65536, 262144, MB)
    volumes: tuple[int, ...] = (65536, 262144, MB, 4 * MB, 16 * MB, 64 * MB)


FULL = Sizes()
QUICK = Sizes(
    rounds=1, calls=3, warm=2, round_trip=0.005, far_rounds=1, far_calls=1, payload=MB, bulk_rounds=1, integers=1000,
    strings=1000, items=1000, peers_items=100, submits=100, starts=1, far_starts=1,
    distances=(0.0, 0.005), payloads=(1, 4096), volumes=(65536, MB),
)  # fmt: skip
