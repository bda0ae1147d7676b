"""A class's own text, and what has to be there before it can be made again.

Rules: a class is made anew from the statement that made it here, decorators and all; what that statement itself
uses goes before it, what its methods use after it, so that they may use the class. What was assigned to the
class later stays here. A class within a function is made from the variables that its methods or its bases know.
"""

import ast
import functools
import linecache
import os
import sys
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

from rproxy_endpoint.protocol.errors import ValueFault
from rproxy_endpoint.protocol.sources import Source, code_of

from .finding import COMMAND, Place, bare, changed, features_of, first_line, is_rewritten, lines_of, parsed, text_of
from .quiet import quiet
from .uses import Import, uses_of

_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_SCOPES = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class ClassText(NamedTuple):
    """A class's source, the names that it uses as it is made, all that it uses, and the free ones with a value."""

    source: Source
    early: frozenset[str]
    names: frozenset[str]
    attributes: frozenset[str]
    imports: tuple[Import, ...]
    free: dict[str, Any]


def class_text(cls: type) -> ClassText:
    """Where a class was written. Raises ValueFault if that is not known, or it cannot be made elsewhere."""
    place, filename, lines = _place_of(cls)
    free = _free_variables(cls, place.node)
    features = next((features_of(method.__code__) for method in methods_of(cls)), ())
    source = Source(
        form="class", name=cls.__name__, text=text_of(place.node, lines), line=first_line(place.node), span=(0, 0),
        filename=filename, inside=None, nested="<locals>" in cls.__qualname__, free=tuple(free), features=features,
        python=sys.version_info[:2],
    )  # fmt: skip
    early = frozenset(_names_when_made(place.node, "annotations" not in features)) - {cls.__name__}
    body = _body(source, parsed(lines).imported)
    _check(cls, body)
    uses = uses_of(body)
    unknown = _locals_around(place, lines) & (early | uses.names) - free.keys() - {cls.__name__}
    if unknown:
        raise ValueFault(
            f"as it is made it uses {min(unknown)!r}, a variable of the function around it; "
            "define the class at the top of its file"
        )
    return ClassText(source, early, early | uses.names, uses.attributes, uses.imports, free)


@functools.lru_cache(maxsize=256)
def _body(source: Source, imported: tuple[str, ...]) -> types.CodeType:
    with quiet():
        return code_of(source, imported)


# -- where it is ---------------------------------------------------------------------------------------


def _place_of(cls: type) -> tuple[Place, str, list[str]]:
    """Its place, the file, and the file's lines."""
    codes = [method.__code__ for method in methods_of(cls)]
    for filename in _files_of(cls, codes):
        for lines in lines_of(filename):
            found = [place for place in parsed(lines).places if _may_be(place, cls, codes, filename)]
            if found:
                return found[-1], filename, lines
    raise ValueFault(changed(codes[0].co_filename) if codes else "its source is not found")


def methods_of(cls: type) -> Iterator[types.FunctionType]:
    """The functions that were written in a class's body."""
    for value in vars(cls).values():
        for part in (value.fget, value.fset, value.fdel) if isinstance(value, property) else (value,):
            plain = part.__func__ if isinstance(part, staticmethod | classmethod) else part
            function: Any = getattr(plain, "__wrapped__", plain)
            code = getattr(function, "__code__", None)
            if isinstance(code, types.CodeType) and code.co_qualname.rpartition(".")[0] == cls.__qualname__:
                yield function


def _files_of(cls: type, codes: list[types.CodeType]) -> Iterator[str]:
    yield from dict.fromkeys(code.co_filename for code in codes)
    if not codes:
        file = getattr(sys.modules.get(cls.__module__), "__file__", None)
        yield COMMAND if file is None else file
        # A notebook's class without a method: any cell may have it, and the last one counts.
        yield from [name for name in reversed(list(linecache.cache)) if not os.path.exists(name)]


