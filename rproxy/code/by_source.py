"""Code for another minor version of Python: functions and classes by the text that they were written in.

Rules: what can be imported there goes by its name; a function is its source, the globals that it really uses,
its closure and its defaults, all by value, so that each request has copies of its own, which its functions
share as they do here; what cannot be meant is refused with both versions named, before anything is sent.

The kinds are made by `rproxy_endpoint.rebuild`.
"""

import functools
import io
import sys
import types
import typing
import weakref
from _pickle import Pickler
from collections.abc import Callable, Iterable
from typing import Any

from rproxy_endpoint.protocol import values
from rproxy_endpoint.protocol.errors import ValueFault
from rproxy_endpoint.protocol.sources import Source

from . import syntax
from .by_value import OPEN_FILE, cached_parts
from .classes import class_text, methods_of
from .finding import function_source
from .names import (
    CachedFunction,
    TypeAlias,
    alias_made,
    dotted,
    implementations,
    is_at,
    meant,
    reference_to,
    submodules_used,
)
from .needs import Needs
from .records import is_of_the_program
from .uses import Import, uses_of

Version = tuple[int, int]
#: What the pickler writes by itself.
_NATIVE = (type(None), type(...), type(NotImplemented))
#: By which the far side knows a class that it has made before.
_keys: weakref.WeakKeyDictionary[type, str] = weakref.WeakKeyDictionary()


class _Fill:
    """Stands for the function there that completes what may hold itself."""

    def __call__(self, *args: Any) -> None:
        raise TypeError("it is called on the far side only")


_FILL = _Fill()


