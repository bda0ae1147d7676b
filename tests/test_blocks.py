"""Environment, working directory and PATH: for the calls inside a block, and only for those."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

import rproxy


def getenv(client, name):
    return client.module("os").getenv(name)


def test_a_variable_holds_inside_the_block_and_is_restored_after_it(client):
    with client.env(RPROXY_A="1"):
        assert getenv(client, "RPROXY_A") == "1"
    assert getenv(client, "RPROXY_A") is None


def test_none_unsets_a_variable_and_gives_it_back(client):
    with client.env(HOME=None):
        assert getenv(client, "HOME") is None
    assert getenv(client, "HOME") == os.environ["HOME"]


def test_blocks_nest_and_combine(client, tmp_path):
    with client.env(A="1", B="1"), client.cwd(tmp_path), client.env(B="2", C=None):
        found = client.call(lambda: [__import__("os").environ.get(n) for n in "ABC"] + [__import__("os").getcwd()])
        assert found == ["1", "2", None, str(tmp_path)]
        with client.env(A=None):
            assert getenv(client, "A") is None
        assert getenv(client, "A") == "1"


def test_blocks_are_restored_after_an_exception_here_and_there(client):
    with pytest.raises(ZeroDivisionError), client.env(RPROXY_A="1"):
        client.module("operator").truediv(1, 0)
    assert getenv(client, "RPROXY_A") is None
    with pytest.raises(KeyError), client.env(RPROXY_A="1"):
        raise KeyError
    assert getenv(client, "RPROXY_A") is None


def test_blocks_hold_for_child_processes(client, tmp_path):
    with client.env(RPROXY_A="one two"), client.cwd(tmp_path), client.path("/opt/x/bin"):
        text = client.module("subprocess").getoutput('echo "$RPROXY_A"; pwd; echo "$PATH"')
    first, second, third = text.split("\n")
    assert (first, second) == ("one two", str(tmp_path))
    assert third.startswith("/opt/x/bin:")


def test_path_entries_go_to_the_front_the_inner_ones_first(client):
    with client.path("/outer"), client.path("/inner/1", Path("/inner/2")):
        assert getenv(client, "PATH").split(":")[:3] == ["/inner/1", "/inner/2", "/outer"]
    assert "/outer" not in getenv(client, "PATH").split(":")


def test_a_directory_is_relative_to_the_outer_block(client, tmp_path):
    (tmp_path / "inner").mkdir()
    before = client.module("os").getcwd()
    with client.cwd(tmp_path), client.cwd("inner"):
        assert client.module("os").getcwd() == str(tmp_path / "inner")
    with client.cwd("~"):
        assert client.module("os").getcwd() == os.path.realpath(os.environ["HOME"])
    assert client.module("os").getcwd() == before


def test_a_missing_directory_is_an_error_of_the_call_and_undoes_the_rest(client):
    remote_os = client.module("os")
    with client.env(RPROXY_A="1"), client.cwd("/no/such"), pytest.raises(FileNotFoundError) as caught:
        remote_os.getcwd()
    assert caught.value.filename == "/no/such"
    assert getenv(client, "RPROXY_A") is None


def test_what_the_call_itself_changes_stays_unless_the_block_had_set_it(stream_client):
    with stream_client.env(RPROXY_A="1"):
        stream_client.module("os").putenv
        stream_client.call(lambda: __import__("os").environ.update(RPROXY_A="2", RPROXY_B="3"))
    assert (getenv(stream_client, "RPROXY_A"), getenv(stream_client, "RPROXY_B")) == (None, "3")
    stream_client.call(lambda: __import__("os").environ.pop("RPROXY_B"))


def test_the_time_zone_holds_too(client):
    with client.env(TZ="Asia/Tokyo"):
        assert client.module("time").strftime("%z") == "+0900"


def test_blocks_are_private_to_their_thread(client):
    seen = []
    with client.env(RPROXY_A="1"):
        thread = threading.Thread(target=lambda: seen.append(getenv(client, "RPROXY_A")))
        thread.start()
        thread.join()
        assert getenv(client, "RPROXY_A") == "1"
    assert seen == [None]


def test_blocks_are_private_to_their_task(client):
    async def ask(value, turn, other):
        with client.env(RPROXY_A=value):
            turn.set()
            await other.wait()
            return getenv(client, "RPROXY_A")

    async def both():
        first, second = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(ask("1", first, second), ask("2", second, first))

    assert asyncio.run(both()) == ["1", "2"]


def test_blocks_belong_to_one_client(stream_client):
    with rproxy.connect() as other, other.env(RPROXY_A="1"):
        assert getenv(stream_client, "RPROXY_A") is None


def test_a_block_costs_no_request(client):
    before = client._session.sent
    with client.env(A="1"), client.cwd("/"), client.path("/x"):
        pass
    assert client._session.sent == before


def test_do_remote_call_is_inside_the_block_too(client):
    with client.env(RPROXY_A="1"):
        assert client.do_remote_call("os", "getenv", ["RPROXY_A"])[0] == "1"


def test_registered_variables_and_paths_hold_for_the_clients_life(channel, monkeypatch):
    from .conftest import connect_over

    monkeypatch.setenv("RPROXY_THERE", "already")
    with connect_over(channel) as client:
        client.register_remote_env_variable("RPROXY_A", "1")
        client.register_remote_env_variable("RPROXY_THERE", "default", only_if_no_set=True)
        client.register_remote_env_variable("RPROXY_NOT_THERE", "default", only_if_no_set=True)
        client.register_remote_env_path("/registered/bin")
        assert getenv(client, "RPROXY_A") == "1"
        assert getenv(client, "RPROXY_THERE") == "already"
        assert getenv(client, "RPROXY_NOT_THERE") == "default"
        assert getenv(client, "PATH").startswith("/registered/bin:")
        with client.env(RPROXY_A="2", RPROXY_NOT_THERE=None):
            assert (getenv(client, "RPROXY_A"), getenv(client, "RPROXY_NOT_THERE")) == ("2", None)
        assert getenv(client, "RPROXY_A") == "1"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"A": 1}, "A='1'"),
        ({"A": True}, "needs a string"),
        ({"A=B": "x"}, "cannot be the name"),
        ({"": "x"}, "cannot be the name"),
        ({"A": "x\0y"}, "zero byte"),
    ],
)
def test_a_variable_that_cannot_be_is_refused_before_anything_is_sent(client, variables, message):
    with pytest.raises((TypeError, ValueError), match=message):
        client.env(**variables)


@pytest.mark.parametrize("entry", ["", None, 5, b"/x", "a\0b"])
def test_a_path_that_cannot_be_is_refused_before_anything_is_sent(client, entry):
    for block in (client.cwd, client.path):
        with pytest.raises((TypeError, ValueError)):
            block(entry)
