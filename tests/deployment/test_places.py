"""Hosts that can hardly be written to, or not at all: the endpoint runs there all the same."""

import os
import stat
import subprocess

import pytest

import rproxy
from rproxy.deployment.bundle import bundle
from rproxy.testing import command_only

from ..conftest import interpreters
from .box import HOME
from .test_deploying import works

pytestmark = pytest.mark.once


# -- hosts that cannot be written to -------------------------------------------------------------------


def test_a_read_only_home_costs_nothing_but_the_deployment(box, connect, over):
    box.interpreter("python3")
    box.home_mount = ["--ro-bind", str(box.home), HOME]
    client = connect()
    assert works(client)
    assert (client.info().endpoint == "memory") == (over == "stream")
    client.close()
    assert os.listdir(box.home) == []


def test_a_full_home_costs_nothing_but_the_deployment(box, connect, over):
    box.interpreter("python3")
    box.home_mount = ["--size", "16384", "--tmpfs", HOME]
    client = connect()
    assert works(client)
    assert (client.info().endpoint == "memory") == (over == "stream")


def test_a_disk_that_becomes_full_keeps_no_piece_of_a_deployment(box):
    box.interpreter("python3")
    box.home_mount = ["--size", "65536", "--tmpfs", HOME]
    with rproxy.connect(box.connector()) as client:
        assert client.info().endpoint == "memory"
        assert client.module("os").listdir(f"{HOME}/.rproxy") == []


def test_without_a_place_for_temporary_files_a_session_runs(box):
    box.interpreter("python3")
    box.mounts += ["--remount-ro", "/tmp", "--remount-ro", "/dev"]
    box.home_mount = ["--ro-bind", str(box.home), HOME]
    with rproxy.connect(box.connector()) as client:
        assert works(client)
        assert client.info().endpoint == "memory"


def test_commands_on_a_host_without_any_place_say_what_was_tried_and_what_to_name(box):
    box.interpreter("python3")
    box.mounts += ["--remount-ro", "/tmp", "--remount-ro", "/dev"]
    box.home_mount = ["--ro-bind", str(box.home), HOME]
    with pytest.raises(rproxy.RemoteNotSetupError, match=r"(?s)nothing can be written on box://.*\.rproxy.*tmp_dir="):
        rproxy.connect(command_only(box.connector()))


def test_a_resident_endpoint_without_a_private_place_is_refused_at_once(box):
    box.interpreter("python3")
    box.user = ["--unshare-user", "--uid", "4321", "--gid", "4321"]
    options = {"setup": "mkdir -p -m 755 /tmp/rproxy-4321", "tmp_dir": f"{HOME}/tmp", "resident": True}
    with pytest.raises(rproxy.RemoteNotSetupError, match=r"(?s)nothing has run.*/tmp/rproxy-4321 must be .* mode 0700"):
        rproxy.connect(command_only(box.connector()), **options)


def test_a_host_that_knows_no_home_costs_nothing_but_the_deployment(box, connect, over):
    box.interpreter("python3")
    box.env["HOME"], box.user = None, ["--unshare-user", "--uid", "4321", "--gid", "4321"]
    client = connect()
    assert (client.info().endpoint == "memory") == (over == "stream")
    assert not client.module("os").path.exists("/~")
    assert client.module("os").getenv("HOME") is None


@pytest.mark.parametrize("home", [None, ""], ids=["unset", "empty"])
def test_without_home_the_systems_word_is_taken(box, connect, home):
    box.interpreter("python3")
    box.env["HOME"] = home
    own = os.path.expanduser("~" + subprocess.check_output(["id", "-un"], text=True).strip())
    box.mounts += ["--bind", str(box.home), own]
    client = connect(python="~/../opt/bin/python3" if home is None and os.path.dirname(own) == "/" else None)
    assert client.info().endpoint == f"{own}/.rproxy/{bundle().name}"


@pytest.mark.parametrize("mask", ["077", "000"])
def test_whatever_the_umask_the_endpoint_is_private_and_can_be_read(box, connect, mask):
    box.interpreter("python3")
    box.before = f"umask {mask}"
    client = connect()
    assert works(client)
    assert client.module("os").umask(0) == int(mask, 8)
    folder = box.home / ".rproxy"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / bundle().name)] == [0o700, 0o700]
    for path in (folder / bundle().name).rglob("*.py"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("over", ["stream"], indirect=True)
def test_without_tmp_at_all_nothing_is_missed(box, connect):
    box.interpreter("python3")
    box.tmp_mount = []
    client = connect()
    assert client.info().endpoint == f"{HOME}/.rproxy/{bundle().name}"
    assert not client.module("os").path.exists("/tmp")


@pytest.mark.parametrize("folder", ["/tmp", HOME])
def test_folders_from_which_nothing_may_be_executed_will_do(box, folder):
    box.interpreter("python3")
    box.without_executing_from(folder)
    with rproxy.connect(box.connector()) as client:
        box.program("script", "exit 0", box.home if folder == HOME else box.tmp)
        assert client.module("os").access(f"{folder}/script", os.X_OK) is False
        assert client.info().endpoint == f"{HOME}/.rproxy/{bundle().name}"


# -- from memory ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", interpreters(), ids=lambda version: f"{version[0]}.{version[1]}")
def test_every_python_runs_the_endpoint_from_memory(version):
    with rproxy.connect(python=interpreters()[version], endpoint_dir="/proc/no") as client:
        assert works(client)
        assert client.info().endpoint == "memory"
        assert list(client.module("builtins").map(str.upper, ["a"])) == ["A"]


def test_tracebacks_of_an_endpoint_in_memory_show_its_source():
    with rproxy.connect(endpoint_dir="/proc/no") as client:
        text = client.call(traceback_of_the_endpoint)
    assert 'File "<memory>/rproxy_endpoint/facts.py"' in text
    assert "module = importlib.import_module(name)" in text


def traceback_of_the_endpoint():
    import traceback

    from rproxy_endpoint import facts

    try:
        facts.version(5)
    except AttributeError:
        return traceback.format_exc()


def test_tracebacks_of_calls_are_the_same_from_memory(far_module):
    name = far_module("failing", "def fail():\n    raise ValueError('x')\n")
    told = []
    for root in ("/proc/no", None):
        with rproxy.connect(endpoint_dir=root) as client, pytest.raises(ValueError) as caught:
            client.module(name).fail()
        told.append(caught.value.remote_traceback)
    assert told[0] == told[1]
    assert "raise ValueError('x')" in told[0]
