"""What is left of the endpoint's source does the same, on the same lines."""

import ast
import importlib.util
import sys

import pytest

from rproxy.deployment.slimming import slim

from ..conftest import REPOSITORY

pytestmark = pytest.mark.once
ENDPOINT = sorted((REPOSITORY / "endpoint").rglob("*.py"))
NAMES = [path.relative_to(REPOSITORY / "endpoint").as_posix() for path in ENDPOINT]


class Meaning(ast.NodeTransformer):
    """Leaves of a module what it does when it runs, but for what its types are called."""

    def __init__(self, tree: ast.Module) -> None:
        imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "typing"]
        self._typing = {alias.name for node in imports for alias in node.names}
        types = [part for node in ast.walk(tree) for part in self._types(node)]
        within = {id(part) for found in types for part in ast.walk(found)}
        named = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        self._only = {node.id for node in named if id(node) in within} - {
            node.id for node in named if id(node) not in within
        }

    def _types(self, node):
        """What a node has that is only for types."""
        if isinstance(node, ast.Assign) and self._names(node.value) & self._typing:
            return [node.value]
        return [part for part in (getattr(node, "annotation", None), getattr(node, "returns", None)) if part]

    @staticmethod
    def _names(tree):
        return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}

    def generic_visit(self, node):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if documented and ast.get_docstring(node) is not None:
            del node.body[0]
        if hasattr(node, "returns"):
            node.returns = None
        super().generic_visit(node)
        if documented:
            node.body = [one for one in node.body if not isinstance(one, ast.Pass)]
        return node

    def visit_arg(self, node):
        node.annotation = None
        return node

    def visit_AnnAssign(self, node):
        if node.value is None:
            return None
        return self.visit(ast.Assign([node.target], node.value))

    def visit_ImportFrom(self, node):
        node.names = [alias for alias in node.names if not (node.level and alias.name in self._only)]
        namedtuple = [alias.name for alias in node.names] == ["namedtuple"]
        return None if node.module == "typing" or namedtuple or not node.names else node

    def visit_Assign(self, node):
        names = self._names(node.value)
        only_named = "namedtuple" in names or names & self._typing or ast.unparse(node.value) == "None"
        return None if only_named else self.generic_visit(node)
        return self.generic_visit(node)


def meaning(source: bytes) -> str:
    tree = ast.parse(source)
    return ast.dump(Meaning(tree).visit(tree))


def places(source: bytes) -> dict[str, list[int]]:
    """The lines on which each name is used."""
    found: dict[str, list[int]] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute | ast.FunctionDef | ast.ClassDef):
            found.setdefault(getattr(node, "attr", None) or node.name, []).append(node.lineno)
    return found


@pytest.mark.parametrize("path", ENDPOINT, ids=NAMES)
def test_a_file_of_the_endpoint_means_the_same(path):
    source = path.read_bytes()
    assert meaning(slim(source)) == meaning(source)


@pytest.mark.parametrize("path", ENDPOINT, ids=NAMES)
def test_a_file_of_the_endpoint_keeps_its_lines(path):
    before, after = places(path.read_bytes()), places(slim(path.read_bytes()))
    assert all(set(lines) <= set(before[name]) for name, lines in after.items())


@pytest.mark.parametrize("path", ENDPOINT, ids=NAMES)
def test_a_file_of_the_endpoint_never_imports_typing(path):
    imported = {alias.name for node in ast.walk(ast.parse(slim(path.read_bytes()))) for alias in names_of(node)}
    assert not imported & {"typing", "Any", "NamedTuple"}


def names_of(node):
    return node.names if isinstance(node, ast.Import | ast.ImportFrom) else []


SAMPLE = b'''\
"""Documentation."""
from typing import Any, Dict, NamedTuple  # types

Table = Dict[str, Any]
Pair = NamedTuple("Pair", [
    ("left", int),  # a comment
    ("right", str),
])


class Thing:
    """Nothing but this."""


async def wait(x: "int", *rest: Any, y: str = "a # b", **more: Any) -> Dict[
    str, Any
]:
    """What it does,
    at length."""
    found: Table = {"#": x}
    text = """kept
        as it # is"""
    raise ValueError(found, text)  # here
'''


def test_what_is_only_to_be_read_goes():
    said = slim(SAMPLE).decode()
    assert said.splitlines()[:10] == [
        "", "from collections import namedtuple", "", "Table = None", 'Pair = namedtuple("Pair", "left right")', "", "",
        "", "", "",
    ]  # fmt: skip
    assert said.splitlines()[10:12] == ["class Thing:", " pass"]


IMPORTS = b"""\
from typing import List
from . import unused, registry
from .types import (
    Kind,
    Other as Another,
    make,
)
from .types import Kind as Alone
from json import JSONDecoder

Kinds = List[Kind]

def use(one: Kind, more: Kinds, decoder: JSONDecoder) -> Another:
    found: Alone = make(one)
    return found
"""


def test_imports_from_the_package_go_that_only_annotations_use():
    assert slim(IMPORTS).decode().splitlines() == [
        "", "from . import unused, registry", "from .types import make", "", "", "", "", "",
        "from json import JSONDecoder", "", "Kinds = None", "", "def use(one, more, decoder) :", " found = make(one)",
        " return found",
    ]  # fmt: skip


def test_texts_stay_as_they_are(tmp_path):
    path = tmp_path / "sample.py"
    path.write_bytes(slim(SAMPLE))
    spec = importlib.util.spec_from_file_location("sample", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(ValueError) as caught:
        module.wait(3).send(None)
    assert caught.value.args == ({"#": 3}, "kept\n        as it # is")
    assert (
        caught.traceback[-1].lineno + 1
        == SAMPLE.decode().splitlines().index("    raise ValueError(found, text)  # here") + 1
    )
    assert module.Pair(1, right="b") == (1, "b")
    assert sys.modules["typing"] not in vars(module).values()
