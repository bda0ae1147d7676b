"""Calls and values that are awaited. Over each channel, and over either ssh."""

import asyncio
import os
import sys
import threading

import pytest

import rproxy
from rproxy import SerializationError

from ..conftest import local_connector
from ..ssh.conftest import KINDS, KINDS_ONCE, ssh_connector
from .running import run


@pytest.fixture(scope="module", params=["stream", "command", *KINDS_ONCE])
def client(request):
    way = request.param
    connector = ssh_connector(way, request.getfixturevalue("shared_sshd")) if way in KINDS else local_connector(way)
    with rproxy.connect(connector, python=sys.executable) as client:
        yield client


def test_a_call_is_awaited(client):
    async def main():
        return await client.aio.module("os").path.join("a", "b")

    assert run(main) == "a/b"


def test_a_local_function_runs_there(client):
    async def main():
        return await client.aio.call(lambda a, b=1: (a + b, __import__("os").getpid()), 1, b=2)

    value, pid = run(main)
    assert value == 3 and pid != os.getpid()


def test_a_local_coroutine_function_runs_there_to_its_end(client):
    async def work(value):
        import asyncio

        await asyncio.sleep(0)
        return value

    async def main():
        return await client.aio.call(work, 5)

    assert run(main) == 5


def test_a_value_is_awaited_by_its_name(client):
    async def main():
        return await client.aio.module("os").sep

    assert run(main) == "/"


def test_to_name_something_costs_no_request(stream_client):
    before = stream_client._session.sent
    stream_client.aio.module("no.such.module").some.name
    assert stream_client._session.sent == before


def test_a_call_costs_one_request(stream_client):
    async def main():
        before = stream_client._session.sent
        await stream_client.aio.module("os").path.join("a", "b")
        return stream_client._session.sent - before

    assert run(main) == 1


def test_a_module_is_awaited_to_see_whether_it_is_there(client):
    async def main():
        remote = await client.aio.module("math")
        with pytest.raises(ModuleNotFoundError, match="no_such_module"):
            await client.aio.module("no_such_module")
        return await remote.sqrt(9)

    assert run(main) == 3


def test_a_module_may_be_named_by_the_local_one(client):
    async def main():
        return await client.aio.module(os).getpid()

    assert run(main) != os.getpid()


def test_a_name_that_is_not_there_says_so(client):
    async def main():
        await client.aio.module("math").no_such_name

    with pytest.raises(AttributeError, match="no_such_name"):
        run(main)


def test_the_real_exception_comes(client):
    async def main():
        await client.aio.module("os").stat("/no/such/file")

    with pytest.raises(FileNotFoundError) as caught:
        run(main)
    assert caught.value.filename == "/no/such/file" and isinstance(caught.value, rproxy.RemoteExecError)


def test_what_cannot_travel_is_said_and_nothing_is_sent(client):
    async def main():
        await client.aio.module("math").sqrt(threading.Lock())

    with pytest.raises(SerializationError, match=r"argument 1 of math\.sqrt"):
        run(main)


def test_do_remote_call_returns_the_value_and_what_was_printed(client):
    async def main():
        return await client.aio.do_remote_call("builtins", "print", ["said"])

    assert run(main) == (None, "said\n")


def test_a_failed_do_remote_call_tells_what_was_printed(client, far_module):
    name = far_module("saying", "def fail():\n    print('said')\n    raise KeyError(1)\n")

    async def main():
        await client.aio.do_remote_call(name, "fail")

    with pytest.raises(KeyError) as caught:
        run(main)
    assert caught.value.stdout == "said\n"


def test_what_raises_stop_iteration_there_is_an_error_and_no_endless_wait(stream_client):
    async def main():
        remote = stream_client.aio.module("builtins")
        await remote.next(await remote.iter([]))

    with pytest.raises(RuntimeError, match="StopIteration"):
        run(main)


def test_a_far_sides_cancelled_error_does_not_cancel_the_task_here(stream_client):
    def fail():
        import concurrent.futures

        raise concurrent.futures.CancelledError("not yours")

    async def main():
        with pytest.raises(rproxy.RemoteExecError, match="not yours"):
            await stream_client.aio.call(fail)
        return asyncio.current_task().cancelling()

    assert run(main) == 0


def test_a_coroutine_function_there_is_awaited_once(module):
    async def main():
        return await module.add(1, 2)

    assert run(main) == 3
