"""Every file of examples/ runs as its reader would run it, and prints what it says; so does the code in the README
and in docs/."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)

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
    "bare_protocol.py": """\
its Hello is of kind 1 and speaks protocol 1
it printed b'hi\\n'
kind 16 of call 1 {"~":["tuple",null]}
kind 17 of call 2 [Errno 2] No such file or directory: '/no/such/file'
""",
    "own_connector.py": """\
target: clean:// over commands
variables of this process are not there: None
bytes that came by a file: 3000000
objects cannot stay without a stream: True
""",
}


def run(script: Path, home: Path) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "HOME": str(home)}
    environment.pop("GREETING", None)
    return subprocess.run(
        [sys.executable, str(script)], cwd=home, env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


def test_every_example_is_run_here():
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(PRINTED)


@pytest.mark.parametrize("example", sorted(PRINTED))
def test_an_example_prints_what_it_says_and_leaves_only_the_endpoint_behind(example, tmp_path):
    done = run(EXAMPLES / example, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, PRINTED[example], "")
    left = [path for path in (tmp_path / ".rproxy").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert bool(left) == (example != "bare_protocol.py")  # which deploys nothing
    assert all(path.relative_to(tmp_path / ".rproxy").parts[0].startswith("endpoint-") for path in left)


def code_of(document: Path) -> str:
    return "\n".join(PYTHON.findall(document.read_text("utf-8")))


DOCUMENTS = [path for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))] if code_of(path)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_code_of_a_document_runs_and_prints_what_its_comments_say(document, tmp_path):
    code = code_of(document)
    script = tmp_path / "script.py"
    script.write_text(code, "utf-8")
    done = run(script, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    promised = re.findall(r"^ *print\(.*\)  # (.+)$", code, re.MULTILINE)
    assert [line for line in done.stdout.splitlines() if line in promised] == promised
