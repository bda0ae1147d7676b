"""What is known of the names in a module or a class without asking again."""

import time
from typing import TYPE_CHECKING, Any

from .base import Requests, join

if TYPE_CHECKING:
    import inspect

#: How long what was read along with other names may be used, in seconds.
MOMENT = 1.0


class Names:
    """What a description says of the names in a module or a class."""

    def __init__(self, description: dict[str, Any]) -> None:
        self.kinds: dict[str, str] = {}
        for kind in ("v", "o", "f", "d"):
            self.kinds.update(dict.fromkeys(description.get(kind, "").split(), kind))
        self.modules: dict[str, Any] = description.get("m", {})
        self.classes: dict[str, Any] = description.get("c", {})
        self.kinds.update(dict.fromkeys(self.modules, "m"))
        self.kinds.update(dict.fromkeys(self.classes, "c"))
        self.errors: dict[str, Any] = description.get("e", {})
        self.lineage = description.get("lineage")
        self.special = _by_name(description.get("i", {}))
        self.bases = _by_name(description.get("b", {}))
        self._details: dict[str, Any] | None = None

    def details(self, session: Requests, target: Any, path: str, name: str) -> tuple[Any, Any]:
        """Documentation and parameters of a name; those of all names are asked for at once."""
        if self._details is None:
            self._details = session.describe(target, path, detail=True)
        found = self._details.get(name)
        if found is None:
            found = session.describe(target, join(path, name), detail=True)[""]
            self._details[name] = found
        return found[0], found[1]


def _by_name(told: dict[str, str]) -> dict[str, str]:
    return {name: value for value, names in told.items() for name in names.split()}


class Sweep:
    """Whoever goes through `dir()` (`help`, `inspect.getmembers`) gets the small values by one request, and no name
    twice.

    What was read so is used for no longer than `MOMENT`, and only until the client asks for anything but to look.
    """

    def __init__(self) -> None:
        self._read: dict[str, tuple[bool, Any]] = {}  # whether it is there, and the value or the error
        self._all = False  # whether the small values were asked for
        self._changes = -1  # how often the client had changed anything
        self._until = 0.0

    def begin(self, owner: Any) -> None:
        """Takes note that all names were asked for."""
        if not self._lasts(owner._self_session):
            self._read, self._all = {}, False
            self._changes, self._until = owner._self_session.changes, time.monotonic() + MOMENT

    def read(self, owner: Any, names: Names, name: str) -> Any:
        """A value, asked for now, or read a moment ago. Raises AttributeError."""
        session, target, path = owner._self_session, owner._self_target, owner._self_path
        if not self._lasts(session):
            self._read = {}
            return session.get(target, join(path, name))
        if not self._all:
            self._all = True
            values = tuple(known for known, kind in names.kinds.items() if kind == "v")
            if len(values) > 1:
                told = session.get_many(target, tuple(join(path, known) for known in values))
                self._read.update({known: one for known, one in zip(values, told, strict=False) if one[0]})
        if name not in self._read:
            self._ask(session, target, join(path, name), name)
        there, value = self._read[name]
        if not there:
            raise value.with_traceback(None)
        return list(value) if type(value) is list else value

    def _ask(self, session: Requests, target: Any, path: str, name: str) -> None:
        try:
            self._read[name] = True, session.get(target, path)
        except AttributeError as error:
            self._read[name] = False, error

    def _lasts(self, session: Requests) -> bool:
        return self._changes == session.changes and time.monotonic() < self._until


def make_signature(parameters: Any, of: str) -> "inspect.Signature":
    """The signature from its parameters as data. Raises ValueError, as `inspect` does, where there is none."""
    if parameters is None:
        raise ValueError(f"no signature found for {of}")
    import inspect

    made = []
    for name, kind, default, annotation in parameters:
        value: Any = inspect.Parameter.empty
        if default is not None:
            value = default[0] if len(default) == 1 else _Text(default[1])
        note = inspect.Parameter.empty if annotation is None else _Text(annotation)
        kinds = list(inspect._ParameterKind)
        made.append(inspect.Parameter(name, kinds[kind], default=value, annotation=note))
    return inspect.Signature(made)


class _Text(str):
    """The text of something of the far side, shown as it is."""

    def __repr__(self) -> str:
        return str(self)
