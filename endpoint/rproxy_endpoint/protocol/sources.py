"""Functions and classes as the text that they were written in.

Rules: a source is compiled alone, inside of what was around it (the class whose private names it uses, a
function that has its free variables), at its own lines and columns, so that tracebacks show what the user
wrote; nothing of it runs here. Both sides compile it by this one function: the client to prove that it has
found the right text, the endpoint to have the code.
"""

import __future__

import ast
import sys
import types
from typing import Any, NamedTuple, Optional, Sequence, Tuple

from .errors import ValueFault

Source = NamedTuple(
    "Source",
    [
        ("form", str),  # "def", "lambda" or "class"
        ("name", str),
        ("text", str),  # whole lines
        ("line", int),  # of the first of them, in its file
        ("span", Tuple[int, int]),  # a lambda's: its first byte in its first line, and the end in its last
        ("filename", str),
        ("inside", Optional[str]),  # the class whose private names it may use
        ("nested", bool),  # whether it is inside of a function, which may have ...
        ("free", Tuple[str, ...]),  # ... these of its variables
        ("features", Tuple[str, ...]),  # of `__future__`
        ("python", Tuple[int, int]),  # whose language it is in
    ],
)

#: What stands for the function around: no user's function can have that name.
AROUND = "<around>"


def code_of(source: Source, imported: Sequence[str] = ()) -> types.CodeType:
    """The code of a function, or of a class's body. Raises SyntaxError in the words of this Python.

    `imported` are the names that the module around imports: for these, Python makes another code of a call.
    """
    return _find(compiled(source, imported), source)


def compiled(source: Source, imported: Sequence[str] = ()) -> types.CodeType:
    """A module's code: for a class that is in a function, with the function `AROUND`, which makes it and tells
    the cells of its variables. Raises SyntaxError."""
    flags = 0
    for feature in source.features:
        flags |= getattr(getattr(__future__, feature, None), "compiler_flag", 0)
    if sys.version_info < (3, 7):  # where it must be asked for: a StopIteration that ends no generator
        flags |= __future__.generator_stop.compiler_flag
    tree = _surrounded(source)
    tree.body = [*map(_import, imported), *tree.body]
    code: types.CodeType = compile(tree, source.filename, "exec", flags, True)
    return code


def _surrounded(source: Source) -> Any:
    """The tree of a source, inside of what was around it."""
    node = parsed(source)
    if source.form != "class":
        _strip(node)
    if sys.version_info < (3, 7) and "annotations" in source.features:
        _strip_functions(node)
    tree: Any = ast.parse("def f(%s):\n pass" % ", ".join(source.free))
    around = tree.body[0]
    around.name = AROUND
    if source.form == "class" and source.nested:
        cells = "".join("lambda: %s, " % name for name in source.free)
        made: Any = ast.parse("def f():\n return %s, (%s)" % (source.name, cells)).body[0]
        around.body = [node] + made.body
        return tree
    if source.inside is not None:
        within: Any = ast.parse("class %s:\n pass" % source.inside).body[0]
        within.body = [node]
        node = within
    if source.nested:
        around.body = [node]
    else:
        tree.body = [node]
    return tree


def _import(name: str) -> Any:
    return ast.parse("import " + name).body[0]


def parsed(source: Source) -> Any:
    """The statement of a source, at its lines."""
    if source.form == "lambda":
        start, end = source.span
        lines = source.text.encode("utf-8").splitlines(True)
        lines[-1] = lines[-1][:end]
        lines[0] = b" " * start + lines[0][start:]
        text, first = "(\n%s\n)" % b"".join(lines).decode("utf-8"), 2
    elif source.text[:1] in " \t":
        text, first = "if 1:\n" + source.text, 2
    else:
        text, first = source.text, 1
    node: Any = ast.parse(text, source.filename).body[0]
    ast.increment_lineno(node, source.line - first)
    return node.body[0] if isinstance(node, ast.If) else node


def _strip(node: Any) -> None:
    """Takes off what belongs to a function but is no part of its code: it may need a newer Python than that."""
    function: Any = node.value if isinstance(node, ast.Expr) else node
    given = function.args
    given.defaults = [_nothing(default) for default in given.defaults]
    given.kw_defaults = [default and _nothing(default) for default in given.kw_defaults]
    _strip_annotations(function)
    if function is node:
        function.decorator_list = [_nothing(decorator) for decorator in function.decorator_list]


def _strip_annotations(function: Any) -> None:
    given = function.args
    for arg in given.args + given.kwonlyargs + getattr(given, "posonlyargs", []) + [given.vararg, given.kwarg]:
        if arg is not None:
            arg.annotation = None
    function.returns = None  # which a lambda never has


if sys.version_info < (3, 7):

    def _strip_functions(node: Any) -> None:
        """A Python without `from __future__ import annotations` would run them."""
        for inner in ast.walk(node):
            if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)):
                _strip_annotations(inner)


def _nothing(node: Any) -> Any:
    return ast.copy_location(ast.parse("None", mode="eval").body, node)


def _find(code: types.CodeType, source: Source) -> types.CodeType:
    """The code of that name, in the order of writing."""
    waiting = [code]
    while waiting:
        found = waiting.pop(0)
        if found.co_name == source.name and bool(found.co_flags & 1) == (source.form != "class"):
            return found
        waiting += [const for const in found.co_consts if isinstance(const, types.CodeType)]
    raise ValueFault("no %s in its source" % source.name)
