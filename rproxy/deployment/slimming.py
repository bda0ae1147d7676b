"""Python source without what only people and type checkers read: comments, docstrings, annotations.

Rules: what is left does the same, and is on the same lines, so that tracebacks are right; whatever is not surely
for reading stays. It is for the endpoint's own files: no code that looks at annotations or docstrings.
"""

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_JOINED = b"\\\n"
_DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class _Cut(NamedTuple):
    """Bytes that go, and what comes in their place, ahead of the line ends among them."""

    start: int
    end: int
    text: bytes = b""
    line_end: bytes = b"\n"  # within a statement that has no brackets there, one that does not end it


def slim(source: bytes) -> bytes:
    """The source of a module, in UTF-8 and indented by four, without what is only to be read; indented by one."""
    tree = ast.parse(source)
    places = _Places(source)
    texts = _texts(tree, places)
    cuts = [*_comments(source, texts), *_indents(source, texts), *_typing(tree, places)]
    for node in ast.walk(tree):
        cuts += _of_node(node, places)
    slimmed = _applied(source, cuts)
    return _applied(slimmed, _imports(tree, slimmed))


class _Places:
    """Offsets of nodes in the source."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self._lines = [0]
        for line in source.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    def start(self, node: ast.AST) -> int:
        return self._lines[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined, no-any-return]

    def end(self, node: ast.AST) -> int:
        return self._lines[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined, no-any-return]

    def whole(self, node: ast.AST, text: bytes = b"") -> _Cut:
        return _Cut(self.start(node), self.end(node), text)


def _applied(source: bytes, cuts: Iterable[_Cut]) -> bytes:
    pieces, place = [], 0
    for cut in sorted(cuts):
        if cut.start < place:
            continue  # within what has gone already
        pieces += [source[place : cut.start], cut.text, cut.line_end * source.count(b"\n", cut.start, cut.end)]
        place = cut.end
    lines = b"".join([*pieces, source[place:]]).split(b"\n")
    return b"\n".join(line.rstrip() for line in lines).rstrip(b"\n") + b"\n"


def _texts(tree: ast.AST, places: _Places) -> list[tuple[int, int]]:
    """Where the texts begin and end, in order."""
    found = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))
    return sorted((places.start(node), places.end(node)) for node in found)


def _indents(source: bytes, texts: list[tuple[int, int]]) -> Iterator[_Cut]:
    """A quarter of what each line begins with, but for those in texts."""
    long = [(start, end) for start, end in texts if source.find(b"\n", start, end) >= 0]
    place = 0
    for line in source.splitlines(keepends=True):
        width = len(line) - len(line.lstrip(b" "))
        if width and not any(start < place < end for start, end in long):
            yield _Cut(place, place + width, b" " * (width // 4))
        place += len(line)


def _comments(source: bytes, texts: list[tuple[int, int]]) -> Iterator[_Cut]:
    """Everything from a # to the line's end, but for those in texts."""
    spans = list(texts)
    place = source.find(b"#")
    while place >= 0:
        while spans and spans[0][1] <= place:
            del spans[0]
        end = source.find(b"\n", place)
        if spans and spans[0][0] <= place:
            end = place + 1
        else:
            yield _Cut(place, end)
        place = source.find(b"#", end)


def _of_node(node: ast.AST, places: _Places) -> Iterator[_Cut]:
    if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, False) is not None:
        yield places.whole(node.body[0], b"" if len(node.body) > 1 or isinstance(node, ast.Module) else b"pass")
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
        end = places.end(node.returns)
        yield _Cut(places.source.rindex(b"->", 0, places.start(node.returns)), end, b"", _JOINED)
    elif isinstance(node, ast.arg) and node.annotation is not None:
        yield _Cut(places.start(node) + len(node.arg.encode()), places.end(node))
    elif isinstance(node, ast.AnnAssign) and node.value is None:
        yield places.whole(node, b"pass")
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        yield _Cut(places.end(node.target), places.start(node.value), b" = ", _JOINED)


def _imports(before: ast.Module, slimmed: bytes) -> Iterator[_Cut]:
    """Names that a module has from others of its package, and had used for annotations alone."""
    tree = ast.parse(slimmed)
    places, needless = _Places(slimmed), _used(before) - _used(tree)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level:
            kept = [alias for alias in node.names if (alias.asname or alias.name) not in needless]
            if len(kept) < len(node.names):
                start = f"from {'.' * node.level}{node.module or ''} import "
                text = start + ", ".join(map(ast.unparse, kept)) if kept else ""
                yield places.whole(node, text.encode())


def _used(tree: ast.Module) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


# -- the module `typing`, whose import takes long ------------------------------------------------------


def _typing(tree: ast.Module, places: _Places) -> Iterator[_Cut]:
    """What it is used for besides annotations: named tuples, and names for types, which others may import."""
    imported: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "typing":
            names = {alias.name for alias in node.names}
            imported |= names
            yield places.whole(node, b"from collections import namedtuple" if "NamedTuple" in names else b"")
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _called(node.value) == "NamedTuple":
            name, fields = map(ast.literal_eval, (node.value.args[0], _names_of(node.value.args[1])))
            yield places.whole(node.value, b'namedtuple("%s", "%s")' % (name.encode(), " ".join(fields).encode()))
        elif isinstance(node, ast.Assign) and imported & {
            found.id for found in ast.walk(node.value) if isinstance(found, ast.Name)
        }:
            yield places.whole(node.value, b"None")


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _names_of(pairs: ast.expr) -> ast.expr:
    """The list of the first of each pair."""
    assert isinstance(pairs, ast.List)
    return ast.List([pair.elts[0] for pair in pairs.elts if isinstance(pair, ast.Tuple)], ast.Load())
