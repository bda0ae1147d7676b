"""SRemote's programs for NEWT, with another import and nothing else changed, against the double."""

import json
import os
import subprocess
import sys

import pytest

from ..conftest import REPOSITORY

pytestmark = pytest.mark.once

PROGRAMS = REPOSITORY / "examples" / "sremote"


@pytest.fixture
def run(newt):
    def run(name, password=None):
        places = newt.places
        environment = {**os.environ, "RPROXY_NEWT_URL": places["url"]}
        done = subprocess.run(
            [sys.executable, PROGRAMS / name, "edison", places["username"], password or places["password"]],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=110, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    return run


def test_a_program_deploys_itself_sets_a_variable_and_reads_it_back(run):
    assert run("newt_client.py") == ["myValue"]


def test_a_refused_login_is_false(run):
    assert run("newt_client.py", password="wrong") == ["Error in auth!"]
    assert run("newt_selfdiscovery.py", password="wrong") == ["Error in auth!"]


def test_without_a_file_of_its_own_the_endpoint_is_in_its_usual_place(run, newt):
    found, folder, endpoint = run("newt_selfdiscovery.py")
    assert (found, folder) == ("found: False", str(newt.home))
    assert endpoint.startswith(f"{newt.home}/.rproxy/")


def test_the_hosts_own_file_says_where_the_endpoint_is(run, newt, tmp_path):
    location = newt.home / ".sremote" / ".location"
    location.parent.mkdir(exist_ok=True)
    location.write_text(json.dumps({"sremote": str(tmp_path / "shared"), "absolute_tmp": str(tmp_path / "tmp")}))
    try:
        found, _, endpoint = run("newt_selfdiscovery.py")
    finally:
        location.unlink()
    assert found == "found: True"
    assert endpoint.startswith(f"{tmp_path}/shared/")
