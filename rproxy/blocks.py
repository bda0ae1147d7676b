"""`with` blocks: environment variables, the working directory and PATH of the calls made inside.

Rules: blocks nest and combine; each belongs to the thread or task that entered it and to one client; the
far side applies them for one call at a time, so that leaving a block costs nothing and cannot fail.
"""

import contextlib
import os
from collections.abc import Iterator
from contextvars import ContextVar
from typing import NamedTuple

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

#: The settings of the blocks that this thread or task is in, by the id of the client's session.
_current: ContextVar[dict[int, Settings]] = ContextVar("rproxy_blocks", default={})  # noqa: B039 - never changed


def current(session: object) -> Settings | None:
    return _current.get().get(id(session))


@contextlib.contextmanager
def block(session: object, settings: Settings) -> Iterator[None]:
    """Holds the settings for the calls of this thread or task inside the block."""
    before = _current.get()
    inner = settings.over(before.get(id(session), NOTHING))
    token = _current.set({**before, id(session): inner})
    try:
        yield
    finally:
        _current.reset(token)


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
