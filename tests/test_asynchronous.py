"""Coroutines, asynchronous iterators and context managers of the far side, in `await` and `async`."""

import asyncio
import threading
import time

import pytest

import rproxy

from .conftest import interpreters

MODULE = """
import asyncio

class Refused(Exception):
    pass

async def add(a, b):
    await asyncio.sleep(0.001)
    return a + b

async def refuse():
    await asyncio.sleep(0)
    raise Refused("no")

async def count(until):
    received = None
    for number in range(until):
        await asyncio.sleep(0)
        received = yield (number, received)

class Counted:
    def __init__(self, until):
        self.until = until
    def __aiter__(self):
        return count(self.until)

class Manager:
    seen = None
    async def __aenter__(self):
        await asyncio.sleep(0)
        return self
    async def __aexit__(self, kind, error, traceback):
        await asyncio.sleep(0)
        self.seen = (kind.__name__, str(error)) if kind else "left"
        return kind is Refused

class Later:
    def __await__(self):
        return asyncio.sleep(0.001, "later").__await__()

class Plain:
    pass

done = []

async def note(what):
    await asyncio.sleep(0.001)
    done.append(what)

async def wait_for_others():
    await asyncio.sleep(0.05)
    return list(done)

def loops():
    return id(asyncio.get_event_loop())

async def running_loop():
    return id(asyncio.get_event_loop())

def nested(coroutine):
    asyncio.get_event_loop().run_until_complete(coroutine)
"""


@pytest.fixture(scope="module")
def client():
    with rproxy.connect() as client:
        yield client


@pytest.fixture
def module(client, far_module):
    return client.module(far_module("asynchronous", MODULE))


def test_a_coroutine_is_awaited(module):
    async def work():
        return await module.add(1, 2)

    assert asyncio.run(work()) == 3


def test_remote_sleep_is_awaited(client):
    async def work():
        return await client.module("asyncio").sleep(0.01, "slept")

    assert asyncio.run(work()) == "slept"


def test_any_awaitable_is_awaited(module):
    async def work():
        return await module.Later()

    assert asyncio.run(work()) == "later"


def test_a_coroutine_is_run_as_a_task_like_a_local_one(module):
    async def work():
        task = asyncio.create_task(module.add(1, 1))
        return await task, await asyncio.wait_for(module.add(2, 2), 60), await asyncio.gather(module.add(3, 3))

    assert asyncio.run(module.add(5, 5)) == 10
    assert asyncio.run(work()) == (2, 4, [6])


def test_awaiting_costs_one_request(client, module):
    coroutine = module.add(1, 2)
    before = client._session.sent
    assert asyncio.run(coroutine) == 3
    assert client._session.sent == before + 1


def test_the_loop_of_this_side_stays_free(client, module):
    ticks = []

    async def tick():
        while True:
            ticks.append(threading.current_thread())
            await asyncio.sleep(0.001)

    async def work():
        ticking = asyncio.create_task(tick())
        await client.module("asyncio").sleep(0.1)
        ticking.cancel()

    asyncio.run(work())
    assert len(ticks) > 3 and set(ticks) == {threading.main_thread()}


def test_an_asynchronous_generator_is_iterated(module):
    async def work():
        return [number async for number, _ in module.count(4)]

    assert asyncio.run(work()) == [0, 1, 2, 3]


def test_an_asynchronous_iterable_is_iterated(module):
    async def work():
        return [number async for number, _ in module.Counted(3)]

    assert asyncio.run(work()) == [0, 1, 2]


def test_asend_and_aclose_reach_a_generator(module):
    async def work():
        generator = module.count(5)
        first = await anext(generator)
        second = await generator.asend("sent")
        await generator.aclose()
        return first, second, [item async for item in generator]

    assert asyncio.run(work()) == ((0, None), (1, "sent"), [])


def test_an_asynchronous_context_manager_enters_and_leaves_there(module):
    async def work():
        async with module.Manager() as manager:
            assert manager.seen is None
        return manager.seen

    assert asyncio.run(work()) == "left"


