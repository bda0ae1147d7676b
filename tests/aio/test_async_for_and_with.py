"""`async for` and `async with` over what is on the far side."""

import threading

import pytest

from .running import run


def test_a_generator_is_iterated_in_batches(module, stream_client):
    async def main():
        before = stream_client._session.sent
        found = [item async for item in module.generate(100)]
        assert stream_client._session.sent - before < 15
        return [item if type(item) is int else await item.name for item in found]

    assert run(main) == list(range(100))


def test_whoever_goes_on_with_an_iterator_misses_nothing(module):
    async def main():
        generator = await module.generate_slowly(0)
        assert [item async for item in generator] == []
        found, generator = [], await module.generate(20)
        for _ in range(4):
            async for item in generator:
                found.append(item if type(item) is int else await item.name)
                if len(found) % 5 == 0:
                    break
        return found

    assert run(main) == list(range(20))


def test_an_asynchronous_generator_there_is_iterated(module):
    async def main():
        return [item async for item in module.generate_slowly(4)]

    assert run(main) == [0, 1, 2, 3]


def test_data_are_iterated_by_their_name(module):
    async def main():
        return [item async for item in module.data]

    assert run(main) == [1, 2, 3]


def test_an_exception_of_a_generator_comes_after_its_items(stream_client):
    def generate():
        yield 1
        raise LookupError("no more")

    async def main():
        found = []
        with pytest.raises(LookupError, match="no more"):
            found.append(await anext(items := aiter(await stream_client.aio.call(generate))))
            await anext(items)
        return found

    assert run(main) == [1]


def test_a_context_manager_there_is_entered_and_left(module):
    async def main():
        async with module.plain() as thing:
            inside = await module.items
            name = await thing.name
        return inside, name, await module.items

    assert run(main) == (["in"], "one", ["in", "out"])


def test_an_exception_goes_through_the_far_sides_exit(module, stream_client):
    async def main():
        async with module.plain(await stream_client.aio.module("builtins").KeyError):
            raise KeyError("mine")
        with pytest.raises(ValueError, match="mine"):
            async with module.plain():
                raise ValueError("mine")
        return await module.items

    assert run(main) == ["in", "KeyError('mine')", "out", "in", "out"]


def test_an_exception_that_cannot_travel_is_told_by_its_text(module):
    async def main():
        with pytest.raises(ValueError):
            async with await module.Manager():
                raise ValueError(threading.Lock())
        return (await module.items)[1]

    assert run(main).startswith("RuntimeError('ValueError: <unlocked")


def test_an_asynchronous_context_manager_there_is_entered_and_left(module):
    async def main():
        async with module.Manager():
            pass
        return await module.items

    assert run(main) == ["in", "None"]


def test_a_lock_there_is_held_inside_the_block(module):
    async def main():
        async with module.lock:
            inside = await module.lock.locked()
        return inside, await module.lock.locked()

    assert run(main) == (True, False)


def test_data_are_no_context_manager(module):
    async def main():
        async with module.data:
            pass

    with pytest.raises(TypeError, match="by value"):
        run(main)
