"""What `isinstance` of this side sees in an object of the far side: its class, or what that is derived from.

Rules: only the standard library's classes count, which mean the same on both sides, and only those that were
imported here, for nobody else can ask about them; a class of the far side that is derived from such has its own
name here, and makes instances there.
"""

import contextlib
import sys
import types
from typing import Any


def standard_class(module: str, qualname: str) -> Any:
    """The class of that name here, if it is the standard library's and was imported already."""
    if module.partition(".")[0] not in sys.stdlib_module_names:
        return None
    # Generators, views of dicts and others say that they are of `builtins`, which has no such names.
    for place in (module, "_collections_abc") if module == "builtins" else (module,):
        found: Any = sys.modules.get(place)
        for name in qualname.split("."):
            found = getattr(found, name, None)
        if isinstance(found, type):
            return found
    return None


def names_in(told: str) -> list[tuple[str, str]]:
    """The modules and qualified names of the classes that the far side told of."""
    pairs = [cls.partition(":") for cls in told.split()]
    return [(module, qualname) for module, colon, qualname in pairs if colon]


class Likeness:
    """The class that an object of a remote class has here."""

    def __init__(self, module: str, qualname: str, bases: str) -> None:
        self._module = module
        self._qualname = qualname
        self._bases = names_in(bases)
        self._known: tuple[type, ...] = ()
        self._made: Any = None
        self._modules = 0  # how many were imported here when it was looked for

    def of(self, proxy: type) -> type:
        """The class, for instances of a class of proxies; that itself, if nothing like it is here."""
        if self._modules != len(sys.modules):
            self._modules = len(sys.modules)
            self._look(proxy)
        return self._made or proxy

    def _look(self, proxy: type) -> None:
        own = standard_class(self._module, self._qualname)
        known = self._nearest() if own is None else (own,)
        if known != self._known:
            self._known, self._made = known, own or (self._make(known, proxy) if known else None)

    def _nearest(self) -> tuple[type, ...]:
        """Those of the bases that are here, but not what they are derived from themselves."""
        found: list[type] = []
        for module, qualname in self._bases:
            cls = standard_class(module, qualname)
            if cls is not None and not any(issubclass(other, cls) for other in found):
                found.append(cls)
        return tuple(found)

    def _make(self, bases: tuple[type, ...], proxy: type) -> type:
        def new(cls: type, /, *args: Any, **kwargs: Any) -> Any:
            return proxy(*args, **kwargs)

        body = {"__module__": self._module, "__qualname__": self._qualname, "__new__": new}
        name = self._qualname.rpartition(".")[2]
        for some in (bases, bases[:1]):
            # Bases may go together there, and not here; or one wants more to be said of what is derived from it.
            with contextlib.suppress(Exception):
                return types.new_class(name, some, {}, lambda space: space.update(body))
        return bases[0]
