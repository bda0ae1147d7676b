"""Functions and classes from the text that they were written in, by another version of Python.

Rules: a text is compiled once in a session, however often it is named; functions that share globals there share
them here, for as long as one request is loaded; what may hold itself is made empty and filled after; tracebacks
show the text, under the name of the file that it came from.
"""

import collections
import functools
import importlib
import linecache
import os
import sys
import types
import warnings
import weakref
from typing import Any, Callable, Dict, Sequence, Tuple

from .protocol import values
from .protocol.errors import ValueFault
from .protocol.sources import AROUND, Source, code_of, compiled


class Rebuilder:
    """What a session knows of sources: the texts, their code, and the classes made of them."""

    def __init__(self, sources: Dict[str, Sequence[Any]]) -> None:
        self._sources = sources
        self._codes: Dict[str, types.CodeType] = {}
        self._classes: "weakref.WeakValueDictionary[str, Any]" = weakref.WeakValueDictionary()
        # class: its globals, and the cells of its variables
        self._insides: "weakref.WeakKeyDictionary[Any, Any]" = weakref.WeakKeyDictionary()

    def _source(self, digest: str) -> Source:
        if digest not in self._sources:
            raise ValueFault("its source did not come; try again")
        return Source(*self._sources[digest])

    def _code(self, digest: str, compiles: Callable[[Source], types.CodeType]) -> types.CodeType:
        if digest not in self._codes:
            source = self._source(digest)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about what was written: its author has seen them
                try:
                    self._codes[digest] = compiles(source)
                except SyntaxError as error:
                    raise ValueFault(_too_new(source, error))
            show(source.filename, source.line, source.text)
        return self._codes[digest]

    # -- what the bytes ask for ------------------------------------------------------------------------

    def namespace(self, names: Dict[str, str]) -> Dict[str, Any]:
        return dict(names, __builtins__=__builtins__)

    def function(
        self, digest: str, space: Dict[str, Any], free: Sequence[str], cells: Sequence[Any], names: Tuple[str, str, str]
    ) -> Any:
        """A function without its defaults and the values that it uses."""
        code = self._code(digest, code_of)
        by_name = dict(zip(free, cells))
        closure = tuple([by_name[name] for name in code.co_freevars])
        made = types.FunctionType(code, space, names[0], None, closure)
        made.__qualname__, made.__module__ = names[1:]
        return made

    def make_class(
        self, digest: str, key: str, space: Dict[str, Any], early: Dict[str, Any], variables: Dict[str, Any],
        names: Tuple[str, str],
    ) -> Any:
        """A class, or the one that was made for that key before."""
        made = self._classes.get(key)
        if made is None:
            space.update(early)
            exec(self._code(digest, compiled), space)
            source = self._source(digest)
            if source.nested:
                made, cells = space.pop(AROUND)(*[variables.get(name) for name in source.free])
            else:
                made, cells = space[source.name], ()
            made.__qualname__ = names[0]
            self._classes[key] = made
            self._insides[made] = space, {name: cell.__closure__[0] for name, cell in zip(source.free, cells)}
        return made

    def fill(self, made: Any, state: Dict[str, Any]) -> None:
        """Gives a function or class the rest of what it is."""
        for name in state["imports"]:
            importlib.import_module(name)
        if isinstance(made, types.FunctionType):
            made.__globals__.update(state["globals"])
            for cell, content in state["cells"]:
                set_cell(cell, content)
            for name, value in state["attributes"].items():
                setattr(made, name, value)
            made.__dict__.update(state["dict"])
        else:
            space, cells = self._insides[made]
            space.update(state["globals"])
            for name, content in state["variables"].items():
                set_cell(cells[name], content)


# -- cells ---------------------------------------------------------------------------------------------


def new_cell() -> Any:
    """A cell without a content."""
    content: Any = None
    cell: Any = (lambda: content).__closure__[0]  # type: ignore[index]  # noqa: F821 - it is to be empty
    del content
    return cell


