"""Names in a module's globals: put for remote ones (`into=`), and back.

Rules: only names that are a substituted module, or that belong to one, are touched; what somebody else has
bound meanwhile is left alone.
"""

import importlib
import sys
import types
from collections.abc import Callable, Iterator, Set
from typing import Any

from .proxies import ModuleStandIn, stand_in_of
from .substitutes import Overlay, Substitute, is_within


def module_named(module: Any) -> types.ModuleType:
    """The module that is meant by its name or by itself. Raises TypeError or ModuleNotFoundError."""
    if isinstance(module, str):
        module = importlib.import_module(module)
    if not isinstance(module, types.ModuleType) or stand_in_of(module) is not None:
        raise TypeError(f"into is the name of a local module, or the module, not {module!r}")
    return module


class Globals:
    """Replaces what a module has imported of others, in that module alone."""

    def __init__(self, module: types.ModuleType, modules: dict[str, Any]) -> None:
        self._module = module
        self._modules = modules
        self._changed: list[tuple[str, Any, Any]] = []  # name, local, remote

    def enter(self) -> None:
        self._changed = [(name, local, remote) for name, local, remote in self._replacements()]
        if not self._changed:
            raise ValueError(
                f"{self._module.__name__} has no names of {' or '.join(self._modules)}: it imports nothing of them, "
                "or imports them inside its functions, or they are substituted there already"
            )
        for name, _, remote in self._changed:
            vars(self._module)[name] = remote

    def leave(self) -> None:
        for name, local, remote in self._changed:
            if vars(self._module).get(name) is remote:
                vars(self._module)[name] = local

    def _replacements(self) -> Iterator[tuple[str, Any, Any]]:
        homes = self._homes()
        for name, value in vars(self._module).items():
            if name.startswith("__"):
                continue
            for full, attribute in homes.get(id(value), ()):
                if attribute in ("", name) or not _is_constant(value):
                    yield name, value, self._remote(full, attribute)
                    break

    def _homes(self) -> dict[int, list[tuple[str, str]]]:
        """Where local objects are found: (module, "") for modules, (module, name) for what belongs to them."""
        homes: dict[int, list[tuple[str, str]]] = {}
        covered = [name for name in sys.modules if any(is_within(name, known) for known in self._modules)]
        covered.sort(key=lambda name: name.count("."))
        for full in covered:
            module = sys.modules[full]
            homes.setdefault(id(module), []).append((full, ""))
            for name, value in list(vars(module).items()):
                if not name.startswith("__") and _belongs(name, value, module, covered):
                    homes.setdefault(id(value), []).append((full, name))
        return homes

    def _remote(self, full: str, attribute: str) -> Any:
        root = next(known for known in self._modules if is_within(full, known))
        found = self._modules[root]
        for name in full[len(root) + 1 :].split(".") if full != root else ():
            found = getattr(found, name)
        return getattr(found, attribute) if attribute else found


def _is_constant(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | complex | str | bytes)


def _belongs(name: str, value: Any, module: Any, covered: list[str]) -> bool:
    """Whether a name is the module's own, and not one that it has imported of a stranger."""
    if isinstance(value, types.ModuleType):
        return False  # those that are covered are found by their own names
    home = getattr(value, "__module__", None)
    if not isinstance(home, str):
        return True
    return home in covered or home.lstrip("_") in covered or name in getattr(module, "__all__", ())


def make_local(before: Set[str], session: Any, covers: Callable[[str], bool]) -> None:
    """For the modules that were imported since: binds what they took of substituted modules to the local ones.

    A module for which there are none leaves `sys.modules`, so that the next import makes it anew.
    """
    for name in [name for name in sys.modules if name not in before]:
        module = sys.modules.get(name)
        if type(module) is not types.ModuleType:
            continue
        try:
            for key, value in list(vars(module).items()):
                found = stand_in_of(value)
                if isinstance(value, Overlay):
                    vars(module)[key] = sys.modules[value.__name__]
                elif found is not None and found._self_session is session and _is_substituted(found, covers):
                    vars(module)[key] = _local(found)
        except (ImportError, AttributeError):
            _remove(name)


def _is_substituted(found: Any, covers: Callable[[str], bool]) -> bool:
    """Whether a proxy came from an import, and not from the user's own `client.module`."""
    if type(found) is ModuleStandIn:
        return bool(found._self_path) and covers(found._self_target)
    owner = found
    while owner is not None and not isinstance(owner, Substitute):
        owner = getattr(owner, "_self_owner", None)
    return owner is not None


def _local(found: Any) -> Any:
    local = importlib.import_module(found._self_target)
    for name in filter(None, found._self_path.split(".")):
        local = getattr(local, name)
    return local


def _remove(name: str) -> None:
    module = sys.modules.pop(name)
    parent, _, child = name.rpartition(".")
    holder = sys.modules.get(parent)
    if holder is not None and vars(holder).get(child) is module:
        delattr(holder, child)
