"""Every file of examples/ runs as its reader would run it, and prints what it says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"

#: The whole output of each example. A new example needs an entry here.
PRINTED = {
    "quickstart.py": """\
another process: True
joined there: data/run1.csv
Python 3.6 or newer: True
a Fraction: 7/4
not found there: /no/such/file True
captured: 'printed there\\n'
inside the block: hello /
after the block: None
a live object: 10 11
lines of a file there: ['first\\n', 'second\\n']
a function from here: 14
do_remote_call: ('hosts', '')
""",
    "own_connector.py": """\
target: clean:// over commands
variables of this process are not there: None
bytes that came by a file: 3000000
objects cannot stay without a stream: True
""",
}


def run(example: str, home: Path) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "HOME": str(home)}
    environment.pop("GREETING", None)
    return subprocess.run(
        [sys.executable, str(EXAMPLES / example)], cwd=home, env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


def test_every_example_is_run_here():
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(PRINTED)


@pytest.mark.parametrize("example", sorted(PRINTED))
def test_an_example_prints_what_it_says(example, tmp_path):
    done = run(example, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, PRINTED[example], "")


@pytest.mark.parametrize("example", sorted(PRINTED))
def test_an_example_leaves_only_the_endpoint_behind(example, tmp_path):
    run(example, tmp_path)
    left = [path for path in (tmp_path / ".rproxy").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert left
    assert all(path.relative_to(tmp_path / ".rproxy").parts[0].startswith("endpoint-") for path in left)
