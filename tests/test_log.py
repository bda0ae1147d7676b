"""What rproxy tells of itself by `logging`, and writes to the file that RPROXY_TRACE names."""

import collections
import json
import logging
import os
import re
import signal
import subprocess
import sys
import textwrap

import pytest

import rproxy
from rproxy.joining import JoiningPeer

from .conftest import connect_over
from .ssh.sshd import wait_for


def told(caplog, layer):
    """(level, text) of what a layer has told."""
    return [(one.levelname, one.getMessage()) for one in caplog.records if one.name == f"rproxy.{layer}"]


@pytest.fixture(params=["stream", "command"])
def channel(request):
    return request.param


# -- logging -------------------------------------------------------------------------------------------


def test_a_client_tells_that_it_is_connected_and_closed(caplog, channel):
    caplog.set_level("INFO", "rproxy")
    connect_over(channel).close()
    (connected, first), (closed, last) = told(caplog, "client")
    assert connected == closed == "INFO"
    assert re.fullmatch(r"connected to local:// by (stream|commands) in [\d.]+ ms: Python 3\.\d+\.\d+ .*", first)
    assert last == "closed local://"


def test_a_client_that_is_closed_twice_tells_it_once(caplog):
    caplog.set_level("INFO", "rproxy")
    client = connect_over("stream")
    client.close()
    client.close()
    assert told(caplog, "client")[1:] == [("INFO", "closed local://")]


def test_a_deployment_is_told_and_one_that_was_there_is_not(caplog, channel, tmp_path):
    caplog.set_level("INFO", "rproxy")
    connect_over(channel, endpoint_dir=str(tmp_path)).close()
    assert re.search(r"endpoint.* (to|on) local://", told(caplog, "deployment")[0][1])
    caplog.clear()
    connect_over(channel, endpoint_dir=str(tmp_path)).close()
    assert told(caplog, "deployment") == []


def test_a_session_that_is_lost_is_told_once_with_its_reason(caplog):
    caplog.set_level("INFO", "rproxy.channel")
    with rproxy.connect() as client:
        for _ in range(2):
            with pytest.raises(rproxy.ConnectionLost):
                client.module("os")._exit(7)
    ((level, text),) = told(caplog, "channel")
    assert level == "INFO" and text.startswith("lost local://: ") and "exit code 7" in text


def test_each_message_is_told_by_its_name_size_and_time(caplog, channel):
    caplog.set_level("DEBUG", "rproxy.channel")
    with connect_over(channel) as client:
        client.module("math").pow(2, 3)
    texts = [text for _, text in told(caplog, "channel")]
    number, size, took = r"number \d+", r"\d+ bytes", r"after [\d.]+ ms"
    assert any(re.fullmatch(rf"to local://: Call math\.pow, {number}, {size}", text) for text in texts)
    answer = rf"from local://: Reply to Call math\.pow, {number}, {size}, {took}"
    assert any(re.fullmatch(answer, text) for text in texts)


def test_each_command_is_told_by_its_time_and_exit_code(caplog):
    caplog.set_level("DEBUG", "rproxy.connector")
    with connect_over("command") as client:
        client.module("os").getpid()
    texts = [text for _, text in told(caplog, "connector")]
    assert len(texts) >= 3
    assert all(re.fullmatch(r"local://: run .*: exit code 0, [\d.]+ ms", text) for text in texts)


def test_a_command_that_cannot_be_run_is_told_too(caplog):
    from rproxy.connectors.local import LocalConnector

    class Broken(LocalConnector):
        def open(self, command):
            raise rproxy.ConnectorError("no way")

        run = open

    caplog.set_level("DEBUG", "rproxy.connector")
    with pytest.raises(rproxy.ConnectorError, match="no way"):
        rproxy.connect(Broken())
    assert "raised ConnectorError" in told(caplog, "connector")[0][1]


def test_no_value_is_told(caplog, channel):
    caplog.set_level("DEBUG", "rproxy")
    secret = "correct-horse-battery-staple"
    with connect_over(channel) as client:
        assert client.call(lambda word: word, secret) == secret
        with client.env(PASSWORD=secret):
            assert client.module("os").getenv("PASSWORD") == secret
    assert caplog.records
    assert secret not in caplog.text


def test_where_nobody_listens_nothing_is_watched():
    with rproxy.connect() as client:
        assert type(client._session.channel._peer) is JoiningPeer
        assert "open" not in vars(client._connector)


# -- RPROXY_TRACE --------------------------------------------------------------------------------------


@pytest.fixture
def trace(tmp_path, monkeypatch):
    """The events of the file so far."""
    path = tmp_path / "trace.json"
    monkeypatch.setenv("RPROXY_TRACE", str(path))
    return lambda: json.loads(path.read_text() + "]")


