"""What is known of the names in a module or a class without asking again."""

import inspect
from typing import Any

from .base import Requests, join


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
        self.special = {
            name: special for special, members in description.get("i", {}).items() for name in members.split()
        }
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


class Sweep:
    """Whoever goes through `dir()` (`help`, `inspect.getmembers`) gets the small values by one request.

    What was read ahead is used once for each name, and no longer than until the client's next request: a
    value is never older than that.
    """

    def __init__(self) -> None:
        self._ahead: dict[str, tuple[bool, Any]] | None = None
        self._valid = -1  # the number of requests at which the names, or the values, were read

    def begin(self, owner: Any) -> None:
        """Takes note that all names were asked for."""
        self._ahead, self._valid = None, owner._self_session.sent

    def read(self, owner: Any, names: Names, name: str) -> Any:
        """A value, asked for now, or read ahead just before."""
        session, target, path = owner._self_session, owner._self_target, owner._self_path
        if self._valid == session.sent:
            if self._ahead is None:
                values = tuple(known for known, kind in names.kinds.items() if kind == "v")
                told = session.get_many(target, tuple(join(path, known) for known in values)) if len(values) > 1 else ()
                self._ahead = dict(zip(values, told, strict=False))
                self._valid = session.sent
            there, value = self._ahead.pop(name, (False, None))
            if there:
                return value
            self._valid += 1  # this request is part of going through the names
        return session.get(target, join(path, name))


def make_signature(parameters: Any, of: str) -> inspect.Signature:
    """The signature from its parameters as data. Raises ValueError, as `inspect` does, where there is none."""
    if parameters is None:
        raise ValueError(f"no signature found for {of}")
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
