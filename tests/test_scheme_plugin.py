"""examples/scheme_plugin, as its reader would use it: installed by pip, it adds a scheme."""

import os
import shutil
import subprocess
import sys

import pytest

from .conftest import REPOSITORY

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """`run(code)` runs Python where the example is installed, and gives what it ended as."""
    folder = tmp_path_factory.mktemp("plugin")
    source = shutil.copytree(REPOSITORY / "examples/scheme_plugin", folder / "source")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder / "site", source]
    done = subprocess.run(list(map(str, pip)), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    path = os.pathsep.join([str(folder / "site"), *filter(None, [os.environ.get("PYTHONPATH")])])

    def run(code: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", "import os, sys, rproxy\n" + code]
        return subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)

    return run


def test_an_installed_distribution_adds_its_scheme(run):
    done = run(
        "with rproxy.connect('nice://7') as client:\n"
        "    print(client.module('os').nice(0) - os.nice(0), client.info().target, client.info().channel)"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "7 nice://7 stream\n", "")


def test_its_module_is_loaded_only_when_the_scheme_is_used(run):
    done = run(
        "with rproxy.connect(): print('rproxy_nice' in sys.modules)\n"
        "with rproxy.connect('nice://0'): print('rproxy_nice' in sys.modules)"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\nTrue\n", "")


def test_what_it_refuses_is_told_as_it_says(run):
    assert (
        "ValueError: write nice://LEVEL with a level from 0 to 19, not 'nice://me'"
        in run("rproxy.connect('nice://me')").stderr
    )
    assert "unexpected keyword argument 'idel_disk'" in run("rproxy.connect('nice://7', idel_disk=True)").stderr


def test_a_misspelt_scheme_names_it_among_what_there_is(run):
    assert "unknown scheme 'nicer'; did you mean 'nice'?" in run("rproxy.connect('nicer://7')").stderr


def test_its_connector_keeps_the_contract_of_connectors(run):
    done = run(
        "from rproxy.targets import connector_for\n"
        "from rproxy.testing import check_connector\n"
        "print(len(check_connector(connector_for('nice://7', {}))) >= 29)"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")
