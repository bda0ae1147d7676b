"""Waiting awake: how often one who waits looks, told by the looks themselves."""

import itertools

import pytest

from rproxy.connectors import awake
from rproxy.connectors.awake import LATE, Vigil

pytestmark = pytest.mark.once

MOMENT = 0.002  # seconds
LONG = 20.0


class Clock:
    """Goes on while others are given way to, for as long as they take, in seconds."""

    def __init__(self) -> None:
        self.now, self.others_take = 0.0, 1e-5

    def perf_counter(self) -> float:
        return self.now

    def sched_yield(self) -> None:
        self.now += self.others_take


@pytest.fixture(autouse=True)
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(awake, "time", clock)
    monkeypatch.setattr(awake, "os", clock)
    return clock


class Something:
    """Comes at a certain look, or never; counts the looks."""

    def __init__(self, at: int | None = None) -> None:
        self.at, self.looks = at, 0

    def came(self) -> bool:
        self.looks += 1
        return self.at is not None and self.looks >= self.at


def waited_in_vain(vigil: Vigil, seconds: float = MOMENT) -> bool:
    """Waits for what never comes; whether it was awake meanwhile."""
    never = Something()
    assert not vigil.keep(never.came, seconds)
    return never.looks > 1


def rests(vigil: Vigil) -> int:
    """How often it sleeps at once before it stays awake again."""
    return next(count for count in itertools.count() if waited_in_vain(vigil))


def test_what_is_there_is_seen_at_the_first_look():
    there = Something(at=1)
    assert Vigil().keep(there.came, 0.0) and there.looks == 1


def test_what_comes_soon_is_seen_awake():
    soon = Something(at=5)
    assert Vigil().keep(soon.came, LONG) and soon.looks == 5


def test_who_waited_in_vain_sleeps_more_and_more_often():
    vigil = Vigil()
    assert [rests(vigil) for _ in range(11)] == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 256]


def test_an_answer_in_time_is_waited_for_awake_again():
    vigil = Vigil()
    assert [rests(vigil) for _ in range(4)] == [0, 1, 2, 4]
    while not vigil.keep(Something(at=2).came, LONG):
        pass
    assert [rests(vigil) for _ in range(3)] == [0, 1, 2]


def test_no_time_to_wait_is_no_wait_in_vain():
    vigil = Vigil()
    assert not waited_in_vain(vigil, 0.0) and waited_in_vain(vigil)


def test_who_had_to_wait_for_the_processor_sleeps_next_time_although_the_answer_came(clock):
    vigil = Vigil()
    clock.others_take = 1.5 * LATE
    assert not vigil.keep(Something(at=2).came, LONG)
    clock.others_take = 0.5 * LATE
    assert not vigil.keep(Something(at=2).came, LONG)
    assert vigil.keep(Something(at=2).came, LONG)
