"""The command channel over connectors that lose, cut, delay, double and mix up what they carry.

Rules: a call returns its right value or raises; whatever happens to its answer, it has run at most once; what it
left behind goes with the next one.
"""

import os
import re
import subprocess
import sys
import threading
import time

import pytest

import rproxy
from rproxy.connectors.local import LocalConnector
from rproxy.testing import command_only

from .conftest import HOME

pytestmark = pytest.mark.once


class Service(rproxy.Connector):
    """This machine as a service has it: every reply, and every file, comes by a function that a test may change."""

    target = "service://"
    python = sys.executable
    file_patience = 5.0

    def __init__(self, text_only=False):
        self.text_only = text_only
        self.inner = LocalConnector()
        self.reply = lambda done: done
        self.pulled = lambda data: data
        self.pushed = lambda path, data: write(path, data)
        self.commands = []

    def run(self, command, *, input=b"", timeout=None):
        self.commands.append(command)
        return self.reply(self.inner.run(command, input=input, timeout=timeout))

    def push(self, local, remote):
        with open(local, "rb") as file:
            self.pushed(remote, file.read())

    def pull(self, remote, local):
        try:
            with open(remote, "rb") as file:
                data = file.read()
        except OSError as error:
            raise rproxy.ConnectorError(str(error)) from error
        write(local, self.pulled(data))


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


@pytest.fixture(params=["binary", "text"])
def service(request):
    return Service(request.param == "text")


@pytest.fixture
def client(service, tmp_path):
    with rproxy.RemoteClient(service, endpoint_dir=str(HOME / ".rproxy"), tmp_dir=str(tmp_path / "tmp")) as client:
        yield client
        service.reply = lambda done: done
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.fixture
def counter(client, far_module, tmp_path):
    """`counter.call(reply)` makes a call whose reply is changed, and says how it ended and how often it has run."""
    name = far_module(
        "counting",
        "def count(path, size):\n"
        "    with open(path, 'a') as file:\n        file.write('run\\n')\n"
        "    print('printed')\n"
        "    return b'value' * size\n",
    )
    return Counter(client, name, tmp_path / "runs")


class Counter:
    def __init__(self, client, name, path):
        self.client, self.name, self.path = client, name, path

    def call(self, reply, size=1):
        service = self.client._connector
        service.reply = reply
        try:
            value, printed = self.client.do_remote_call(self.name, "count", [str(self.path), size])
            assert (value, printed) == (b"value" * size, "printed\n")
            outcome = "right"
        except rproxy.ConnectionLost as error:
            outcome = "lost" if "unknown" in str(error) and error.may_have_run else str(error)
        service.reply = lambda done: done
        runs = len(self.path.read_text().splitlines())
        self.path.unlink()
        return outcome, runs


NOISE = b"Last login: today\n<rproxy:0011223344556677>\x00\xe7\x02"