class _Space:
    """Stands for the globals of a module, which its functions share there as well."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names


class Encoder(Pickler):
    """Takes functions, classes and instances apart for Python `there`."""

    parcel = values.Parcel(values.Side())
    named: Any = None  # what the pickler itself may write by its name

    def __init__(self, needs: Needs, there: Version, file: Any, protocol: int) -> None:
        super().__init__(file, protocol)
        self._needs = needs
        self._there = there
        self._spaces: dict[int, _Space] = {}
        self._begun: set[type] = set()
        self._aliases: set[int] = set()

    def reducer_override(self, obj: Any) -> Any:
        if obj is values.make or obj is self.named:
            return NotImplemented
        if is_of_the_program(obj):
            return NotImplemented
        parts = values.take(obj, self.parcel) or self.parcel.side.known(obj)  # type: ignore[attr-defined]
        if parts is not None:
            return values.make, (parts.kind, *parts.args), None, parts.appended, parts.items
        if isinstance(obj, io.IOBase):
            raise ValueFault(OPEN_FILE)
        if isinstance(obj, type):
            return self._type(obj)
        reduce = _REDUCERS.get(type(obj))
        return NotImplemented if reduce is None else reduce(self, obj)

    # -- by name ---------------------------------------------------------------------------------------

    def _by_name(self, obj: Any) -> Any:
        """How something that can be imported travels; None if it cannot be."""
        found = reference_to(obj)
        if found is None:
            return None
        self._needs.modules.add(found[0])
        own = found == (obj.__module__, obj.__qualname__)
        return NotImplemented if own else _made("named", *found)

    def _module(self, module: types.ModuleType) -> Any:
        if sys.modules.get(module.__name__) is not module or module.__name__ == "__main__":
            raise ValueFault(f"the module {module.__name__!r} cannot travel: it cannot be imported by that name there")
        self._needs.modules.add(module.__name__)
        return _made("module", module.__name__)

    # -- functions -------------------------------------------------------------------------------------

    def _function(self, function: types.FunctionType) -> Any:
        inner = meant(function)
        if inner is not None:
            named = reference_to(inner)
            return self.reducer_override(inner) if named is None else _made("named", *named)
        found = self._by_name(function)
        if found is not None:
            return found
        dispatched = implementations(function)
        if dispatched is not None:
            return _made("dispatched", dispatched)
        what = f"the function {function.__qualname__!r}"
        try:
            source = function_source(function)
        except ValueFault as fault:
            raise ValueFault(self._refusal(what, str(fault))) from None
        digest = self._source(what, source)
        uses, free = uses_of(function.__code__), function.__code__.co_freevars
        self._needs.function(function, uses.imports)
        cells = tuple(function.__closure__ or ())
        used = {name: function.__globals__[name] for name in uses.names if name in function.__globals__}
        contents = [(cell, cell.cell_contents) for cell in cells if not _is_empty(cell)]
        state = {
            "globals": used,
            "cells": contents,
            "attributes": {name: getattr(function, name) for name in ("__doc__", "__defaults__", "__kwdefaults__")},
            "dict": function.__dict__,
            "imports": self._submodules([*used.values(), *(content for _, content in contents)], uses.attributes),
        }
        names = (function.__name__, function.__qualname__, function.__module__)
        return _made("function", digest, self._space(function.__globals__), free, cells, names, state=state)

    def _method(self, method: types.MethodType) -> Any:
        if getattr(method.__self__, method.__name__, None) == method:
            return NotImplemented  # by its name, of its object
        return _made("method", method.__func__, method.__self__)

    def _cell(self, cell: types.CellType) -> Any:
        return _made("cell")

    def _cached(self, cached: Any) -> Any:
        found = self._by_name(cached)
        return _made("cached", *cached_parts(cached)) if found is None else found

    def _type_variable(self, variable: Any) -> Any:
        if is_at(variable, variable.__module__, variable.__name__) and variable.__module__ != "__main__":
            self._needs.modules.add(variable.__module__)
            return NotImplemented
        names = ("bound", "covariant", "contravariant")
        options = {name: getattr(variable, f"__{name}__") for name in names if getattr(variable, f"__{name}__")}
        return functools.partial(typing.TypeVar, variable.__name__, *variable.__constraints__, **options), ()

    def _alias(self, alias: Any) -> Any:
        if self._there < (3, 12):
            newer = "a `type` statement came with Python 3.12"
            raise ValueFault(self._refusal(f"the type alias {alias.__name__!r}", newer, "Write it without one"))
        return alias_made(alias, self._needs.modules, self._aliases)

    def _builtin(self, function: types.BuiltinFunctionType) -> Any:
        self._needs.modules.add(str(function.__module__))
        return NotImplemented

    def _code(self, code: types.CodeType) -> Any:
        raise ValueFault(self._refusal(f"the code object {code.co_name!r}", "only functions and classes have one"))

    # -- classes ---------------------------------------------------------------------------------------

    def _type(self, cls: Any) -> Any:
        found = NotImplemented if cls in _NATIVE else self._by_name(cls)
        if found is not None:
            return found
        outer, _, name = cls.__qualname__.rpartition(".")
        if outer and not outer.endswith("<locals>"):
            return self._member(cls, outer, name)
        return self._class(cls)

    def _member(self, cls: type, outer: str, name: str) -> Any:
        """A class within a class: by its name in that."""
        if not is_at(cls, cls.__module__, cls.__qualname__):
            raise ValueFault(f"the class {cls.__qualname__!r} cannot travel: it is in a class that is in a function")
        found: Any = sys.modules[cls.__module__]
        for part in outer.split("."):
            found = getattr(found, part)
        return getattr, (found, name)

    def _class(self, cls: Any) -> Any:
        what = f"the class {cls.__qualname__!r}"
        if cls in self._begun:  # and not finished: else the pickler would not ask again
            why = "what makes it (a decorator, a base, a default) already holds it"
            raise ValueFault(self._refusal(what, why, "Put it into a module of your own, which is sent as a whole"))
        self._begun.add(cls)
        try:
            text = class_text(cls)
        except ValueFault as fault:
            if cls.__bases__ == (tuple,) and hasattr(cls, "_field_defaults"):  # one of no class statement
                return _made("namedtuple", cls.__name__, cls._fields, cls._field_defaults, cls.__module__)
            raise ValueFault(self._refusal(what, str(fault))) from None
        digest = self._source(what, text.source)
        space = next((method.__globals__ for method in methods_of(cls)), None) or vars(sys.modules[cls.__module__])
        self._needs.imports(text.imports, str(space.get("__package__") or ""))
        used = {name: space[name] for name in text.names if name in space and name not in text.free}
        early, late = _parted(used, text.early)
        early_free, late_free = _parted(text.free, text.early)
        state = {
            "globals": late,
            "variables": late_free,
            "imports": self._submodules([*used.values(), *text.free.values()], text.attributes),
        }
        key = _keys.setdefault(cls, f"{digest}-{id(cls):x}-{len(_keys)}")
        names = (cls.__qualname__, cls.__module__)
        return _made("class", digest, key, self._space(space), early, early_free, names, state=state)

    # -- the parts of both -----------------------------------------------------------------------------

    def _source(self, what: str, source: Source) -> str:
        """The digest of a source that the far side can read."""
        newer = syntax.newer(source, self._there)
        if newer is not None:
            mend = f"Write it in the language of Python {dotted(self._there)}"
            raise ValueFault(self._refusal(what, newer, mend))
        return self._needs.source(source)

    def _refusal(self, what: str, why: str, mend: str = "Put it into a file or module") -> str:
        here, there = map(dotted, (sys.version_info, self._there))
        return (
            f"{what} cannot travel from Python {here} to the far side's Python {there}, which needs its source: {why}. "
            f"{mend}, or connect with python= of a Python {here} there"
        )

    def _space(self, names: dict[str, Any]) -> _Space:
        space = self._spaces.get(id(names))
        if space is None:
            space = self._spaces[id(names)] = _Space(names)
        return space

    def _reduce_space(self, space: _Space) -> Any:
        told = {name: space.names.get(name) for name in ("__name__", "__package__", "__file__")}
        return _made("namespace", {name: text for name, text in told.items() if isinstance(text, str)})

    def _submodules(self, used: Iterable[Any], attributes: frozenset[str]) -> list[str]:
        packages = [value for value in used if type(value) is types.ModuleType]
        found = submodules_used(packages, attributes)
        self._needs.imports([Import(name, 0, ()) for name in found], "")
        return found

    def _fill(self, fill: _Fill) -> Any:
        return _made("fill")


def _made(kind: str, *args: Any, state: Any = None) -> Any:
    """What the pickler writes for something that the far side makes."""
    if state is None:
        return values.make, ("code." + kind, *args)
    return values.make, ("code." + kind, *args), state, None, None, _FILL


def _is_empty(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is cell
    except ValueError:  # nothing was assigned yet
        return True


def _parted(found: dict[str, Any], first: frozenset[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    early = {name: value for name, value in found.items() if name in first}
    return early, {name: value for name, value in found.items() if name not in first}


_REDUCERS: dict[type, Callable[[Encoder, Any], Any]] = {
    types.FunctionType: Encoder._function,
    types.BuiltinFunctionType: Encoder._builtin,
    types.MethodType: Encoder._method,
    types.ModuleType: Encoder._module,
    types.CellType: Encoder._cell,
    types.CodeType: Encoder._code,
    CachedFunction: Encoder._cached,
    TypeAlias: Encoder._alias,
    typing.TypeVar: Encoder._type_variable,
    _Space: Encoder._reduce_space,
    _Fill: Encoder._fill,
}
