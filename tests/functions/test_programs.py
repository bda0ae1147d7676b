"""Programs that are run as modules: `python -m package.module`."""

import json

import pytest

from .conftest import FAR_VERSIONS, far_python, name_of, run_program

RUN = """
import json, sys
import rproxy
from . import helpers

def relative(number):
    from .deeper import thrice
    return helpers.twice(number) + thrice(number)

with rproxy.connect(python=sys.argv[1]) as client:
    print(json.dumps([client.call(relative, 1), client.call(lambda: helpers.twice(4)), client.call(helpers.twice, 5)]))
"""


@pytest.mark.parametrize("version", FAR_VERSIONS, ids=name_of)
def test_relative_imports_of_a_program_work_there(version, tmp_path, monkeypatch):
    folder = tmp_path / "ownprogram"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "helpers.py").write_text("def twice(number): return number * 2\n")
    (folder / "deeper.py").write_text("def thrice(number): return number * 3\n")
    (folder / "run.py").write_text(RUN)
    start = f"import runpy, sys; sys.path.insert(0, {str(tmp_path)!r}); runpy._run_module_as_main('ownprogram.run')"
    assert json.loads(run_program("-c", start, far_python(version))) == [5, 8, 10]


COMMAND = """
import json, sys
import rproxy

OFFSET = 3
def shifted(number): return twice(number) + OFFSET
def twice(number): return 2 * number
class Thing:
    def offset(self): return OFFSET
class Bare: pass

with rproxy.connect(python=sys.argv[1]) as client:
    functions = [lambda: 1, lambda: OFFSET]
    found = [client.call(shifted, 1), *map(client.call, functions), client.call(Thing().offset)]
    print(json.dumps([*found, client.call(lambda: Bare.__name__)]))
"""


@pytest.mark.parametrize("option", ["-c", "-Bc"])
@pytest.mark.parametrize("version", FAR_VERSIONS, ids=name_of)
def test_what_a_command_line_defines_runs_there(version, option):
    assert json.loads(run_program(option, COMMAND, far_python(version))) == [5, 1, 3, 3, "Bare"]


TRUSTING = """
import json, sys
import rproxy

class Wrong(Exception): pass
class Worse(Wrong, KeyError): pass
def fail(): raise Worse(1)
class Thing:
    def __init__(self, size): self.size = size

with rproxy.connect(python=sys.argv[1], trust=["__main__"]) as client:
    try:
        client.call(fail)
    except Wrong as error:
        print(json.dumps([isinstance(error, Worse), error.args, rproxy.fetch(client.call(Thing, 5)).size]))
"""


@pytest.mark.parametrize("version", FAR_VERSIONS, ids=name_of)
def test_a_program_that_trusts_itself_catches_its_own_exceptions_and_fetches_its_own_instances(version):
    assert json.loads(run_program("-c", TRUSTING, far_python(version))) == [True, [1], 5]


DISPATCHING = """
import functools, json, sys
import rproxy

class Kinds:
    @functools.singledispatchmethod
    def of(self, value): return "other"
    @of.register(int)
    def _(self, value): return "number"

with rproxy.connect(python=sys.argv[1]) as client:
    print(json.dumps(client.call(lambda kinds: [kinds.of(1), kinds.of("")], Kinds())))
"""


@pytest.mark.parametrize("version", [version for version in FAR_VERSIONS if version >= (3, 8)], ids=name_of)
def test_methods_of_singledispatchmethod_go_with_their_instance(version):
    assert json.loads(run_program("-c", DISPATCHING, far_python(version))) == ["number", "other"]
