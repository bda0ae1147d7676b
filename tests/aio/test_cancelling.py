"""Tasks that stop waiting: the call there is stopped, too. Over every stream."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest

import rproxy

from .running import run, stay, until


def test_to_cancel_the_task_stops_the_call_there(any_client, tmp_path):
    async def main():
        task = asyncio.create_task(any_client.aio.call(stay, str(tmp_path / "state")))
        await until(tmp_path / "state", "runs")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(tmp_path / "state", "interrupted")
        return await any_client.aio.call(int, "5")

    assert run(main) == 5


def test_a_timeout_of_asyncio_stops_the_call_there(any_client, tmp_path):
    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await any_client.aio.call(stay, str(tmp_path / "state"))
        await until(tmp_path / "state", "interrupted")

    run(main)


def test_a_block_of_the_clients_timeout_holds(any_client, tmp_path):
    async def main():
        with (
            any_client.timeout(0.3),
            pytest.raises(rproxy.CallTimeout, match=r"stay on \S+ took longer than 0\.3 s"),
        ):
            await any_client.aio.call(stay, str(tmp_path / "state"))
        await until(tmp_path / "state", "interrupted")

    run(main)


def test_a_timeout_error_of_the_far_side_is_not_taken_for_the_clients_own(any_client):
    def fail():
        raise TimeoutError("theirs")

    async def main():
        with any_client.timeout(60):
            await any_client.aio.call(fail)

    with pytest.raises(TimeoutError, match="theirs") as caught:
        run(main)
    assert not isinstance(caught.value, rproxy.CallTimeout)


def test_a_task_group_in_which_one_fails_stops_the_others_there(any_client, tmp_path):
    async def fail():
        await until(tmp_path / "state", "runs")
        raise LookupError

    async def main():
        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.TaskGroup() as group:
                group.create_task(any_client.aio.call(stay, str(tmp_path / "state")))
                group.create_task(any_client.aio.module("os").mkdir(str(tmp_path / "behind")))
                group.create_task(fail())
        await until(tmp_path / "state", "interrupted")
        await any_client.aio.call(int)
        return caught.value.exceptions

    assert [type(error) for error in run(main)] == [LookupError]
    assert not (tmp_path / "behind").exists()


def test_a_call_that_fails_there_cancels_its_group(any_client):
    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(any_client.aio.module("math").sqrt(-1))
            group.create_task(any_client.aio.module("time").sleep(60))

    with pytest.raises(ExceptionGroup) as caught:
        run(main)
    assert [type(error).__name__ for error in caught.value.exceptions] == ["ValueError"]


def test_a_gather_in_which_one_fails_lets_the_others_go_on(any_client):
    async def main():
        call = any_client.aio.call
        failed, value = await asyncio.gather(call(int, "x"), call(int, "5"), return_exceptions=True)
        task = asyncio.create_task(call(int, "6"))
        with pytest.raises(ValueError):
            await asyncio.gather(call(int, "x"), task)
        return type(failed).__mro__[-3], value, await task

    assert run(main)[1:] == (5, 6)


def test_the_item_of_an_iteration_that_was_cancelled_is_stopped_there(any_client, tmp_path):
    def generate(path):
        yield 1
        stay(path)

    async def work():
        async for _ in await any_client.aio.call(generate, str(tmp_path / "state")):
            pass

    async def main():
        task = asyncio.create_task(work())
        await until(tmp_path / "state", "runs")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(tmp_path / "state", "interrupted")

    run(main)


PROGRAM = """
import asyncio, rproxy, time

def stay(path):
    with open(path, "w") as file:
        try:
            file.write("runs ")
            file.flush()
            time.sleep(60)
        except KeyboardInterrupt:
            file.write("interrupted")
            raise

async def main():
    async with rproxy.aio.connect() as client:
        try:
            await client.call(stay, {path!r})
        finally:
            print("left", await client.call(int, "5"), flush=True)

try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("KeyboardInterrupt")
"""


def test_ctrl_c_stops_what_asyncio_runs_and_the_session_goes_on(tmp_path):
    path = tmp_path / "state"
    command = [sys.executable, "-c", PROGRAM.format(path=str(path))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        deadline = time.monotonic() + 60
        while not (path.exists() and path.read_text()) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(program.pid, signal.SIGINT)
        out, err = program.communicate(timeout=60)
    assert (out, err) == ("left 5\nKeyboardInterrupt\n", "")
    assert path.read_text() == "runs interrupted"
