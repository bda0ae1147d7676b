"""Rounds in which each takes its turn.

Rules: what is ours may not fail; another library that fails, or that does not answer, is reported and left out.
"""

import contextlib
import gc
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

Ask = Callable[[], Any]
#: Measures as often as it likes; returns the seconds, or bytes, of each.
Turn = Callable[[], list[float]]

#: How long another library may take to connect, and for a turn, in seconds.
PATIENCE = 120


class Turns:
    """Those who take part, until the end of the `with` block; `notes` tell who was left out, and why."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._turns: dict[str, Turn] = {}
        self._guests: set[str] = set()
        self.notes: list[str] = []

    def add(self, name: str, turn: Turn) -> None:
        self._turns[name] = turn

    def enter(self, opening: AbstractContextManager[Any]) -> Any:
        """What a context manager of ours gives; it is left in the end."""
        return self._stack.enter_context(opening)

    def invite(self, name: str, opening: AbstractContextManager[Any], turn: Callable[[Any], Turn]) -> None:
        """Another library: `turn` makes its turn of what `opening` gives."""
        with self._tolerated(name):
            made = turn(self._stack.enter_context(_quiet_end(opening)))
            self._guests.add(name)
            self.add(name, made)

    def dismiss(self, names: Iterable[str]) -> None:
        """Has some of the others take no more turns."""
        for name in self._guests.intersection(names):
            self._turns.pop(name, None)

    def run(self, rounds: int) -> dict[str, list[float]]:
        """What each has measured, in so many rounds."""
        values: dict[str, list[float]] = {name: [] for name in self._turns}
        gc.collect()
        gc.freeze()  # what others have loaded is not to be visited in turns that are not theirs
        for _ in range(rounds):
            for name, turn in list(self._turns.items()):
                gc.collect()
                if name not in self._guests:
                    values[name] += turn()
                    continue
                with self._tolerated(name):
                    values[name] += turn()
        return {name: values[name] for name in self._turns}

    @contextlib.contextmanager
    def _tolerated(self, name: str) -> Iterator[None]:
        try:
            with _patience():
                yield
        except Exception as error:  # whatever it is, it is told
            why = str(error).strip().splitlines() or [""]
            self.notes.append(f"{name} is left out: {type(error).__name__}: {why[-1]}")
            self._turns.pop(name, None)

    def __enter__(self) -> "Turns":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: Any, traceback: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, traceback)


@contextlib.contextmanager
def _quiet_end(opening: AbstractContextManager[Any]) -> Iterator[Any]:
    """A library that cannot end well has been measured all the same."""
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(opening)
        end = stack.pop_all()
        try:
            yield made
        finally:
            with contextlib.suppress(Exception), _patience():
                end.close()


@contextlib.contextmanager
def _patience() -> Iterator[None]:
    def give_up(number: int, frame: Any) -> None:
        raise TimeoutError(f"no answer within {PATIENCE} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class Calls:
    """A number of calls that changes between turns."""

    def __init__(self, count: int) -> None:
        self.count = count


def timed(ask: Ask, calls: int | Calls = 1, warm: int = 0) -> Turn:
    """A turn of so many calls, each of them timed, after some that are not, once."""
    for _ in range(warm):
        ask()
    clock = time.perf_counter

    def turn() -> list[float]:
        taken = []
        for _ in range(calls.count if isinstance(calls, Calls) else calls):
            begin = clock()
            ask()
            taken.append(clock() - begin)
        return taken

    return turn
