"""How clients for asyncio begin and end."""

import asyncio
import os
import subprocess
import sys
import threading

import pytest

import rproxy
from rproxy.connectors.local import LocalConnector

from ..test_life import ended
from .running import run


def test_async_with_connects_and_closes():
    async def main():
        async with rproxy.aio.connect(python=None) as client:
            assert await client.module("os").getpid() != os.getpid()
        with pytest.raises(rproxy.RProxyError, match="is closed"):
            await client.module("os").getpid()

    run(main)


def test_a_connection_is_awaited():
    async def main():
        client = await rproxy.aio.connect()
        async with client:
            return await client.call(lambda: 5)

    assert run(main) == 5


def test_what_cannot_be_connected_to_says_so():
    async def main():
        await rproxy.aio.connect("nosuchscheme://host")

    with pytest.raises(ValueError, match="nosuchscheme"):
        run(main)


def test_whoever_stops_waiting_for_a_connection_leaves_none_behind():
    class Slow(LocalConnector):
        def open(self, command):
            opened.set()
            release.wait()
            return super().open(command)

        def close(self):
            closed.set()
            super().close()

    opened, release, closed = threading.Event(), threading.Event(), threading.Event()

    async def main():
        connecting = asyncio.create_task(rproxy.aio.connect(Slow())._connected())
        await asyncio.to_thread(opened.wait)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        release.set()
        await asyncio.to_thread(closed.wait)

    run(main)


def test_a_program_that_ends_while_it_connects_says_nothing_and_leaves_none_behind():
    code = """
import asyncio, threading, rproxy
from rproxy.connectors.local import LocalConnector

class Slow(LocalConnector):
    def open(self, command):
        opened.set()
        assert release.wait(30)
        stream = super().open(command)
        print(stream._process.popen.pid, flush=True)
        return stream

    def close(self):
        super().close()
        closed.set()

opened, release, closed = threading.Event(), threading.Event(), threading.Event()

async def main():
    connecting = asyncio.create_task(rproxy.aio.connect(Slow())._connected())
    await asyncio.to_thread(opened.wait)
    connecting.cancel()

asyncio.run(main())
release.set()
assert closed.wait(30)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert ended(int(done.stdout))


def test_awaiting_goes_on_after_reconnect():
    async def main():
        async with rproxy.aio.connect() as client:
            pid = await client.module("os").getpid()
            with pytest.raises(rproxy.ConnectionLost):
                await client.module("os")._exit(1)
            with pytest.raises(rproxy.ConnectionLost):
                await client.module("os").getpid()
            await asyncio.to_thread(client.client.reconnect)
            return pid != await client.module("os").getpid()

    assert run(main)


@pytest.mark.once
def test_a_client_of_plain_calls_loads_nothing_for_asyncio():
    code = (
        "import sys, rproxy\nwith rproxy.connect() as client: client.ping()\n"
        "print([name for name in sys.modules if name.startswith(('rproxy.a', 'rproxy.futures'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
