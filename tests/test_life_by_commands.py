"""Calls over commands: what a client asks of its connector, and what becomes of the files."""

import os
import shutil
import stat

import pytest

import rproxy
from rproxy.connectors.local import LocalConnector
from rproxy.deployment.bundle import bundle

from .conftest import connect_over

pytestmark = pytest.mark.once


@pytest.fixture
def root(tmp_path):
    return tmp_path / "rproxy root"


class Counting(rproxy.Connector):
    """Counts what a client asks of a connector, and looks at its folder in between."""

    def __init__(self, inner):
        self.inner, self.asked, self.modes = inner, [], set()
        self.target, self.python = inner.target, inner.python
        self.file_patience = 0.2

    def run(self, command, *, input=b"", timeout=None):
        self.asked.append("run")
        assert len(command.encode()) <= self.command_limit
        return self.inner.run(command, input=input, timeout=timeout)

    def push(self, local, remote):
        self.asked.append("push")
        self.modes.add(stat.S_IMODE(os.stat(os.path.dirname(remote)).st_mode))
        self.inner.push(local, remote)

    def pull(self, remote, local):
        self.asked.append("pull")
        self.inner.pull(remote, local)

    def count(self, function):
        self.asked.clear()
        function()
        return self.asked


@pytest.fixture
def counting(root):
    connector = Counting(LocalConnector())
    client = rproxy.RemoteClient(connector, endpoint_dir=str(root))
    yield connector, client, root / "tmp"
    client.close()
    assert list((root / "tmp").iterdir()) == []


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_small_call_is_one_run_and_no_file(counting):
    connector, client, folder = counting
    module = client.module("os")
    assert connector.count(lambda: module.path.join("a", "b")) == ["run"]
    assert connector.count(lambda: client.do_remote_call("os", "getpid")) == ["run"]
    assert files_in(folder) == []


def test_a_large_request_adds_a_push_and_a_large_answer_a_pull(counting):
    connector, client, folder = counting
    zlib, builtins = client.module("zlib"), client.module("builtins")
    assert connector.count(lambda: zlib.crc32(bytes(10**6))) == ["push", "run"]
    assert connector.count(lambda: builtins.bytes(10**7)) == ["run", "pull"]
    assert connector.count(lambda: client.module("copy").copy(bytes(10**7))) == ["run", "push", "run", "pull"]
    client.ping()
    assert files_in(folder) == []
    assert connector.modes == {0o700}


def test_large_output_is_pulled_too(counting):
    connector, client, _ = counting
    with client.capture() as out:
        assert connector.count(lambda: client.call(print, "x" * 10**7))[-2:] == ["run", "pull"]
    assert len(out.text) == 10**7 + 1


def test_names_of_files_cannot_be_guessed(counting):
    connector, client, folder = counting
    seen = []
    connector.push = lambda local, remote: (seen.append(remote), connector.inner.push(local, remote))
    for _ in range(2):
        client.module("zlib").crc32(bytes(10**6))
    assert len({os.path.basename(path) for path in seen}) == 2
    assert all(len(os.path.basename(path)) >= len("request-") + 16 for path in seen)
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o700]


def test_files_go_after_failures_too(counting):
    connector, client, folder = counting
    with pytest.raises(ZeroDivisionError):
        client.call(lambda data: 1 / 0, bytes(10**6))
    with pytest.raises(rproxy.ConnectionLost):
        client.call(lambda data: __import__("os")._exit(3), bytes(10**6))
    assert files_in(folder) == []

    def refuse(remote, local):
        raise rproxy.ConnectorError("the link is down")

    connector.pull = refuse
    with pytest.raises(rproxy.ConnectorError, match="the link is down"):
        client.module("builtins").bytes(10**7)
    client.ping()
    assert files_in(folder) == []


def test_an_answer_that_is_cut_off_is_a_lost_connection(counting):
    connector, client, _ = counting
    module = client.module("os")
    run = connector.inner.run
    for keep in (0, 10, 40, 60, -1):
        connector.inner.run = lambda *a, keep=keep, **k: (done := run(*a, **k))._replace(stdout=done.stdout[:keep])
        with pytest.raises(rproxy.ConnectionLost, match="is unknown"):
            module.path.join("a", "b")
    connector.inner.run = run
    assert module.path.join("a", "b") == "a/b"


def test_text_only_services_get_text(root):
    class TextOnly(Counting):
        text_only = True

        def run(self, command, *, input=b"", timeout=None):
            done = super().run(command, input=input, timeout=timeout)
            return done._replace(stdout=done.stdout.decode("ascii").strip().encode() + b"\r\n")

    with rproxy.RemoteClient(TextOnly(LocalConnector()), endpoint_dir=str(root)) as client:
        assert client.module("builtins").bytes(range(256)) == bytes(range(256))


def test_an_endpoint_that_was_removed_meanwhile_is_deployed_again(counting, root):
    _, client, _ = counting
    shutil.rmtree(root / bundle().name)
    assert client.module("os").path.join("a", "b") == "a/b"
    assert (root / bundle().name).is_dir()


def test_an_endpoint_that_was_removed_and_may_not_be_deployed_did_not_run_the_call(counting, root):
    with connect_over("command", endpoint_dir=str(root), deploy=False) as client:
        shutil.rmtree(root / bundle().name)
        with pytest.raises(rproxy.RemoteNotSetupError, match="did not run"):
            client.ping()
