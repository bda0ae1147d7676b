# pyright: strict
"""What users write, as the type checkers see it: every line is right, and every type is what is said."""

import asyncio
import concurrent.futures
import contextlib
import os
import pathlib
import shutil
from typing import Any, assert_type

import rproxy
import rproxy.testing
from rproxy.connectors import Connector


def add(left: int, right: float = 1.0) -> float:
    return left + right


async def fetch_text(name: str) -> str:
    await asyncio.sleep(0)
    return name


def generate(count: int) -> list[int]:
    return list(range(count))


def connecting() -> None:
    assert_type(rproxy.connect(), rproxy.RemoteClient)
    assert_type(rproxy.connect("ssh://host", python="python3.9", setup="module load x"), rproxy.RemoteClient)
    assert_type(
        rproxy.connect(trust=["mypkg"], serializer="json", endpoint_dir="/d", tmp_dir="/t"), rproxy.RemoteClient
    )
    with rproxy.connect("local://") as client:
        assert_type(client, rproxy.RemoteClient)
    client.close()


def names(client: rproxy.RemoteClient) -> None:
    assert_type(client.module("os"), Any)
    assert_type(client.module("numpy.linalg").norm([1.0]), Any)


def calls(client: rproxy.RemoteClient) -> None:
    assert_type(client.call(add, 1, right=2.0), float)
    assert_type(client.call(generate, 3), list[int])
    assert_type(client.call(lambda: "text"), str)
    assert_type(client.call(fetch_text, "name"), str)
    assert_type(client.submit(add, 1), concurrent.futures.Future[float])
    assert_type(client.submit(fetch_text, "name"), concurrent.futures.Future[str])
    assert_type(client.submit(add, 1).result(timeout=5), float)
    assert_type(list(client.map(add, [1, 2], buffersize=10)), list[float])
    assert_type(list(client.map(fetch_text, ["name"], timeout=5)), list[str])
    value, printed = client.do_remote_call("os", "getenv", args=["HOME"], kwargs={"default": "/"}, keep_env=True)
    assert_type(value, Any)
    assert_type(printed, str)


async def awaited(client: rproxy.RemoteClient) -> None:
    assert_type(await client.aio.call(add, 1, right=2.0), float)
    assert_type(await client.aio.call(fetch_text, "name"), str)
    assert_type(await asyncio.gather(client.aio.call(add, 1), client.aio.call(generate, 2)), tuple[float, list[int]])
    assert_type(client.aio.module("os"), Any)
    assert_type(await client.aio.module(os).getenv("HOME"), Any)
    assert_type(await client.aio.do_remote_call("os", "getenv", ["HOME"]), tuple[Any, str])
    assert_type(await client.aio.push("here", pathlib.Path("there")), str)
    assert_type(await client.aio.pull("there", "here", progress=False), pathlib.Path)
    assert_type(await rproxy.aio.connect("ssh://host", python="python3.9"), rproxy.aio.AsyncClient)
    async with rproxy.aio.connect() as connected:
        assert_type(connected, rproxy.aio.AsyncClient)
    async with client.aio as same:
        assert_type(same, rproxy.aio.AsyncClient)
    await client.aio.close()


def functions(client: rproxy.RemoteClient) -> None:
    remote_add = client.function(add)
    assert_type(remote_add(1), float)
    assert_type(remote_add(1, right=2.0), float)
    assert_type(client.function(fetch_text)("name"), str)

    @client.function
    def square(number: int) -> int:
        return number**2

    assert_type(square(4), int)


def blocks(client: rproxy.RemoteClient) -> None:
    with client.env(OMP_NUM_THREADS="8", OTHER=None), client.cwd("/tmp"), client.path("/opt/bin", pathlib.Path("/x")):
        pass
    with client.cwd(pathlib.PurePosixPath("/tmp")), client.keep_results():
        pass
    with client.substitute("numpy", shutil), client.substitute(os, into="mypkg.analysis"):
        pass
    lasting = client.substitute("numpy")
    lasting.start()
    lasting.stop()
    with client.capture() as captured:
        assert_type(captured.text, str)
        assert_type(captured.errors, str)
    assert_type(client.info().cores, int)
    assert_type(client.info().memory, int | None)
    assert_type(client.ping(), float)
    assert_type(client.has_module("numpy"), bool)


def objects(client: rproxy.RemoteClient) -> None:
    process = client.module("subprocess").Popen(["true"])
    assert_type(rproxy.keep(process.wait)(timeout=5), Any)
    assert_type(rproxy.keep(add)(1), Any)
    assert_type(rproxy.fetch(process), Any)
    rproxy.release(process)

    def progress(done: int) -> None:
        print(done)

    assert_type(rproxy.local(progress)(1), None)
    assert_type(rproxy.local([1, 2]), list[int])


async def asynchronous(client: rproxy.RemoteClient) -> None:
    await client.module("asyncio").sleep(0.1)
    assert_type(await asyncio.wrap_future(client.submit(add, 1)), float)


def errors(client: rproxy.RemoteClient) -> None:
    try:
        client.call(add, 1)
    except rproxy.RemoteExecError as error:
        assert_type(error.remote_type, str)
        assert_type(error.remote_traceback, str)
        assert_type(error.stdout, str)
    except rproxy.ConnectionLost as error:
        assert_type(error.may_have_run, bool)
    except (rproxy.CallTimeout, TimeoutError, rproxy.RProxyError):
        pass
    with contextlib.suppress(client.module("subprocess").CalledProcessError):
        pass


class Recorded(Connector):
    """A connector of a user's own."""

    target = "recorded://"

    def __init__(self) -> None:
        self.commands: list[str] = []

    def run(self, command: str, *, input: bytes = b"", timeout: float | None = None) -> rproxy.Completed:
        self.commands.append(command)
        return rproxy.Completed(b"", b"", 0)

    def push(self, local: str | os.PathLike[str], remote: str) -> None:
        shutil.copyfile(local, remote)

    def pull(self, remote: str, local: str | os.PathLike[str]) -> None:
        shutil.copyfile(remote, local)


def connectors() -> None:
    assert_type(rproxy.connect(Recorded()), rproxy.RemoteClient)
    assert_type(rproxy.RemoteClient(Recorded(), python="python3"), rproxy.RemoteClient)
    assert_type(Recorded().run("true").returncode, int)
    assert_type(rproxy.testing.command_only(Recorded()), Connector)
