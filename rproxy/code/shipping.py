"""Which of the user's own packages go to the far side, and when.

Rules: what a request's arguments name, and what that imports, read from the files; the far side is asked once
for each name whether it has it, and then what it has wins; a package travels once in a session, and again when
one of its modules was reloaded here with another content.
"""

import re
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from rproxy_endpoint.protocol.errors import ValueFault
from rproxy_endpoint.protocol.messages import Call

from ..errors import SerializationError
from ..names import check_name
from .names import dotted
from .outbox import Item

if TYPE_CHECKING:
    from .packing import Archive, Own

MEND = "Install it there, or put it on the far side's PYTHONPATH"


class _Cargo(NamedTuple):
    """What some modules need: the packages, the modules among them that were read, and what was loaded then."""

    packages: "dict[str, Own]"
    modules: tuple[str, ...]
    loaded: dict[str, Any]


class Shipping:
    """Decides for one session."""

    def __init__(self, session: Any) -> None:
        self.enabled = True
        self.there: tuple[int, int] = (3, 6)
        self._session = session
        self._own: dict[str, Own | None] = {}
        self._shipped: list[Item] = []  # what the user wants to be there
        self._lacking: dict[str, bool] = {}
        self._cargos: dict[frozenset[str], _Cargo] = {}
        self._archives: dict[str, Archive] = {}
        self._kept_here: dict[str, str] = {}  # packages that something imports, and why they did not travel

    def items(self, modules: Iterable[str]) -> list[Item]:
        """What has to go ahead of a request whose arguments name these modules. Raises ValueFault."""
        if not self.enabled:
            return []
        return self._packages(frozenset(name for name in modules if self.is_own(name)))

    def is_own(self, module: str) -> bool:
        return self._find(module) is not None

    def goes_along(self, module: str) -> bool:
        """Whether it is the user's own, and sent where it is needed."""
        return self.enabled and self.is_own(module)

    def ship(self, modules: Iterable[Any]) -> None:
        """Sends modules (or those of these names) and all that is in them, unless the far side has them.

        Raises ModuleNotFoundError for what is no module of the user's, SerializationError if one cannot be sent.
        """
        named: set[str] = set()
        for module in modules:
            name = getattr(module, "__name__", module)
            package = self._find(check_name(name, "the name of a module"))
            if package is None:
                raise ModuleNotFoundError(f"{name!r} is no module of your own here", name=name)
            named.update(package.modules(name))
        try:
            items = self._packages(frozenset(named))
        except ValueFault as fault:
            raise SerializationError(str(fault)) from None
        self._shipped += items
        if not self._session.live:
            self._session.side.outbox.keep(items)
        elif items:
            self._session.side.outbox.put(items)
            self._session.flush()

    def again(self) -> None:
        """Brings what was shipped to a session that is new."""
        if self._shipped and self._session.live:
            self._session.side.outbox.put(self._shipped)
            self._session.flush()

    def _packages(self, named: frozenset[str]) -> list[Item]:
        if not named:
            return []
        cargo = self._cargo(named)
        self._learn(list(cargo.packages))
        found = []
        for name, package in cargo.packages.items():
            if self._lacking[name]:
                wanted = [module for module in named if module.partition(".")[0] == name]
                archive = self._archive(package, wanted)
                if archive is not None:
                    found.append(Item("packages", name, archive.version, (archive.version, archive.content)))
        return found

    def _learn(self, names: list[str]) -> None:
        unknown = [name for name in names if name not in self._lacking]
        if unknown:
            session, path = self._session, ("rproxy_endpoint.provided", "lacking")
            lacking = session.request(Call(*path, (unknown,), {}, session.surroundings(), False))
            self._lacking.update({name: name in lacking for name in unknown})

    def _archive(self, package: "Own", wanted: list[str]) -> "Archive | None":
        """A package as it travels; None for one that cannot, if nothing in it is named by the request itself."""
        from .packing import Unsendable, pack

        try:
            for module in wanted:
                self._check_syntax(package, module)
            archive = self._archives.get(package.name) or pack(package)
            self._archives[package.name] = archive
            return archive
        except Unsendable as reason:
            if wanted:
                raise ValueFault(
                    f"the far side lacks your module {min(wanted)!r}, and it cannot be sent: {reason}. {MEND}"
                ) from None
            self._kept_here[package.name] = str(reason)
            return None

    def _check_syntax(self, package: "Own", module: str) -> None:
        if self.there >= sys.version_info[:2]:
            return
        from . import syntax
        from .packing import Unsendable

        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            file = package.source_of(".".join(parts[:end]))
            if file is None or file.suffix != ".py":
                continue
            newer = syntax.newer_in_module(file.read_bytes(), str(file), self.there)
            if newer is not None:
                here, there = map(dotted, (sys.version_info, self.there))
                raise Unsendable(f"this is Python {here}, the far side is Python {there}, and {newer}")

    # -- what is needed --------------------------------------------------------------------------------

    def _find(self, module: str) -> "Own | None":
        name = module.partition(".")[0]
        found = self._own.get(name)
        if found is None and name not in self._own:
            from .packing import own

            found = own(name)
            if found is not None or name in sys.modules:  # else it may come yet
                self._own[name] = found
        return found

    def _cargo(self, named: frozenset[str]) -> _Cargo:
        cargo = self._cargos.get(named)
        if cargo is not None and not _is_current(cargo):
            for name in cargo.packages:
                self._own.pop(name, None)
                self._archives.pop(name, None)
            self._cargos.clear()
            cargo = None
        if cargo is None:
            cargo = self._cargos[named] = self._follow(named)
        return cargo

    def _follow(self, named: frozenset[str]) -> _Cargo:
        """Reads what modules import, and what those import, among the user's own."""
        packages: dict[str, Own] = {}
        waiting, seen = sorted(named), set(named)
        for module in waiting:  # it grows meanwhile
            package = self._find(module)
            if package is None:
                continue
            packages[package.name] = package
            for name in (*_parents(module), *_imported(package, module)):
                if name not in seen:
                    seen.add(name)
                    waiting.append(name)
        loaded = {
            name: getattr(module, "__spec__", None)
            for name, module in list(sys.modules.items())
            if name.partition(".")[0] in packages
        }
        return _Cargo(packages, tuple(waiting), loaded)

    # -- when something is missing there ---------------------------------------------------------------

    def mend(self, module: str) -> str:
        """What to do about a module of the user's that is missing there; nothing if it is not the user's."""
        name = module.partition(".")[0]
        if name in self._kept_here:
            return f"{name!r} is a module of yours that was not sent: {self._kept_here[name]}. {MEND}"
        if not self.is_own(module):
            return ""
        off = "" if self.enabled else ", or connect without ship=False"
        return f"{name!r} is a module of yours, which is here only: client.ship({name!r}) sends it{off}"

    def told(self, trouble: str) -> str:
        """What went wrong there as arguments were loaded, with what to do about it."""
        missing = re.search(r"No module named '([\w.]+)'", trouble)
        mend = missing and self.mend(missing.group(1))
        if mend:
            trouble += f"; {mend}"
        if self.there != sys.version_info[:2] and dotted(self.there) not in trouble:
            trouble += f" (this is Python {dotted(sys.version_info)}, the far side is Python {dotted(self.there)})"
        return trouble

    def add_mend(self, error: BaseException) -> None:
        """Says on an exception of the far side what to do about modules of the user's."""
        if isinstance(error, ModuleNotFoundError):
            note = self.mend(error.name or "")
        elif isinstance(error, SyntaxError) and self._is_sent(str(error.filename)):
            note = f"it was sent from Python {dotted(sys.version_info)} to Python {dotted(self.there)}"
        else:
            return
        if note:
            error.add_note(note)

    def _is_sent(self, filename: str) -> bool:
        return any(archive.version in filename for archive in self._archives.values())


def _is_current(cargo: _Cargo) -> bool:
    """Whether none of its modules was loaded again."""
    return all(getattr(sys.modules.get(name), "__spec__", None) is spec for name, spec in cargo.loaded.items())


def _parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


def _imported(package: "Own", module: str) -> list[str]:
    """The modules that the text of a module may import."""
    file = package.source_of(module)
    if file is None or file.suffix != ".py":
        return []
    from .quiet import parse
    from .uses import imports_in

    try:
        tree = parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return []  # whoever imports it is told
    inside = module if package.is_package(module) else module.rpartition(".")[0]
    return [name for one in imports_in(tree) for name in one.candidates(inside)]
