"""Named tuples as arguments: which of them need their class on the far side.

Rules: fields are enough for the standard library's and for installed packages', which the far side finds by its
name, and for those that are nothing but fields; what the user's own ones can do beyond that goes with their class.
"""

import collections
import types
import weakref
from collections.abc import Callable
from typing import Any

from .names import OF_THE_PROGRAM, is_at, reference_to

_MADE = frozenset(vars(collections.namedtuple("_MADE", "field")))
_fields_alone: weakref.WeakKeyDictionary[type, bool] = weakref.WeakKeyDictionary()


def needs_class(cls: type, goes_along: Callable[[str], bool]) -> bool:
    """Whether named tuples of a class need it there; `goes_along` tells modules that are sent."""
    alone = _fields_alone.get(cls)
    if alone is None:
        alone = _fields_alone[cls] = not any(map(_has_own, cls.__mro__[: cls.__mro__.index(tuple)]))
    return not alone and (reference_to(cls) is None or goes_along(cls.__module__))


def is_of_the_program(obj: Any) -> bool:
    """Whether it is a named tuple of a class of `__main__`, which code that goes along may mean."""
    cls = type(obj)
    return (
        isinstance(obj, tuple)
        and hasattr(cls, "_fields")
        and cls.__module__ in OF_THE_PROGRAM
        and is_at(cls, cls.__module__, cls.__qualname__)
    )


def _has_own(cls: Any) -> bool:
    """Whether a class's statement has more than fields."""
    for name, value in vars(cls).items():
        if name not in _MADE and name not in cls._fields and not name.startswith("__"):
            return True
        function = getattr(value, "__func__", value)
        if type(function) is types.FunctionType and not _is_made(function.__module__):
            return True
    return False


def _is_made(module: str) -> bool:
    """Whether a method is one that all named tuples have."""
    return module in ("collections", "typing") or module.startswith("namedtuple_")
