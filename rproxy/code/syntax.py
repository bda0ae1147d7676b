"""What of the language is too new for the far side.

Rules: this finds before anything is sent what a tree shows, and names it with its line; for the rest (an `=` in an
f-string, parentheses around contexts) the far side's own compiler has the word. Python's own
`feature_version` knows little of all this, and another part of it in each version.
"""

import ast
import functools
from collections.abc import Callable, Iterator
from typing import Any

from rproxy_endpoint.protocol.sources import Source, parsed

from .names import dotted
from .quiet import parse, quiet

Version = tuple[int, int]


def _is(*names: str) -> Callable[[Any], bool]:
    classes = tuple(getattr(ast, name) for name in names if hasattr(ast, name))
    return lambda node: isinstance(node, classes)


def _is_plain_decorator(node: Any) -> bool:
    """Dotted names, with one call at the end: all that there was before Python 3.9."""
    node = node.func if isinstance(node, ast.Call) else node
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def _has_starred(node: Any) -> bool:
    index = node.slice if isinstance(node, ast.Subscript) else None
    return isinstance(index, ast.Tuple) and any(isinstance(part, ast.Starred) for part in index.elts)


def _has_default(parameters: Any) -> bool:
    return any(getattr(parameter, "default_value", None) is not None for parameter in parameters)


#: (the version that brought it, what it is called, whether a node of the tree is one), newest first.
_FEATURES: list[tuple[Version, str, Callable[[Any], bool]]] = [
    ((3, 14), "a template string", _is("TemplateStr")),
    ((3, 13), "a type parameter with a default", lambda node: _has_default(getattr(node, "type_params", ()))),
    ((3, 12), "a type parameter", lambda node: bool(getattr(node, "type_params", ()))),
    ((3, 12), "a `type` statement", _is("TypeAlias")),
    ((3, 11), "`except*`", _is("TryStar")),
    ((3, 11), "`*` in an index", _has_starred),
    ((3, 10), "`match`", _is("Match")),
    ((3, 9), "a decorator that is no dotted name", lambda node: not all(map(_is_plain_decorator, _decorators(node)))),
    ((3, 8), "`:=`", _is("NamedExpr")),
    (
        (3, 8),
        "a positional-only parameter (`/`)",
        lambda node: isinstance(node, ast.arguments) and bool(node.posonlyargs),
    ),
    ((3, 7), "`from __future__ import annotations`", lambda node: "annotations" in _features(node)),
]


def _features(node: Any) -> list[str]:
    """What a statement takes from `__future__`."""
    is_taken = isinstance(node, ast.ImportFrom) and node.module == "__future__"
    return [alias.name for alias in node.names] if is_taken else []


def _decorators(node: Any) -> list[Any]:
    found: list[Any] = getattr(node, "decorator_list", [])
    return found


@functools.lru_cache(maxsize=1024)
def newer(source: Source, there: Version) -> str | None:
    """What a source uses that Python `there` has not, in words, or None if nothing is found."""
    with quiet():
        tree = parsed(source)
    return _named(tree, source.filename, there)


def newer_in_module(text: bytes, filename: str, there: Version) -> str | None:
    """The same for a module's text. Raises SyntaxError if it is none."""
    return _named(parse(text), filename, there)


def _named(tree: ast.AST, filename: str, there: Version) -> str | None:
    nodes = list(_located(tree))
    for version, words, matches in _FEATURES:
        if version > there:
            for node, line in nodes:
                if matches(node):
                    return f"{words} ({filename}, line {line}) came with Python {dotted(version)}"
    return None


def _located(tree: ast.AST) -> Iterator[tuple[Any, int]]:
    """Every node with its line; a node without one is where its parent is."""
    waiting: list[tuple[Any, int]] = [(tree, 1)]
    while waiting:
        node, line = waiting.pop()
        line = getattr(node, "lineno", line)
        yield node, line
        waiting += [(child, line) for child in ast.iter_child_nodes(node)]
