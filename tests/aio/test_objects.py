"""Objects of the far side whose methods are awaited, and what cannot be done with them."""

import gc
import time

import pytest

import rproxy
from rproxy import SerializationError

from .running import run

# -- objects -------------------------------------------------------------------------------------------


def test_methods_of_an_object_that_came_back_are_awaited(module):
    async def main():
        thing = await module.Thing("one")
        other = await thing.renamed("two")
        return await thing.name, await other.name

    assert run(main) == ("one", "two")


def test_objects_in_containers_are_awaited_too(module):
    async def main():
        one, (two, number), more = await module.things()
        return await one.name, await two.name, number, await more["three"].name

    assert run(main) == ("one", "two", 2, "three")


def test_a_list_that_holds_itself_comes_back(stream_client):
    def cyclic():
        found = [object()]
        found.append(found)
        return found

    async def main():
        return await stream_client.aio.call(cyclic)

    found = run(main)
    assert found[1] is found and type(found[0]) is rproxy.aio.AsyncProxy


def test_items_are_awaited(module):
    async def main():
        return await (await module.thing["two"]).name, await module.data[1]

    assert run(main) == ("two", 2)


def test_an_object_goes_back_as_what_it_is(module, stream_client):
    async def main():
        thing = await module.thing
        return await thing.same(thing), await thing.same(module.thing), stream_client.call(lambda x: x.name, thing)

    assert run(main) == (True, True, "one")


def test_the_same_object_is_equal_to_itself(module):
    async def main():
        return await module.thing == await module.thing, await module.thing == await module.Thing("one")

    assert run(main) == (True, False)


def test_an_ordinary_proxy_becomes_awaitable(stream_client):
    path = stream_client.module("pathlib").Path("/etc/hosts")

    async def main():
        return await stream_client.aio.proxy(path).name

    assert run(main) == "hosts"


def test_fetch_brings_the_value(stream_client, module):
    async def main():
        with stream_client.keep_results():
            kept = await module.add(1, 2)
        with pytest.raises(SerializationError, match="cannot be fetched"):
            await stream_client.aio.fetch(await module.thing)
        return await stream_client.aio.fetch(kept), await stream_client.aio.fetch(7)

    assert run(main) == (3, 7)


def test_objects_are_released_there_when_they_are_gone_here():
    with rproxy.connect() as client:

        async def main():
            things = [await client.aio.module("threading").Lock() for _ in range(5)]
            assert len(client._session.side._objects) == 5
            del things

        run(main)
        deadline = time.monotonic() + 30
        while len(client._session.side._objects) and time.monotonic() < deadline:
            gc.collect()  # threads may not have let go of their last result yet
        assert len(client._session.side._objects) == 0
        client.ping()
        assert client.call(held) == 0


def held():
    """How many objects the endpoint holds for its client."""
    import gc

    from rproxy_endpoint.objects import ObjectTable

    return sum(len(table) for table in gc.get_objects() if type(table) is ObjectTable)


def test_an_exception_class_can_be_caught(stream_client):
    async def main():
        error = await stream_client.aio.module("configparser").NoSectionError
        with pytest.raises(error):
            await (await stream_client.aio.module("configparser").ConfigParser()).get("a", "b")

    run(main)


# -- what cannot be ------------------------------------------------------------------------------------


def test_a_forgotten_await_warns_by_the_name_of_the_call(module):
    with pytest.warns(RuntimeWarning, match=r"coroutine 'asked_\d+\.add\(\)' was never awaited"):
        module.add(1, 2)


def test_what_is_asked_of_a_call_that_was_not_awaited_says_so(module):
    call = module.Thing("one")
    with pytest.raises(AttributeError, match=r"has not been awaited.*\(await \.\.\.\)\.name"):
        call.name
    call.close()


def test_a_call_that_was_not_awaited_is_no_argument(module):
    async def main():
        call = module.Thing("one")
        try:
            await module.thing.same(call)
        finally:
            call.close()

    with pytest.raises(SerializationError, match="await it first"):
        run(main)


def test_truth_loops_and_assignments_of_this_side_are_refused(module):
    with pytest.raises(TypeError, match="await it"):
        bool(module.data)
    with pytest.raises(TypeError, match="not iterable"):
        list(module.data)
    with pytest.raises(TypeError):
        assert 1 in module.data
    with pytest.raises(AttributeError, match="setattr"):
        module.data = 1
    with pytest.raises(AttributeError, match="delattr"):
        del module.data


def test_an_attribute_is_set_by_setattr_there(module, stream_client):
    async def main():
        await stream_client.aio.module("builtins").setattr(module.thing, "name", "new")
        return await module.thing.name

    assert run(main) == "new"


def test_a_proxy_shows_what_it_is(stream_client):
    async def main():
        remote = stream_client.aio.module("os")
        return repr(remote), repr(remote.path.join), repr(await stream_client.aio.module("builtins").object())

    names = ["os", "os.path.join", "object object"]
    assert run(main) == tuple(f"<awaitable {name} on local://>" for name in names)