def test_a_reply_that_is_cut_anywhere_is_lost(counter):
    lengths = []
    assert counter.call(lambda done: lengths.append(len(done.stdout)) or done) == ("right", 1)
    for cut in (1, 31, lengths[0] // 2, lengths[0] - 2):
        assert counter.call(lambda done, cut=cut: done._replace(stdout=done.stdout[:-cut])) == ("lost", 1)


@pytest.mark.parametrize("place", ["before", "after", "both"])
def test_noise_around_a_reply_does_no_harm(counter, place):
    before, after = NOISE * (place != "after"), NOISE * (place != "before")
    assert counter.call(lambda done: done._replace(stdout=before + done.stdout + after)) == ("right", 1)


@pytest.mark.parametrize("noise", [b"QUJD", b"\n", b"x", b"= ="])
def test_noise_in_the_middle_of_a_reply_never_becomes_a_value(counter, noise):
    def reply(done):
        middle = len(done.stdout) // 2
        return done._replace(stdout=done.stdout[:middle] + noise + done.stdout[middle:])

    outcome, runs = counter.call(reply)
    # Base64 passes over what is none of its letters, and the proof says that nothing is missing then.
    harmless = counter.client._connector.text_only and not noise.strip(b"\n =")
    assert (outcome, runs) in ({("right", 1), ("lost", 1)} if harmless else {("lost", 1)})


def test_one_changed_byte_never_becomes_a_value(counter):
    def reply(done):
        place = len(done.stdout) - 60
        changed = b"B" if done.stdout[place : place + 1] != b"B" else b"C"
        return done._replace(stdout=done.stdout[:place] + changed + done.stdout[place + 1 :])

    assert counter.call(reply) == ("lost", 1)


def test_a_doubled_reply_is_one(counter):
    assert counter.call(lambda done: done._replace(stdout=done.stdout * 2)) == ("right", 1)


def test_the_reply_to_another_command_is_not_taken_for_this_ones(counter):
    replies = []
    assert counter.call(lambda done: replies.append(done) or done) == ("right", 1)
    assert counter.call(lambda done: replies[0]) == ("lost", 1)


def test_a_missing_reply_is_lost(counter):
    assert counter.call(lambda done: done._replace(stdout=b"")) == ("lost", 1)


def test_a_reply_in_broken_lines_is_whole(counter):
    if not counter.client._connector.text_only:
        return
    folded = lambda done: done._replace(stdout=re.sub(rb"([A-Za-z0-9+/]{76})", rb"\1\r\n", done.stdout))  # noqa: E731
    assert counter.call(folded) == ("right", 1)


def test_a_connector_that_fails_after_the_command_is_not_tried_again(counter):
    def reply(done):
        raise rproxy.ConnectionLost("the link is gone; whether the command has run is unknown")

    assert counter.call(reply) == ("lost", 1)


# -- files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stale", ["missing", "empty", "cut", "zeros", "old"])
def test_an_answer_that_is_seen_late_is_waited_for(client, service, stale):
    seen = []

    def pulled(data):
        seen.append(data)
        if len(seen) > 2:
            return data
        if stale == "missing":
            raise rproxy.ConnectorError("No such file or directory")
        return {"empty": b"", "cut": data[: len(data) // 2], "zeros": bytes(len(data)), "old": b"old"}[stale]

    service.pulled = pulled
    assert client.module("builtins").bytes(5_000_000) == bytes(5_000_000)
    assert len(seen) == 3


@pytest.mark.parametrize("stale", ["missing", "empty", "cut"])
def test_a_request_that_is_seen_late_is_waited_for(client, service, stale):
    def pushed(path, data):
        if stale != "missing":
            write(path, b"" if stale == "empty" else data[: len(data) // 2])
        threading.Timer(0.3, write, (path, data)).start()

    service.pushed = pushed
    assert client.module("operator").length_hint(bytes(100_000)) == 100_000


def test_a_request_that_never_comes_says_that_the_call_did_not_run(client, service):
    service.file_patience = 0.3
    service.pushed = lambda path, data: None
    with pytest.raises(rproxy.ConnectionLost, match="the call did not run") as caught:
        client.module("operator").length_hint(bytes(100_000))
    assert caught.value.may_have_run is False


def test_an_answer_that_never_comes_says_that_the_call_has_run(client, service):
    service.file_patience = 0.3
    service.pulled = lambda data: b""
    with pytest.raises(rproxy.ConnectionLost, match="has run, but its answer"):
        client.module("builtins").bytes(5_000_000)


def test_a_file_of_the_users_that_comes_cut_is_refused(client, service, tmp_path):
    (tmp_path / "there").write_bytes(b"0123456789")
    service.pulled = lambda data: data[:-1]
    with pytest.raises(rproxy.ConnectorError, match="came 9 bytes of 10: pull it again"):
        client.pull(str(tmp_path / "there"), tmp_path / "here")
    assert not (tmp_path / "here").exists()


def test_a_command_that_a_service_starts_twice_takes_its_request_once(client, service, tmp_path):
    path = tmp_path / "twice"
    service.file_patience = 0.3
    run = service.inner.run
    service.inner.run = lambda command, **options: (run(command, **options), run(command, **options))[0]
    client.call(lambda path: open(path, "a").write("run\n"), str(path))  # its code makes the request a large one
    service.inner.run = run
    assert path.read_text() == "run\n"


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_what_failures_leave_goes_with_the_next_command(client, service, tmp_path):
    module, large = client.module("copy"), bytes(5_000_000)

    def fail_before(path, data):
        write(path, data)
        raise rproxy.ConnectorError("the link went down after the file")

    service.pushed = fail_before
    with pytest.raises(rproxy.ConnectorError, match="after the file"):
        module.copy(large)
    assert len(files_in(tmp_path / "tmp")) == 1
    service.pushed = write
    service.reply = lambda done: done._replace(stdout=b"")
    with pytest.raises(rproxy.ConnectionLost):
        module.copy(large)
    assert len(files_in(tmp_path / "tmp")) == 1  # the answer, that nobody knows of
    with pytest.raises(rproxy.ConnectionLost):
        client.ping()
    service.reply = lambda done: done
    assert client.ping() > 0
    assert files_in(tmp_path / "tmp") == []


def test_many_left_over_files_go_with_the_next_few_commands(client, service, tmp_path):
    def fail(path, data):
        write(path, data)
        raise rproxy.ConnectorError("no")

    service.pushed, operator = fail, client.module("operator")
    for _ in range(12):
        with pytest.raises(rproxy.ConnectorError, match="no"):
            operator.length_hint(bytes(20_000))
    assert len(files_in(tmp_path / "tmp")) == 12
    client.ping()
    client.ping()
    assert files_in(tmp_path / "tmp") == []


# -- what travels where --------------------------------------------------------------------------------


def test_requests_ride_on_a_private_input_where_there_is_one(client, service):
    secret = "a secret that nobody else may see"  # noqa: S105
    encoded = secret.encode().hex()[:20]
    service.input_limit = 1 << 20
    inputs = []
    run = service.inner.run
    service.inner.run = lambda command, input, **options: inputs.append(input) or run(command, input=input, **options)
    assert client.module("operator").concat(secret, "!") == secret + "!"
    assert secret.encode() in inputs[-1]
    assert all(secret not in command and encoded not in command for command in service.commands)
    assert len(service.commands[-1]) < service.command_limit


def test_no_command_is_longer_than_the_connector_takes(client, service):
    module = client.module("operator")
    for size in (0, 2000, 3500, 8000):
        assert module.concat("x" * size, "") == "x" * size
    assert max(map(len, service.commands)) <= service.command_limit


def test_a_second_call_finds_the_endpoints_bytecode(client, monkeypatch):
    """Also where the host's settings are against it: without it each call compiles the endpoint again."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    client.ping()
    assert client.module("sys").dont_write_bytecode is True
    folder = client.info().endpoint
    assert os.listdir(os.path.join(folder, "rproxy_endpoint", "__pycache__"))


def test_a_client_that_cannot_reach_its_host_any_more_closes_all_the_same(tmp_path):
    service = Service()
    client = rproxy.RemoteClient(service, tmp_dir=str(tmp_path / "tmp"))

    def gone(*args, **options):
        raise rproxy.ConnectorError("the network is down")

    service.run = gone
    client.close()
    with pytest.raises(rproxy.RProxyError, match="is closed"):
        client.ping()


def test_a_call_ends_when_its_client_is_killed(tmp_path):
    told = tmp_path / "pid"
    program = (
        "import rproxy\n"
        "from rproxy.connectors.local import LocalConnector\n"
        "from rproxy.testing import command_only\n"
        "def work(path):\n"
        "    import os, time\n"
        "    open(path + '~', 'w').write(str(os.getpid()))\n"
        "    os.rename(path + '~', path)\n"
        "    time.sleep(100)\n"
        f"rproxy.connect(command_only(LocalConnector())).call(work, {str(told)!r})\n"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as client:
        until = time.monotonic() + 30
        while not told.exists() and time.monotonic() < until:
            time.sleep(0.05)
        client.kill()
    pid = told.read_text()
    until = time.monotonic() + 20
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < until:
        time.sleep(0.05)
    assert not os.path.exists(f"/proc/{pid}")


def test_a_call_that_takes_too_long_is_ended(tmp_path):
    def work(path):
        import time

        time.sleep(2)
        open(path, "w").close()

    with rproxy.connect(command_only(LocalConnector())) as client:
        with client.timeout(1), pytest.raises(rproxy.CallTimeout, match=r"took longer than 1 s: its command was ended"):
            client.call(work, str(tmp_path / "done"))
        assert client.module("math").sqrt(4) == 2
        time.sleep(1.5)
    assert not (tmp_path / "done").exists()
