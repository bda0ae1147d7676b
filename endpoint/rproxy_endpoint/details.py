"""Documentation and signatures, for whoever asks for help.

Few sessions do: so a fresh host gets this, and loads `inspect`, when one does.
"""

import inspect
import types
from typing import Any, Dict, List, Optional, Tuple

from .describe import names_in, sort


def of_thing(thing: Any) -> Dict[str, Any]:
    """Documentation and signatures of a thing ("") and of the callables and classes in it."""
    told = {"": _detail(thing)}
    if isinstance(thing, (type, types.ModuleType)):
        into: Dict[str, Any] = {}
        inner = sort(thing, names_in(thing), into)
        for name in into["f"].split() + [name for name, value in inner if isinstance(value, type)]:
            try:
                told[name] = _detail(getattr(thing, name))
            except Exception:  # a descriptor of a stranger: it has no documentation then
                told[name] = (None, None)
    return told


def _detail(thing: Any) -> Tuple[Optional[str], Any]:
    doc = inspect.getdoc(thing)
    return doc if isinstance(doc, str) else None, _signature(thing)


def _signature(thing: Any) -> Optional[List[Tuple[str, int, Any, Optional[str]]]]:
    """The parameters: name, kind, (default,) or (None, its text) or None, annotation's text."""
    if not callable(thing):
        return None
    try:
        parameters = inspect.signature(thing).parameters.values()
        return [
            (
                p.name,
                int(p.kind),
                None if p.default is p.empty else _default(p.default),
                None if p.annotation is p.empty else inspect.formatannotation(p.annotation),
            )
            for p in parameters
        ]
    except Exception:  # ValueError where there is none; a stranger's __signature__ may raise anything
        return None


def _default(value: Any) -> Tuple[Any, ...]:
    if value is None or type(value) in (bool, int, float, str, bytes):
        return (value,)
    return None, repr(value)
