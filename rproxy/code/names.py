"""How the parts of the user's program are named: by a module that can be imported, or not at all."""

import functools
import sys
import types
import typing
import weakref
from collections.abc import Callable
from typing import Any

from rproxy_endpoint.protocol.errors import ValueFault

#: The modules of the program itself, which are another program there.
OF_THE_PROGRAM = ("__main__", "__mp_main__")
_TYPES = {value: name for name, value in vars(types).items() if isinstance(value, type) and name[0].isupper()}
#: The type of what `type` statements make, from Python 3.12 on.
TypeAlias: Any = getattr(typing, "TypeAliasType", None)
#: One of what `functools.singledispatch` makes: all of them have the same code.
_DISPATCHED: Any = functools.singledispatch(len)
CachedFunction: type = type(functools.lru_cache(len))


def reference_to(obj: Any) -> tuple[str, str] | None:
    """The (module, qualified name) by which a function or class can be found wherever the module is.

    Where it is public under a shorter name (`pathlib.Path`, which Python 3.13 keeps in `pathlib._local`), it is
    that: other versions have other private modules.
    """
    module, qualname = getattr(obj, "__module__", None), getattr(obj, "__qualname__", None)
    if not (isinstance(module, str) and isinstance(qualname, str)) or module in OF_THE_PROGRAM:
        return None
    if not is_at(obj, module, qualname):
        return ("types", _TYPES[obj]) if isinstance(obj, type) and obj in _TYPES else None
    parts = module.split(".")
    private = next((place for place, part in enumerate(parts) if place and part.startswith("_")), 0)
    public = ".".join(parts[:private])
    return (public if private and is_at(obj, public, qualname) else module), qualname


#: A function of `elsewhere`: the one that it runs.
_meant: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


def elsewhere(call: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that runs by `call` whenever it is called; as a part of what travels it is the given one."""

    @functools.wraps(function)
    def remote(*args: Any, **kwargs: Any) -> Any:
        return call(function, *args, **kwargs)

    _meant[remote] = function
    return remote


def meant(obj: Any) -> Any:
    """What a function travels as; None for its own self."""
    return _meant.get(obj) if type(obj) is types.FunctionType else None


def implementations(function: types.FunctionType) -> tuple[tuple[type, Any], ...] | None:
    """What a function of `functools.singledispatch` is made of, the one for `object` first; None for others."""
    if function.__code__ is not _DISPATCHED.__code__:
        return None
    return tuple(function.registry.items())  # type: ignore[attr-defined]


def is_known(module: Any) -> bool:
    """Whether a module needs no thought: the standard library's, or what comes along anyway."""
    if not isinstance(module, str):
        return True
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names or top == "cloudpickle"


def dotted(version: tuple[Any, ...]) -> str:
    """A version of Python as people write it, without what is after the minor one."""
    return ".".join(map(str, version[:2]))


def alias_made(alias: Any, modules: set[str], begun: set[int]) -> Any:
    """How the alias of a `type` statement is pickled: by its name in a module, which is noted among `modules`, or
    by what it means. `begun` are those under way."""
    if alias.__module__ not in OF_THE_PROGRAM and is_at(alias, alias.__module__, alias.__name__):
        modules.add(alias.__module__)
        return NotImplemented
    if id(alias) in begun:
        raise ValueFault(
            f"the type alias {alias.__name__!r} cannot travel, as it means itself: put it into a module of your own, "
            "which is sent as a whole"
        )
    begun.add(id(alias))
    return functools.partial(TypeAlias, alias.__name__, type_params=alias.__type_params__), (alias.__value__,)


def is_at(obj: Any, module: str, qualname: str) -> bool:
    found: Any = sys.modules.get(module)
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found is obj


def submodules_used(packages: list[types.ModuleType], attributes: frozenset[str]) -> list[str]:
    """The loaded submodules that code may reach through these packages: `xml` in `xml.dom.minidom.parse`."""
    found: list[str] = []
    for package in packages:
        if hasattr(package, "__path__"):
            prefix = package.__name__ + "."
            found += [
                name
                for name in list(sys.modules)
                if name.startswith(prefix) and attributes.issuperset(name[len(prefix) :].split("."))
            ]
    return sorted(found, key=lambda name: name.count("."))
