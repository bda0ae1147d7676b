"""`with` blocks, and what they say of the calls made inside: environment variables, the working directory, PATH, how
long a call may take, where its output and its result go.

Rules: blocks nest and combine; each belongs to the thread or task that entered it and to one client; the
far side applies them for one call at a time, so that leaving a block costs nothing and cannot fail.
"""

import contextlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from contextvars import ContextVar
from types import EllipsisType
from typing import Any, NamedTuple

from rproxy_endpoint.protocol.messages import Surroundings


class Settings(NamedTuple):
    """What holds for calls; `defaults` are variables for which a value of the far side goes first."""

    env: dict[str, str | None]
    folders: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    defaults: dict[str, str] = {}  # noqa: RUF012 - never changed in place

    def over(self, below: "Settings") -> "Settings":
        """These settings inside those."""
        return Settings(
            {**below.env, **self.env}, below.folders + self.folders, self.path + below.path,
            {**below.defaults, **self.defaults},
        )  # fmt: skip

    def message(self, login: bool) -> Surroundings:
        return self.env, self.folders, self.path, login, self.defaults


NOTHING = Settings({})


class Inside(NamedTuple):
    """What the blocks say that this thread or task is in."""

    settings: Settings | None = None
    limit: float | EllipsisType | None = ...  # seconds for a call; `...` where no block says
    batch: Any = None
    keeps: bool = False  # whether results stay there
    captured: Any = None


OUTSIDE = Inside()
#: By the id of the client's session.
_current: ContextVar[dict[int, Inside]] = ContextVar("rproxy_blocks", default={})  # noqa: B039 - never changed


def inside(session: object) -> Inside:
    return _current.get().get(id(session), OUTSIDE)


@contextlib.contextmanager
def entered(session: object, **changes: Any) -> Iterator[None]:
    """Holds for the calls of this thread or task inside the block; `changes` are fields of `Inside`."""
    before = _current.get()
    outer = before.get(id(session), OUTSIDE)
    if "settings" in changes:
        changes["settings"] = changes["settings"].over(outer.settings or NOTHING)
    now = outer._replace(**changes)
    token = _current.set({**before, id(session): now})
    try:
        yield
    finally:
        _current.reset(token)


def block(session: object, settings: Settings) -> AbstractContextManager[None]:
    """Settings for the calls inside the block, over those of the blocks around it."""
    return entered(session, settings=settings)


def check_limit(seconds: object) -> float | None:
    """How long a call may take. Raises TypeError or ValueError."""
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"a timeout is a number of seconds, or None for no limit, not {seconds!r}")
    if not 0 < seconds < float("inf"):
        raise ValueError(f"a timeout is more than 0 seconds, or None for no limit, not {seconds!r}")
    return float(seconds)


def check_variable(name: object, value: object) -> tuple[str, str | None]:
    """A variable that an environment can hold. Raises TypeError or ValueError."""
    if not isinstance(name, str):
        raise TypeError(f"the name of an environment variable is a string, not {name!r}")
    if not name or "=" in name or "\0" in name:
        raise ValueError(f"{name!r} cannot be the name of an environment variable")
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if value is not None and not isinstance(value, str):
        raise TypeError(
            f"the environment variable {name} needs a string, or None to unset it, not {value!r}; "
            f"write {name}={str(value)!r}"
        )
    if value is not None and "\0" in value:
        raise ValueError(f"the value of the environment variable {name} has a zero byte in it")
    return name, value


def check_path(entry: object, what: str) -> str:
    """A path of the far side. Raises TypeError or ValueError."""
    if isinstance(entry, os.PathLike):
        entry = os.fspath(entry)
    if not isinstance(entry, str):
        raise TypeError(f"{what} is a path, not {entry!r}")
    if not entry or "\0" in entry:
        raise ValueError(f"{entry!r} cannot be {what}")
    return entry
