"""What `issubclass` of this side sees in a class of the far side: the standard library's classes it is derived from.

A plain class asks nobody, but looks whether it is in the other's order of resolution. So they are put there. Where they
need memory of their own, CPython wants one of them as a real base; no other is one, since it would list the class
among its `__subclasses__`, and abstract classes ask all of those.

Rules: the standard library's classes count, as in `likeness`, that were imported when the class is met; no attribute
of the class is ever found in them.
"""

import contextlib
import functools
import types
from typing import Any

from .likeness import names_in, standard_class


def standard_lineage(told: str) -> tuple[type, ...]:
    """Those of the classes told of that are here, and what these are derived from."""
    found = [cls for cls in (standard_class(*names) for names in names_in(told)) if cls is not None]
    above = [base for cls in found for base in cls.__mro__]
    return tuple(cls for cls in dict.fromkeys(found + above) if cls is not object)


#: What the metaclass has for classes that are containers, as enumerations are; others are not to seem such.
_CONTAINERS_HAVE = frozenset(("__iter__", "__len__", "__bool__", "__contains__", "__getitem__"))


@functools.lru_cache(maxsize=200)
def shield(lineage: tuple[type, ...]) -> type:
    """A class that goes before a lineage and `object`: what these have is asked of the metaclass's `__getattr__`."""
    names = _CONTAINERS_HAVE.union(*map(vars, (object, *lineage))) - {"__slots__", "__init_subclass__", "__qualname__"}
    route = types.DynamicClassAttribute()
    found = type("shield", (), {**dict.fromkeys(names, route), "__init_subclass__": lambda cls: None})
    found.__slots__ = route  # type: ignore[attr-defined]  # while a class is made this says what memory it has
    return found


def make_class(meta: Any, name: str, lineage: tuple[type, ...], body: dict[str, Any]) -> Any:
    """A class of that lineage, as much of it as goes together in memory; `mro` of the metaclass puts it there."""
    for place in range(len(lineage)):
        known = lineage[place:]
        for bases in ((), *((base,) for base in known)):
            with contextlib.suppress(TypeError):  # another layout, a metaclass of its own, or it takes no subclasses
                return type.__new__(meta, name, bases, {**body, "_self_lineage": known})
    return type.__new__(meta, name, (), {**body, "_self_lineage": ()})
