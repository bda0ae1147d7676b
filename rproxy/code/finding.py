"""The text that a function was written in.

Rules: a text is the right one if it compiles to the very code that is to travel: so lambdas of one line are
told apart, and a file that was changed since it was loaded is found out. Only modules that a tool has rewritten
as they were loaded (pytest's assertions) are taken by their names and variables. Files, notebook cells and
prompts that keep their lines in `linecache` all count as text.
"""

import __future__

import ast
import functools
import importlib.machinery
import linecache
import re
import sys
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

from rproxy_endpoint.protocol.errors import ValueFault
from rproxy_endpoint.protocol.sources import Source, code_of

from .quiet import parse, quiet

_NESTED = 0x10  # inspect.CO_NESTED
_FEATURES = {
    name: getattr(__future__, name).compiler_flag
    for name in __future__.all_feature_names
    if getattr(__future__, name).compiler_flag not in (0, _NESTED)
}
#: What code of `python -c` has as its file.
COMMAND = "<string>"
#: The option that a program's text comes after, alone or with others that have no value.
_OPTION = re.compile("-[a-zA-Z]*c")
_UNKEPT = "it was made from text that nobody kept (exec, or a plain prompt)"


class Place(NamedTuple):
    """A function, lambda or class in a file: its statement, the class that it is in, what it is in by name, and
    the line of the function that it is in."""

    node: Any
    inside: str | None
    qualname: str
    function: int | None


class File(NamedTuple):
    """All that a file defines, and the names that it imports for all of it."""

    places: tuple[Place, ...]
    imported: tuple[str, ...]


@functools.lru_cache(maxsize=8)
def _parsed(text: str) -> File:
    tree = parse(text)
    return File(tuple(_walk(tree, None, "", None)), tuple(_imported(tree)))


def _imported(node: Any) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            names = [alias.asname or alias.name.partition(".")[0] for alias in child.names]
            yield from (name for name in names if name != "*")
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
            yield from _imported(child)


def _walk(node: Any, inside: str | None, prefix: str, function: int | None) -> Iterator[Place]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            name = prefix + getattr(child, "name", "<lambda>")
            yield Place(child, inside, name, function)
            yield from _walk(child, inside, f"{name}.<locals>.", first_line(child))
        elif isinstance(child, ast.ClassDef):
            yield Place(child, inside, prefix + child.name, function)
            yield from _walk(child, child.name, f"{prefix}{child.name}.", function)
        else:
            yield from _walk(child, inside, prefix, function)


def first_line(node: Any) -> int:
    """Where a statement begins, with its decorators, as code objects tell it."""
    decorators = getattr(node, "decorator_list", None)
    line: int = decorators[0].lineno if decorators else node.lineno
    return line


def lines_of(filename: str) -> Iterator[list[str]]:
    """The lines of a file, as they are known, and then as they are now."""
    known = linecache.getlines(filename) or (_command() if filename == COMMAND else [])
    yield known
    linecache.checkcache(filename)
    fresh = linecache.getlines(filename)
    if fresh != known:
        yield fresh


def _command() -> list[str]:
    """The lines of `python -c`, which Python 3.13 and newer keep themselves."""
    words = iter(sys.orig_argv[1:])
    text = next((next(words, "") for word in words if _OPTION.fullmatch(word)), "")
    return text.splitlines(keepends=True)


# -- functions -----------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1024)
def _found(code: types.CodeType, filename: str, rewritten: bool) -> Source:
    there = False
    for lines in lines_of(filename):
        there = there or bool(lines)
        near: list[Source] = []
        file = parsed(lines)
        for place in file.places:
            if _may_be(place.node, code):
                source = _source_of(place, code, filename, lines)
                with quiet():
                    compiled = code_of(source, file.imported)
                if compiled == code:
                    return source
                if bare(compiled) == bare(code) or (rewritten and _alike(compiled, code)):
                    near.append(source)
        if near:
            return near[0]
    raise ValueFault(changed(filename) if there else _UNKEPT)


def function_source(function: types.FunctionType) -> Source:
    """Where a function was written. Raises ValueFault if that is not known."""
    code, space = function.__code__, function.__globals__
    linecache.lazycache(code.co_filename, space)  # its loader may be the only one who has the text
    return _found(code, code.co_filename, is_rewritten(space))


def is_rewritten(space: dict[str, Any]) -> bool:
    """Whether a module's loader may have changed what was written."""
    loader = space.get("__loader__")
    return not (loader is None or isinstance(loader, type) or type(loader) is importlib.machinery.SourceFileLoader)


def changed(filename: str) -> str:
    """Why a text does not count; what has no file cannot have changed."""
    if filename.startswith("<"):
        return _UNKEPT
    return f"{filename} is not what it was when this was loaded from it; load it again"


def parsed(lines: list[str]) -> File:
    try:
        return _parsed("".join(lines))
    except SyntaxError:
        return File((), ())  # it is no longer what was loaded


def _may_be(node: Any, code: types.CodeType) -> bool:
    if isinstance(node, ast.Lambda):
        return code.co_name == "<lambda>" and node.lineno == code.co_firstlineno
    return not isinstance(node, ast.ClassDef) and node.name == code.co_name and first_line(node) == code.co_firstlineno


def _source_of(place: Place, code: types.CodeType, filename: str, lines: list[str]) -> Source:
    node = place.node
    is_lambda = isinstance(node, ast.Lambda)
    parameters = {parameter.name for parameter in getattr(node, "type_params", ())}
    return Source(
        form="lambda" if is_lambda else "def", name=code.co_name, text=text_of(node, lines), line=first_line(node),
        span=(node.col_offset, node.end_col_offset) if is_lambda else (0, 0), filename=filename,
        inside=place.inside, nested=bool(code.co_flags & _NESTED),
        free=tuple(name for name in code.co_freevars if name != "__class__" and name not in parameters),
        features=features_of(code), python=sys.version_info[:2],
    )  # fmt: skip


def text_of(node: Any, lines: list[str]) -> str:
    text = "".join(lines[first_line(node) - 1 : node.end_lineno])
    return text if text.endswith("\n") else text + "\n"


def features_of(code: types.CodeType) -> tuple[str, ...]:
    return tuple(name for name, flag in _FEATURES.items() if code.co_flags & flag)


def bare(code: types.CodeType) -> types.CodeType:
    """The code without its columns, which some interpreters are told not to keep."""
    consts = tuple(bare(const) if isinstance(const, types.CodeType) else const for const in code.co_consts)
    return code.replace(co_linetable=b"", co_consts=consts)


def _alike(compiled: types.CodeType, code: types.CodeType) -> bool:
    """Whether one can be the other, rewritten: that adds names, and changes no parameter."""
    count = code.co_argcount + code.co_kwonlyargcount
    return (
        compiled.co_varnames[:count] == code.co_varnames[:count]
        and compiled.co_freevars == code.co_freevars
        and set(compiled.co_names) <= set(code.co_names)
    )
