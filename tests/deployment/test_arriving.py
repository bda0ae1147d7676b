"""The rest of the endpoint, which comes to a host when it is first needed there."""

import inspect
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import rproxy
from rproxy.connectors.local import LocalConnector
from rproxy.deployment.bundle import REST, bundle
from rproxy_endpoint import greeting
from rproxy_endpoint.protocol.peer import Peer
from rproxy_endpoint.protocol.values import Side

from ..conftest import connect_over
from ..ssh.sshd import wait_for

pytestmark = pytest.mark.once


@pytest.fixture
def root(tmp_path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def rest(root) -> Path:
    """Where it goes."""
    return root / bundle().name / REST


class Weighed(LocalConnector):
    """Counts what is sent."""

    sent = 0

    def open(self, command):
        stream = super().open(command)
        write = stream.write

        def weigh(pieces):
            self.sent += sum(len(memoryview(piece).cast("B")) for piece in pieces)
            write(pieces)

        stream.write = weigh
        return stream


def test_a_fresh_host_is_sent_24_kb_for_a_session_and_a_first_call(root, rest):
    connector = Weighed()
    with rproxy.connect(connector, endpoint_dir=str(root)) as client:
        assert client.module("os").path.join("a", "b") == "a/b"
        assert len(bundle().packed) < connector.sent < 24_000
        assert not rest.exists()


def test_an_endpoint_starts_without_what_is_slow_to_import(root):
    rproxy.connect(endpoint_dir=str(root)).close()
    code = f"import sys; sys.path.insert(0, {str(root / bundle().name)!r}); from rproxy_endpoint import serve"
    slow = {"asyncio", "concurrent", "contextlib", "enum", "inspect", "json", "pickle", "re", "signal", "typing"}
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"{code}; print(*({slow} & sys.modules.keys()))"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.split() == []


def test_an_endpoint_says_its_hello_before_it_loads_what_it_serves_with(root):
    rproxy.connect(endpoint_dir=str(root)).close()
    code = f"import sys; sys.path.insert(0, {str(root / bundle().name)!r})"
    code += "; from rproxy_endpoint import greeting, holding"
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"{code}; print(*(name for name in sys.modules if 'rproxy' in name))"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    protocol = {f"rproxy_endpoint.protocol.{name}" for name in ("errors", "frames", "jsontext", "memory", "plain")}
    whole = {"rproxy_endpoint", "rproxy_endpoint.greeting", "rproxy_endpoint.holding", "rproxy_endpoint.protocol"}
    assert set(done.stdout.split()) == protocol | whole


@pytest.mark.parametrize("name", ["", "/opt/a b/python", "/opt/\u00fc/python", "/opt/\udcff/python", '/"\\/python'])
def test_the_hello_is_that_of_a_peer(name, monkeypatch):
    monkeypatch.setattr(sys, "executable", name)
    assert greeting.hello() == b"".join(Peer("endpoint", Side()).greet(greeting.facts()))


def test_the_first_session_has_it_compiled_for_the_next(root):
    compiled = root / bundle().name / "rproxy_endpoint" / "__pycache__"
    with rproxy.connect(endpoint_dir=str(root)):
        wait_for(lambda: list(compiled.glob("serve.*.pyc")))
        assert len(list(compiled.glob("serve.*.pyc"))) == 1


def test_a_host_that_has_the_endpoint_is_sent_a_kilobyte(root):
    rproxy.connect(endpoint_dir=str(root)).close()
    connector = Weighed()
    with rproxy.connect(connector, endpoint_dir=str(root)) as client:
        assert client.module("os").path.join("a", "b") == "a/b"
        assert connector.sent < 1000


def test_what_needs_the_rest_brings_it(root, rest):
    with rproxy.connect(endpoint_dir=str(root)) as client:
        assert client.module("os").getpid() and not rest.exists()
        assert client.has_module("json")
        assert (rest / "contents").exists()


def test_help_brings_it(root, rest):
    with rproxy.connect(endpoint_dir=str(root)) as client:
        getenv = client.module("os").getenv
        assert not rest.exists()
        assert str(inspect.signature(getenv)) == "(key, default=None)"
        assert (rest / "contents").exists()


def test_it_comes_once_to_a_host(root):
    sizes = []
    for _ in range(2):
        connector = Weighed()
        with rproxy.connect(connector, endpoint_dir=str(root)) as client:
            before = connector.sent
            assert client.has_module("json")
            sizes.append(connector.sent - before)
    assert sizes[0] > len(bundle().rest) > sizes[1]


def test_a_session_of_json_begins_with_all_of_it(root, rest):
    with rproxy.connect(endpoint_dir=str(root), serializer="json") as client:
        assert (rest / "contents").exists()
        assert client.has_module("json")


def test_a_session_of_json_has_all_of_it_where_nothing_can_be_written():
    with rproxy.connect(endpoint_dir="/proc/no", serializer="json") as client:
        assert client.info().endpoint == "memory"


def test_a_function_that_lends_an_object_brings_it(root, rest):
    with rproxy.connect(endpoint_dir=str(root)) as client:
        assert client.call(lambda items: sum(items), rproxy.local([1, 2, 3])) == 6
    assert (rest / "contents").exists()


def test_an_answer_can_bring_it(root, rest):
    with rproxy.connect(endpoint_dir=str(root)) as client:
        when = client.module("datetime").date(2024, 2, 29)
        assert (when.year, when.day) == (2024, 29)
    assert (rest / "contents").exists()


def test_sessions_that_need_it_at_once_do_no_harm(root, rest):
    clients = [rproxy.connect(endpoint_dir=str(root)) for _ in range(4)]
    found = []
    threads = [
        threading.Thread(target=lambda client=client: found.append(client.has_module("json"))) for client in clients
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        client.close()
    assert found == [True] * 4
    assert sorted(path.name for path in rest.parent.iterdir() if path.name.startswith((".", "rest"))) == ["rest"]


def test_threads_of_a_call_that_need_it_at_once_get_it(root):
    with rproxy.connect(endpoint_dir=str(root)) as client:
        assert client.call(imported_by_threads) == ["lent", "lent"]


def imported_by_threads():
    import importlib
    from concurrent.futures import ThreadPoolExecutor

    def one(name):
        return importlib.import_module(name).__name__.rpartition(".")[2]

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(one, ["rproxy_endpoint.lent"] * 2))


def test_where_it_cannot_be_written_it_is_for_the_session_alone(root, rest):
    rproxy.connect(endpoint_dir=str(root)).close()
    with rproxy.connect(endpoint_dir=str(root)) as client:
        rest.symlink_to("/proc/no/such/place")
        assert client.has_module("json")
    assert rest.is_symlink()


def test_commands_have_all_of_it_from_the_start(root, rest):
    with connect_over("command", endpoint_dir=str(root)) as client:
        assert client.has_module("json")
    assert (rest / "contents").exists()


def test_commands_mend_what_a_session_has_left_out(root, rest):
    rproxy.connect(endpoint_dir=str(root)).close()
    assert not rest.exists()
    with connect_over("command", endpoint_dir=str(root)) as client:
        assert client.has_module("json")


def test_with_deploy_false_all_of_it_must_be_there(root):
    rproxy.connect(endpoint_dir=str(root)).close()
    with pytest.raises(rproxy.RemoteNotSetupError, match="deploy=False"):
        rproxy.connect(endpoint_dir=str(root), deploy=False)


def test_what_is_nowhere_is_still_no_module(root):
    with rproxy.connect(endpoint_dir=str(root)) as client, pytest.raises(ModuleNotFoundError):
        client.module("rproxy_endpoint.nothing")
