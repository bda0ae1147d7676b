"""What the client needs to know of names and kinds.

Rules: describing runs nobody's code: no attribute is computed, no lazy module loaded; a name whose kind
cannot be told without that is said to be open. A description of a module brings those of the modules and
classes in it, so that a dotted call costs one round trip; it stops at a number of names.

A description is a dict of texts with names between blanks (compact on the wire, fast to read)::

    f callables   v values   d descriptors   o open
    m {name: (full name, description or None)}   c {name: description or None}
    e {name: lineage}, of classes that are exceptions
    i {special methods: callables that are instances of a class with those}
    b {lineage: classes that have it}, of what is of another package than the module or class it is in
"""

import types
from typing import Any, Dict, List, Optional, Set, Tuple

from .protocol.failures import lineage_of, name_of
from .protocol.special import SPECIAL

NAMES = 4000
_OBJECT = frozenset(dir(object))
#: Special methods but those that every callable has, and its proxy answers itself.
_BEYOND = SPECIAL - frozenset("__%s__" % name for name in "call next eq ne lt le gt ge hash repr str format".split())


def of_module(module: Any) -> Dict[str, Any]:
    """The description of a module and of what is in it, nearest first, up to NAMES names."""
    top: Dict[str, Any] = {"name": module.__name__, "file": getattr(module, "__file__", None), "doc": _doc(module)}
    left = NAMES
    queue: List[Tuple[Any, Dict[str, Any]]] = [(module, top)]
    seen = {id(module)}
    for thing, into in queue:
        names = names_in(thing)
        left -= len(names)
        inner = sort(thing, names, into)
        own = module.__name__ + "."
        # Modules of the package before others, modules before classes: what is called most is near.
        inner.sort(key=lambda pair: (isinstance(pair[1], type), not _name(pair[1]).startswith(own)))
        for name, value in inner:
            is_class = isinstance(value, type)
            description: Optional[Dict[str, Any]] = None
            if left > 0 and id(value) not in seen:
                seen.add(id(value))
                description = {} if is_class else {"file": _file(value)}
                queue.append((value, description))
                left -= 20
            into["c" if is_class else "m"][name] = description if is_class else (value.__name__, description)
    return top


def _file(module: Any) -> Optional[str]:
    file = vars(module).get("__file__")
    return file if type(file) is str else None


def _doc(module: Any) -> Optional[str]:
    doc = getattr(module, "__doc__", None)
    return doc if isinstance(doc, str) else None


def _name(value: Any) -> str:
    return str(getattr(value, "__name__", ""))


def of_class(cls: type) -> Dict[str, Any]:
    into: Dict[str, Any] = {}
    for name, value in sort(cls, names_in(cls), into):
        into["c" if isinstance(value, type) else "m"][name] = None if isinstance(value, type) else (name, None)
    if issubclass(cls, BaseException):
        into["lineage"] = lineage_of(cls)
    return into


def names_in(thing: Any) -> List[str]:
    names = [name for name in dir(thing) if isinstance(name, str) and name and " " not in name]
    names = [name for name in names if name != "__builtins__"]  # CPython's own, and large
    if not isinstance(thing, type):
        return names
    return [name for name in names if name not in _OBJECT or _has(thing, name) is False]


def sort(thing: Any, names: List[str], into: Dict[str, Any]) -> List[Tuple[str, Any]]:
    """Sorts names by kind into a description; returns those that are modules or classes."""
    spaces = [vars(base) for base in thing.__mro__] if isinstance(thing, type) else [vars(thing)]
    found: Dict[str, List[str]] = {"f": [], "v": [], "o": [], "d": []}
    inner: List[Tuple[str, Any]] = []
    errors: Dict[str, Any] = {}
    instances: Dict[str, List[str]] = {}
    lineages: Dict[str, List[str]] = {}
    home = name_of(thing)[0] if isinstance(thing, type) else str(vars(thing).get("__name__", ""))
    for name in names:
        for space in spaces:
            if name in space:
                value = space[name]
                if type(value) is types.ModuleType or issubclass(type(value), type):
                    inner.append((name, value))
                    if issubclass(type(value), type):
                        if issubclass(value, BaseException):
                            errors[name] = lineage_of(value)
                        elif _lineage(value, home):
                            lineages.setdefault(_lineage(value, home), []).append(name)
                elif issubclass(type(value), types.ModuleType):
                    found["o"].append(name)  # it may be one that loads as soon as it is looked at
                elif callable(value) or issubclass(type(value), (staticmethod, classmethod)):
                    found["f"].append(name)
                    special = _special_of(type(value))
                    if special:
                        instances.setdefault(special, []).append(name)
                elif isinstance(thing, type) and hasattr(type(value), "__get__"):
                    found["d"].append(name)
                else:
                    found["v"].append(name)
                break
        else:
            found["o"].append(name)
    into.update({kind: " ".join(members) for kind, members in found.items()}, m={}, c={})
    if errors:
        into["e"] = errors
    for kind, groups in (("i", instances), ("b", lineages)):
        if groups:
            into[kind] = {told: " ".join(members) for told, members in groups.items()}
    return inner


def _lineage(cls: type, home: str = "") -> str:
    """A class and its bases as module:qualified name, but those of the package that the module `home` is in."""
    home = home.partition(".")[0]
    bases = [name_of(base) for base in cls.__mro__[:-1]]
    return " ".join(["%s:%s" % base for base in bases if base[0].partition(".")[0] != home])


def _special_of(cls: type) -> str:
    """The special methods that callables of a type have beyond those of functions."""
    names: Set[str] = set().union(*[_BEYOND.intersection(vars(base)) for base in cls.__mro__])
    return " ".join(sorted(name for name in names if _has(cls, name)))


def of_type(cls: type) -> Tuple[str, str, str, str, str]:
    """A type: module, qualified name, its special methods (with a minus where it says None, which is to have none), its
    methods, and its bases as module:qualified name."""
    into: Dict[str, Any] = {}
    sort(cls, names_in(cls), into)
    special = ["-" * (not _has(cls, name)) + name for name in SPECIAL if _has(cls, name) is not None]
    if "__bytes__" not in special and _has_buffer(cls):
        special.append("__bytes__")
    bases = _lineage(cls).partition(" ")[2]
    return cls.__module__, cls.__qualname__, " ".join(special), into["f"], bases


def _has_buffer(cls: type) -> bool:
    """Whether `bytes()` of instances reads their memory. Before 3.12 no class tells; these are known."""
    known = "builtins.bytearray builtins.memoryview array.array mmap.mmap numpy.ndarray".split()
    return any(
        "%s.%s" % (base.__module__, base.__qualname__) in known or "__buffer__" in vars(base) for base in cls.__mro__
    )


def _has(cls: type, name: str) -> Optional[bool]:
    """Whether a class has a name; False only where it says None instead."""
    for base in cls.__mro__:
        if name in vars(base):
            return vars(base)[name] is not None
    return None


def of_object(obj: Any) -> Optional[Tuple[Any, ...]]:
    """What a class or a function is called: (kind, module, qualified name), and for classes the lineage if they
    are exceptions, and the names of that; None for other objects."""
    if isinstance(obj, type):
        lineage = lineage_of(obj) if issubclass(obj, BaseException) else None
        return "class", str(obj.__module__), obj.__qualname__, lineage, _lineage(obj)
    if isinstance(obj, (types.FunctionType, types.BuiltinFunctionType, types.MethodType)):
        return "function", str(getattr(obj, "__module__", None)), str(getattr(obj, "__qualname__", ""))
    return None
