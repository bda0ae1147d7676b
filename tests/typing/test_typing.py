"""The types of the API are a contract: mypy and pyright, both strict, find right what is right, and nothing else."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ..conftest import REPOSITORY

pytestmark = pytest.mark.once

HERE = Path(__file__).parent
BOTH = ["uses.py", "mistakes.py", "imported.py"]


def run(tool, *arguments, cwd):
    pytest.importorskip(tool, reason=f"install {tool}, for example by `pip install rproxy-remote[test]`")
    # pyright looks for the package in the environment whose Python comes first.
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path}
    return subprocess.run(
        [sys.executable, "-m", tool, *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def mypy(tmp_path_factory):
    """(file, line) of each error that mypy finds."""
    folder = tmp_path_factory.mktemp("mypy")
    files = [str(HERE / name) for name in BOTH]
    # Without rproxy's own settings: it is as it is for users.
    done = run("mypy", "--strict", "--config-file=", "--warn-unreachable", "--no-error-summary", *files, cwd=folder)
    assert done.stderr == ""
    found = re.findall(r"^(?:.*/)?(\w+\.py):(\d+): error:", done.stdout, re.MULTILINE)
    return {(name, int(line)) for name, line in found}, done.stdout


@pytest.fixture(scope="module")
def pyright(tmp_path_factory):
    """(file, line) of each error that pyright finds."""
    files = [str(HERE / name) for name in [*BOTH, "modules.py"]]
    folder = tmp_path_factory.mktemp("pyright")
    done = run("pyright", "--outputjson", "--pythonpath", sys.executable, *files, cwd=folder)
    told = json.loads(done.stdout)["generalDiagnostics"]
    return {(Path(one["file"]).name, one["range"]["start"]["line"] + 1) for one in told}, done.stdout


def marked(*names):
    """(file, line) of each line that is marked as an error."""
    lines = [(name, number, text) for name in names for number, text in numbered(name)]
    return {(name, number) for name, number, text in lines if text.endswith("# error")}


def numbered(name):
    return enumerate((HERE / name).read_text("utf-8").splitlines(), 1)


def test_mypy_finds_the_mistakes_and_nothing_else(mypy):
    found, text = mypy
    assert found == marked(*BOTH), text


def test_pyright_finds_the_mistakes_and_nothing_else(pyright):
    found, text = pyright
    assert found == marked(*BOTH, "modules.py"), text


def test_every_public_name_has_its_types_written_down():
    done = run("pyright", "--verifytypes", "rproxy", "--ignoreexternal", "--outputjson", cwd=REPOSITORY)
    symbols = json.loads(done.stdout)["typeCompleteness"]["symbols"]
    public = [one for one in symbols if is_public(one["name"])]
    assert {"rproxy.client.RemoteClient.call", "rproxy.connectors.base.Connector.run"} <= {
        one["name"] for one in public
    }
    # "Partially unknown" is what refers to a private class, whose own attributes may be inferred.
    told = {one["name"]: [found["message"] for found in one["diagnostics"]] for one in public}
    unknown = [name for name, why in told.items() if any("partially unknown" not in message for message in why)]
    assert unknown == []


#: What users import, or get from what they import.
PUBLIC = (
    "aio awaiting client host connectors.base errors lending.local staying.fetch staying.keep staying.release testing"
).split()


def is_public(name):
    inside = any(name == f"rproxy.{public}" or name.startswith(f"rproxy.{public}.") for public in PUBLIC)
    return inside and not any(part.startswith("_") and not part.endswith("__") for part in name.split("."))
