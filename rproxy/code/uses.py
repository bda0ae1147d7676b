"""What code uses of what is around it: global names, attributes, imports.

Rules: only what the code itself names counts: a name that is only an attribute (`x.name`) is no global, and what
a text given to `eval` uses is not seen.
"""

import ast
import dis
import functools
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

#: A dotted name given to one of these is an import too.
_IMPORTERS = frozenset(("import_module", "__import__"))
_READS = frozenset(("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"))


class Import(NamedTuple):
    """One import: the module's name, how many dots are before it, and the names from it."""

    name: str
    level: int
    names: tuple[str, ...]

    def candidates(self, package: str) -> Iterator[str]:
        """The modules that it may mean, for code of that package."""
        base = self.name
        if self.level:
            parts = package.split(".")
            if not package or self.level > len(parts):
                return
            base = ".".join(parts[: len(parts) - self.level + 1] + ([self.name] if self.name else []))
        yield base
        yield from (f"{base}.{name}" for name in self.names if name != "*")


class Uses(NamedTuple):
    """What code and the code in it use."""

    names: frozenset[str]
    attributes: frozenset[str]
    imports: tuple[Import, ...]


@functools.lru_cache(maxsize=1024)
def uses_of(code: types.CodeType) -> Uses:
    names: set[str] = set()
    attributes: set[str] = set()
    imports: list[Import] = []
    waiting = [code]
    while waiting:
        one = waiting.pop()
        waiting += [const for const in one.co_consts if isinstance(const, types.CodeType)]
        attributes.update(one.co_names)
        if not _IMPORTERS.isdisjoint(one.co_names):
            imports += [Import(const, 0, ()) for const in one.co_consts if _is_dotted(const)]
        constants: list[Any] = [None, None]  # what was loaded last: an import's level and names
        for instruction in dis.get_instructions(one):
            if instruction.opname in _READS:
                names.add(instruction.argval)
            elif instruction.opname == "IMPORT_NAME":
                level, wanted = constants
                imports.append(Import(instruction.argval, level or 0, tuple(wanted or ())))
            elif instruction.opname.startswith("LOAD_"):
                constants = [constants[1], instruction.argval]
    return Uses(frozenset(names), frozenset(attributes), tuple(imports))


def imports_in(tree: ast.AST) -> Iterator[Import]:
    """The imports that a module writes, wherever."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, 0, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield Import(node.module or "", node.level, tuple(alias.name for alias in node.names))
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in _IMPORTERS and _is_dotted(node.args[0].value):
                yield Import(str(node.args[0].value), 0, ())


def _is_dotted(value: object) -> bool:
    return isinstance(value, str) and all(part.isidentifier() for part in value.split("."))