def spans(events):
    """(row, name, answer) of each request that was answered. Each row has one request at a time."""
    running, found = collections.defaultdict(list), []
    for event in events:
        row = event["pid"], event["tid"]
        if event["ph"] == "B":
            running[row].append(event)
        elif event["ph"] == "E":
            begun = running[row].pop()
            assert not running[row] and begun["ts"] <= event["ts"]
            found.append((event["tid"], begun["name"], event["args"]["answer"]))
    return found


def test_each_call_is_a_span_with_its_name(trace, channel):
    with connect_over(channel) as client:
        math = client.module("math")
        math.sqrt(4)
        with pytest.raises(ValueError):
            math.sqrt(-1)
    calls = [span for span in spans(trace()) if "sqrt" in span[1]]
    assert calls == [(0, "Call math.sqrt", "Reply"), (0, "Call math.sqrt", "Failure")]


def test_calls_that_wait_together_have_a_row_each(trace, tmp_path):
    os.mkfifo(tmp_path / "gate")
    with rproxy.connect() as client:
        read_text, sleep = client.module("pathlib").Path.read_text, client.module("time").sleep
        futures = [client.submit(read_text, tmp_path / "gate")]  # waits until all are under way
        futures += [client.submit(sleep, 0) for _ in range(4)]
        wait_for(lambda: len(client._session.channel._waiting) == 5)
        (tmp_path / "gate").write_text("open")
        assert [future.result(60) for future in futures] == ["open", None, None, None, None]
    rows = {row for row, name, _ in spans(trace()) if name in ("Call pathlib.Path.read_text", "Call time.sleep")}
    assert rows == {0, 1, 2, 3, 4}


def test_what_the_far_side_asks_has_rows_of_its_own(trace):
    with rproxy.connect() as client:
        client.call(lambda f: f(), rproxy.local(lambda: 1))
    assert (1000, "Call", "Reply") in [(row, name.split()[0], answer) for row, name, answer in spans(trace())]


def test_sizes_are_those_of_the_messages(trace):
    with rproxy.connect() as client:
        client.module("builtins").len(b"x" * 1_000_000)
    (sent,) = [event for event in trace() if event.get("name") == "Call builtins.len"]
    assert 1_000_000 <= sent["args"]["bytes"] < 1_001_000


def test_each_client_is_a_process_of_the_picture(trace):
    with rproxy.connect() as one, rproxy.connect() as two:
        one.ping(), two.ping()
    assert [event["args"]["name"] for event in trace() if event["ph"] == "M"] == ["local://", "local://"]
    assert len({event["pid"] for event in trace()}) == 2


PROGRAM = """
import os, rproxy, signal, sys
with rproxy.connect() as client:
    client.module("os").getpid()
    {end}
"""


def run_program(path, end, check=True):
    environment = {**os.environ, "RPROXY_TRACE": str(path)}
    program = textwrap.dedent(PROGRAM.format(end=end))
    return subprocess.run([sys.executable, "-c", program], env=environment, check=check, capture_output=True, text=True)


def test_the_file_of_a_program_that_has_ended_is_json(tmp_path):
    run_program(tmp_path / "trace.json", "pass")
    assert spans(json.loads((tmp_path / "trace.json").read_text()))


def test_the_file_of_a_program_that_was_killed_lacks_nothing_but_its_end(tmp_path):
    done = run_program(tmp_path / "trace.json", "os.kill(os.getpid(), signal.SIGKILL)", check=False)
    assert done.returncode == -signal.SIGKILL
    assert spans(json.loads((tmp_path / "trace.json").read_text() + "]"))


def test_a_second_run_writes_the_file_anew(tmp_path):
    for _ in range(2):
        run_program(tmp_path / "trace.json", "pass")
    assert len([1 for event in json.loads((tmp_path / "trace.json").read_text()) if event["ph"] == "M"]) == 1


def test_another_process_writes_a_file_of_its_own(trace, tmp_path):
    with rproxy.connect():
        run_program(tmp_path / "trace.json", "pass")
    (other,) = tmp_path.glob("trace.json.*")
    assert spans(json.loads(other.read_text()))
    assert len([1 for event in trace() if event["ph"] == "M"]) == 1


def test_a_file_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("RPROXY_TRACE", str(tmp_path / "no" / "trace.json"))
    with pytest.raises(rproxy.RProxyError, match=r"RPROXY_TRACE=.*trace\.json cannot be written: .*No such file"):
        rproxy.connect()


def test_levels_are_looked_at_when_a_client_is_made(caplog):
    with rproxy.connect() as client:
        caplog.set_level(logging.DEBUG, "rproxy.channel")
        client.ping()
    assert told(caplog, "channel") == []