def test_an_exception_leaves_an_async_with_through_the_far_sides_exit(module):
    async def work(error):
        async with module.Manager() as manager:
            raise error
        return manager.seen

    assert asyncio.run(work(module.Refused("no"))) == ("Refused", "no")
    with pytest.raises(ZeroDivisionError):
        asyncio.run(work(ZeroDivisionError("mine")))


def test_an_exception_that_cannot_travel_is_told_to_the_exit_by_its_text(module):
    manager = module.Manager()

    async def work():
        async with manager:
            raise ValueError(threading.Lock())

    with pytest.raises(ValueError):
        asyncio.run(work())
    assert manager.seen[0] == "RuntimeError" and manager.seen[1].startswith("ValueError: <unlocked")


def test_an_exception_of_a_coroutine_is_caught_by_its_class(module):
    async def work():
        with pytest.raises(module.Refused):
            await module.refuse()

    asyncio.run(work())


def test_remote_gather_and_tasks_run_side_by_side_there(client, module):
    remote = client.module("asyncio")

    async def work():
        gathered = await remote.gather(module.add(1, 1), module.add(2, 2), remote.sleep(0.01, "slept"))
        if hasattr(remote, "create_task"):
            remote.create_task(module.note("noted"))
        return gathered, await module.wait_for_others()

    assert asyncio.run(work()) == ([2, 4, "slept"], ["noted"])


def test_all_steps_run_in_one_loop(client, module):
    async def work():
        return await module.running_loop(), await module.running_loop()

    async def running_loop():
        return id(asyncio.get_running_loop())

    first, second = asyncio.run(work())
    assert first == second == client.call(running_loop)


def test_awaiting_a_coroutine_twice_is_the_far_sides_error(module):
    async def work():
        coroutine = module.add(1, 2)
        await coroutine
        await coroutine

    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
        asyncio.run(work())


def test_what_cannot_be_awaited_says_so(module):
    async def awaited():
        await module.Plain()

    async def iterated():
        async for _ in module.Plain():
            pass

    async def entered():
        async with module.Plain():
            pass

    for work in (awaited, iterated, entered):
        with pytest.raises(TypeError, match="Plain"):
            asyncio.run(work())


def test_a_step_inside_a_step_is_a_clear_error(client):
    async def inner():
        return 1

    async def outer(stepper, coroutine):
        return stepper.run(coroutine)

    def nested():
        from rproxy_endpoint.stepping import Stepper

        stepper = Stepper()
        return stepper.run(outer(stepper, inner()))

    with pytest.raises(RuntimeError, match=r"in the middle of a step.*await this one after that one"):
        client.call(nested)


def test_a_remote_timeout_ends_the_step(client):
    remote = client.module("asyncio")

    async def work():
        with pytest.raises(TimeoutError):
            await remote.wait_for(remote.sleep(60), 0.01)

    asyncio.run(work())


def test_nobody_waits_for_a_cancelled_step_but_it_ends_there(module):
    async def work():
        task = asyncio.create_task(module.note("cancelled"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(work())
    deadline = time.monotonic() + 30
    while "cancelled" not in module.done and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "cancelled" in module.done


def test_blocks_hold_for_awaited_steps(client, far_module):
    module = client.module(far_module("variable", "import os\nasync def get(name): return os.environ.get(name)\n"))

    async def work():
        coroutine = module.get("ASYNC_BLOCK")
        with client.env(ASYNC_BLOCK="inside"):
            return await coroutine

    assert asyncio.run(work()) == "inside"


@pytest.mark.parametrize("version", sorted(interpreters()), ids=lambda version: ".".join(map(str, version)))
@pytest.mark.once
def test_every_python_can_be_awaited(version, far_module):
    with rproxy.connect(python=interpreters()[version]) as client:
        module = client.module(far_module("asynchronous", MODULE))

        async def work():
            async with module.Manager():
                numbers = [number async for number, _ in module.count(3)]
            return await client.module("asyncio").sleep(0.001, numbers)

        assert asyncio.run(work()) == [0, 1, 2]
