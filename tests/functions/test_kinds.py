"""Every kind of function, of a program's `__main__`, on far sides of other versions and of the same one."""

import functools
import json
import sys

import pytest

from ..conftest import REPOSITORY
from . import program
from .conftest import FAR_VERSIONS, far_python, name_of, run_program

EXPECTED = {
    "plain": [1, 3, [4], 5, {"d": 6}],
    "defaults": [1, 2, [], 7, {}],
    "a function that uses another": 16,
    "recursion": 120,
    "mutual recursion": False,
    "lru_cache": 12586269025,
    "a decorated function": "HELLO YOU!",
    "its documentation": ["greet", "Says hello."],
    "a generic function": ["number 7", ["list of list of number 7", "other"]],
    "a context manager": 5,
    "attributes named like globals": 3,
    "a submodule": "a",
    "imports inside": "01/x",
    "a global that it changes": [8, 8, 7],
    "a global that two share": [[1, 2, 9], [1, 2]],
    "a generator": [0, 1, 2],
    "a coroutine function": [6],
    "annotations": 4,
    "lambdas of one line": [20, 30, 17],
    "a lambda of some lines": 3,
    "a lambda with lambdas as defaults": 11,
    "a keyword-only lambda": 6,
    "nested functions": 13,
    "a shared variable": [1, 2, 2],
    "a method": 37,
    "a method that uses super": "thing of base",
    "a class method": 8,
    "a bound class method": 57,
    "a static method": 2.5,
    "a class in a class": "part",
    "operators of an instance": 3,
    "an enumeration": ["LOW", True],
    "a named tuple": 2,
    "methods of a named tuple": [9, 10],
    "the class of a named tuple": True,
    "a class of a function": 11,
    "a generic class": 3,
    "an abstract class and slots": 9,
    "partial": [1, 3, [], 2, {}],
    "a closure over a module": 2,
    "a closure over data": 3,
    "a logger": "program",
    "a path": "/a/b",
    "a function as an argument": [3, 2, 1],
    "functions in containers": 8,
    "decorated by the client": [4, 3],
    "the globals of __main__": "__main__",
    "the builtins": [1, [1, 2]],
    "a dataclass": [3, True, "Point(x=3, y=2)"],
    "a generator that stays": [0, 1, 2],
    "a class in two calls": True,
    "a function that comes back": 8,
}


@functools.cache
def outcome(version: tuple[int, int], channel: str) -> dict:
    """What came of all the kinds: one program for all of them."""
    path = REPOSITORY / "tests" / "functions" / "program.py"
    return json.loads(run_program(str(path), far_python(version), channel))


@pytest.mark.parametrize("kind", [*program.CASES, *program.LASTING])
@pytest.mark.parametrize("version", FAR_VERSIONS, ids=name_of)
def test_a_function_runs_there(version, kind):
    assert outcome(version, "stream")[kind] == EXPECTED[kind]


@pytest.mark.parametrize("version", FAR_VERSIONS, ids=name_of)
def test_a_dataclass_goes_there_from_python_3_7_on(version):
    found = outcome(version, "stream")["a dataclass"]
    if version == (3, 6):
        assert "No module named 'dataclasses'" in found and "the far side is Python 3.6" in found
    else:
        assert found == EXPECTED["a dataclass"]


@pytest.mark.parametrize("version", FAR_VERSIONS, ids=name_of)
def test_functions_that_go_together_share_a_variable_by_source_and_have_copies_by_value(version):
    copies = version == sys.version_info[:2]
    assert outcome(version, "stream")["a shared variable"] == ([1, 2, 0] if copies else EXPECTED["a shared variable"])


@pytest.mark.parametrize("version", FAR_VERSIONS, ids=name_of)
def test_a_class_that_its_decorator_keeps_goes_by_value_only(version):
    found = outcome(version, "stream")["a class that its decorator keeps"]
    if version == sys.version_info[:2]:
        assert found == ["Plugin"]
    else:
        assert "already holds it. Put it into a module of your own" in found
        assert f"Python {name_of(version)}" in found and f"Python {name_of(sys.version_info[:2])}" in found


@pytest.mark.once
@pytest.mark.parametrize("kind", [*program.CASES])
def test_a_function_runs_there_by_a_command(kind):
    assert outcome((3, 6), "command")[kind] == EXPECTED[kind]
