"""asyncio over either ssh: values, errors, items, several hosts at once."""

import asyncio
import sys

import pytest

import rproxy

from ..aio.running import stay, until
from .conftest import KINDS, ssh_connector

pytestmark = pytest.mark.once


@pytest.fixture(params=KINDS)
def connect(request, shared_sshd):
    """`connect()` is what is awaited, or entered, for another client of the server."""
    return lambda: rproxy.aio.connect(ssh_connector(request.param, shared_sshd), python=sys.executable)


def test_values_errors_and_items_are_awaited(connect):
    async def main():
        async with connect() as client:
            with pytest.raises(FileNotFoundError):
                await client.module("os").stat("/no/such/file")
            items = [item async for item in await client.module("itertools").repeat("x", 100)]
            return await asyncio.gather(*(client.call(pow, 2, number) for number in range(50))), len(items)

    assert asyncio.run(main()) == ([2**number for number in range(50)], 100)


def test_a_group_over_several_clients_stops_them_all_when_one_fails(connect, tmp_path):
    async def fail(client):
        await until(tmp_path / "0", "runs")
        await until(tmp_path / "1", "runs")
        await client.module("math").sqrt(-1)

    async def main():
        async with connect() as one, connect() as two, connect() as three:
            with pytest.raises(ExceptionGroup) as caught:
                async with asyncio.TaskGroup() as group:
                    for number, client in enumerate((one, two)):
                        group.create_task(client.call(stay, str(tmp_path / str(number))))
                    group.create_task(fail(three))
            await until(tmp_path / "0", "interrupted")
            await until(tmp_path / "1", "interrupted")
            return caught.value.exceptions

    (error,) = asyncio.run(main())
    assert isinstance(error, ValueError)
