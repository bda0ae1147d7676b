"""Functions and classes of notebook cells, which have no file."""

import json

import pytest

from .conftest import FAR_VERSIONS, far_python, name_of, run_program

pytest.importorskip("IPython", reason="install ipython")
pytestmark = pytest.mark.once

CELLS = [
    "import enum, json, rproxy\nOFFSET = 5\ndef shifted(x): return x + OFFSET\n",
    "class Level(enum.Enum):\n    LOW = 1\n    HIGH = 2\n",
    "class Thing:\n    def size(self): return shifted(2)\n",
    "def again(): return 'old'\n",
    "def again(): return 'new'\n",
]
LAST = """
with rproxy.connect(python={python!r}) as client:
    found = [
        client.call(shifted, 1),
        client.call(lambda x: shifted(x) * 2, 1),
        client.call(lambda level: level.name, Level.HIGH),
        client.call(Thing().size),
        client.call(again),
    ]
print("FOUND", json.dumps(found))
"""
PROGRAM = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in json.loads(sys.argv[1]):
    shell.run_cell(cell).raise_error()
"""


@pytest.mark.parametrize("version", FAR_VERSIONS, ids=name_of)
def test_what_cells_define_runs_there(version):
    cells = [*CELLS, LAST.format(python=far_python(version))]
    printed = run_program("-c", PROGRAM, json.dumps(cells))
    assert json.loads(printed.rpartition("FOUND")[2]) == [6, 12, "HIGH", 7, "new"]