def _may_be(place: Place, cls: type, codes: list[types.CodeType], filename: str) -> bool:
    node = place.node
    if not isinstance(node, ast.ClassDef) or place.qualname != cls.__qualname__:
        return False
    line = vars(cls).get("__firstlineno__")  # Python 3.13 and newer
    if line is not None and line != first_line(node):
        return False
    own = [code.co_firstlineno for code in codes if code.co_filename == filename]
    return all(first_line(node) <= line <= (node.end_lineno or 0) for line in own)


def _check(cls: type, body: types.CodeType) -> None:
    """Raises ValueFault if the text is not the one that the class was made from."""
    written = [bare(code) for code in _written_in(body)]
    for method in methods_of(cls):
        if not is_rewritten(method.__globals__) and bare(method.__code__) not in written:
            raise ValueFault(changed(method.__code__.co_filename))


def _written_in(body: types.CodeType) -> Iterator[types.CodeType]:
    """The code of the functions in it; one with type parameters is in a function that makes these."""
    for const in body.co_consts:
        if isinstance(const, types.CodeType):
            yield const
            if const.co_name.startswith("<generic parameters of"):
                yield from _written_in(const)


# -- what it uses --------------------------------------------------------------------------------------


def _names_when_made(node: Any, annotations: bool) -> Iterator[str]:
    """The names that a class statement reads itself, and not its methods when they are called."""
    bound = _bound_by(node)
    for field, parts in ast.iter_fields(node):
        if (field in ("annotation", "returns") and not annotations) or (field == "body" and isinstance(node, _SCOPES)):
            continue
        for part in parts if isinstance(parts, list) else [parts]:
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and part.id not in bound:
                yield part.id
            elif isinstance(part, ast.AST):
                yield from (name for name in _names_when_made(part, annotations) if name not in bound)


def _bound_by(node: Any) -> set[str]:
    """The variables of a comprehension, which nothing around it knows."""
    targets = [part.target for part in node.generators] if isinstance(node, _COMPREHENSIONS) else []
    return {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}


def _free_variables(cls: type, node: ast.ClassDef) -> dict[str, Any]:
    """The variables of the functions around that its methods or its bases know."""
    found: dict[str, Any] = {}
    for method in methods_of(cls):
        for name, cell in zip(method.__code__.co_freevars, method.__closure__ or (), strict=True):
            if name not in ("__class__", "__classdict__"):
                with_value = _content(cell)
                found.update({name: with_value[0]} if with_value else {})
    if "<locals>" in cls.__qualname__ and len(node.bases) == len(cls.__bases__):
        for written, base in zip(node.bases, cls.__bases__, strict=True):
            if isinstance(written, ast.Name) and "<locals>" in base.__qualname__:
                found.setdefault(written.id, base)
    found.pop(cls.__name__, None)
    return found


def _content(cell: Any) -> tuple[Any, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:  # nothing was assigned yet
        return ()


def _locals_around(place: Place, lines: list[str]) -> set[str]:
    """The variables of the functions that a class is written in."""
    if "<locals>" not in place.qualname:
        return set()
    found: set[str] = set()
    for code in _codes("".join(lines)):
        last = max(line for _, _, line in code.co_lines() if line is not None)
        is_around = code.co_firstlineno <= place.node.lineno <= last
        if is_around and place.qualname.startswith(f"{code.co_qualname}.<locals>."):
            found.update(code.co_varnames, code.co_cellvars, code.co_freevars)
    return found


@functools.lru_cache(maxsize=8)
def _codes(text: str) -> tuple[types.CodeType, ...]:
    """The code of every function of a file."""
    with quiet():
        waiting, found = [compile(text, "", "exec", dont_inherit=True)], []
    while waiting:
        code = waiting.pop()
        found.append(code)
        waiting += [const for const in code.co_consts if isinstance(const, types.CodeType)]
    return tuple(found)
