"""The house rules that a program can keep: sizes, the endpoint's old Python, skips that say what to install."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from .conftest import REPOSITORY, interpreters

pytestmark = pytest.mark.once

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
FOLDERS = ("rproxy", "endpoint", "tests", "benchmarks", "examples")
SOURCES = sorted(path for folder in FOLDERS for path in (REPOSITORY / folder).rglob("*.py"))
ENDPOINT = sorted((REPOSITORY / "endpoint").rglob("*.py"))
SCRIPTS = sorted((REPOSITORY / "rproxy" / "deployment" / "remote").glob("*.py"))


# -- sizes ---------------------------------------------------------------------------------------------


def too_long(name: str, source: str) -> Iterator[str]:
    """What exceeds a limit; a comment `# long: reason` on the line of its `def` excuses a function."""
    lines = source.splitlines()
    if len(lines) > LONGEST_FILE:
        yield f"{name} has {len(lines)} lines; split it by purpose"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = (node.end_lineno or 0) - node.lineno + 1
            if size > LONGEST_FUNCTION and "# long: " not in lines[node.lineno - 1]:
                yield f"{name}: {node.name} has {size} lines; make its parts functions"


def test_files_and_functions_fit_their_limits():
    found = [text for path in SOURCES for text in too_long(str(path.relative_to(REPOSITORY)), path.read_text("utf-8"))]
    assert found == []


LONG_FUNCTION = "def f():{comment}\n" + "    pass\n" * LONGEST_FUNCTION


def test_a_long_function_is_found():
    assert list(too_long("x.py", LONG_FUNCTION.format(comment=""))) == [
        "x.py: f has 61 lines; make its parts functions"
    ]


def test_a_reason_excuses_a_long_function():
    assert list(too_long("x.py", LONG_FUNCTION.format(comment="  # long: a table"))) == []


def test_a_long_file_is_found():
    assert list(too_long("x.py", "pass\n" * 401)) == ["x.py has 401 lines; split it by purpose"]


# -- Python 3.6 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ENDPOINT + SCRIPTS, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_the_endpoint_is_written_in_the_grammar_of_3_6(path):
    assert ast.parse(path.read_text("utf-8"), feature_version=(3, 6)).body is not None


def test_a_newer_grammar_is_found():
    with pytest.raises(SyntaxError):
        ast.parse("if (n := 3): pass", feature_version=(3, 6))


def test_a_real_python_3_6_compiles_the_endpoint():
    python = interpreters().get((3, 6))
    if python is None:
        pytest.skip("install Python 3.6, for example by `pyenv install 3.6.15`")
    code = "import sys\nfor path in sys.argv[1:]: compile(open(path, encoding='utf-8').read(), path, 'exec')"
    paths = [str(path) for path in ENDPOINT + SCRIPTS]
    done = subprocess.run([python, "-c", code, *paths], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


# -- skips ---------------------------------------------------------------------------------------------


def run_pytest(folder, source: str, ci: str) -> str:
    """What pytest prints for a test file that is judged by our conftest."""
    (folder / "test_given.py").write_text("import pytest\n" + source)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "-rA", str(folder)]
    environment = {**os.environ, "CI": ci}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    return done.stdout + done.stderr


def test_in_ci_a_skip_is_a_failure_that_names_what_is_missing(tmp_path):
    said = run_pytest(tmp_path, "def test_it(): pytest.skip('install sshd')", ci="true")
    assert "CI must have what this test needs, and has not: install sshd" in said
    assert "1 failed" in said and "skipped" not in said


def test_in_ci_a_skipped_file_is_an_error(tmp_path):
    said = run_pytest(tmp_path, "pytest.importorskip('no_such_module', reason='install no_such_module')", ci="true")
    assert "CI must have what this file needs, and has not: install no_such_module" in said
    assert "1 error" in said


def test_elsewhere_a_skip_may_say_what_to_install(tmp_path):
    said = run_pytest(tmp_path, "def test_it(): pytest.skip('install sshd')", ci="")
    assert "1 skipped" in said


def test_elsewhere_a_skip_that_does_not_say_what_to_install_is_a_failure(tmp_path):
    said = run_pytest(tmp_path, "def test_it(): pytest.skip('not here')", ci="")
    assert "a skip says in one line what to install" in said
    assert "1 failed" in said


def test_in_ci_an_expected_failure_stays_one(tmp_path):
    said = run_pytest(tmp_path, "@pytest.mark.xfail\ndef test_it(): assert False", ci="true")
    assert "1 xfailed" in said
