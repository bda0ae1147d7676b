"""A fresh host for each test that asks for one."""

import pytest

import rproxy
from rproxy.testing import command_only

from .box import Box, make_box


@pytest.fixture
def box(tmp_path) -> Box:
    return make_box(tmp_path)


@pytest.fixture(params=["stream", "command"])
def over(request):
    return request.param


@pytest.fixture
def connect(box, over):
    """`connect(**options)` makes a client of the box over each channel in turn; it is closed when the test ends."""
    clients = []

    def make(**options):
        connector = box.connector()
        connector.start_timeout = options.pop("start_timeout", connector.start_timeout)
        client = rproxy.connect(connector if over == "stream" else command_only(connector), **options)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()