def set_cell(cell: Any, content: Any) -> None:
    """Python 3.6 cannot write to `cell_contents`, but a function whose variable it is can."""

    def around() -> Any:
        held = None

        def setter(value: Any) -> None:
            nonlocal held
            held = value

        return setter

    types.FunctionType(around().__code__, {}, "setter", None, (cell,))(content)


# -- the rest ------------------------------------------------------------------------------------------


def _too_new(source: Source, error: SyntaxError) -> str:
    line = (error.text or "").strip()
    return "%s was written for Python %d.%d, and this is Python %d.%d: %s (%s, line %s)%s" % (
        source.name, source.python[0], source.python[1], sys.version_info[0], sys.version_info[1],
        error.msg, source.filename, error.lineno, line and ": " + line,
    )


def show(filename: str, first: int, text: str) -> None:
    """Makes some lines known to tracebacks, among those that are known of their file."""
    lines = list(linecache.getlines(filename))
    own = text.splitlines(True)
    lines += ["\n"] * (first - 1 + len(own) - len(lines))
    lines[first - 1 : first - 1 + len(own)] = own
    linecache.cache[filename] = (sum(map(len, lines)), None, lines, filename)


def show_lines(items: Dict[str, Tuple[str, int, str]]) -> None:
    """Makes lines of the client's files known, where the files are not here."""
    for filename, first, text in items.values():
        if not os.path.exists(filename):
            show(filename, first, text)


def _named(parcel: values.Parcel, module: str, qualname: str) -> Any:
    found: Any = importlib.import_module(module)
    for name in qualname.split("."):
        found = getattr(found, name)
    return found


def _cached(parcel: values.Parcel, function: Any, maxsize: Any, typed: bool) -> Any:
    return functools.lru_cache(maxsize, typed)(function)


def _dispatched(parcel: values.Parcel, implementations: Sequence[Tuple[type, Any]]) -> Any:
    made = functools.singledispatch(implementations[0][1])
    for cls, function in implementations[1:]:
        made.register(cls, function)
    return made


def _dispatching(parcel: values.Parcel, function: Any, dispatcher: Any) -> Any:
    """A `functools.singledispatchmethod`, which the client has as well."""
    made = functools.singledispatchmethod(function)  # type: ignore[attr-defined, unused-ignore]
    made.dispatcher = dispatcher
    return made


def _namedtuple(parcel: values.Parcel, name: str, fields: Sequence[str], defaults: Dict[str, Any], module: str) -> Any:
    made: Any = collections.namedtuple(name, fields)  # type: ignore[misc]
    made.__new__.__defaults__ = tuple([defaults[field] for field in fields if field in defaults])
    made.__module__ = module
    return made


def _register() -> None:
    names: Tuple[str, ...] = ("namespace", "function", "class")
    methods: Tuple[Callable[..., Any], ...] = (Rebuilder.namespace, Rebuilder.function, Rebuilder.make_class)
    for name, method in zip(names, methods):
        values.MAKE["code." + name] = functools.partial(_by_session, method)
    values.MAKE["code.fill"] = lambda parcel: parcel.side.rebuilder.fill
    values.MAKE["code.cell"] = lambda parcel: new_cell()
    values.MAKE["code.module"] = lambda parcel, name: importlib.import_module(name)
    values.MAKE["code.method"] = lambda parcel, function, owner: types.MethodType(function, owner)
    values.MAKE["code.named"] = _named
    values.MAKE["code.cached"] = _cached
    values.MAKE["code.dispatched"] = _dispatched
    values.MAKE["code.dispatching"] = _dispatching
    values.MAKE["code.namedtuple"] = _namedtuple


def _by_session(method: Callable[..., Any], parcel: values.Parcel, *args: Any) -> Any:
    side: Any = parcel.side
    if side.rebuilder is None:
        side.rebuilder = Rebuilder(side.sources)
    return method(side.rebuilder, *args)


_register()
