"""Many threads with one client: right answers, no deadlock, nothing left in any table. Over every stream."""

import sys

import pytest

import rproxy

from ..mixed_calls import Mixed, assert_nothing_is_held, held_here, held_there, in_threads, watchdog
from .conftest import ssh_connector

pytestmark = pytest.mark.once

#: Threads, calls of each, and after how many of them one is cancelled.
SIZES = {"local": (32, 1000, 250), "ssh": (32, 250, 60), "paramiko": (32, 250, 60)}


@pytest.fixture(params=SIZES)
def kind(request):
    return request.param


@pytest.fixture
def client(kind, request):
    connector = None if kind == "local" else ssh_connector(kind, request.getfixturevalue("shared_sshd"))
    with rproxy.connect(connector, python=sys.executable) as client:
        yield client


def test_threads_get_their_own_answers_and_stop_only_their_own_calls(client, kind):
    threads, calls, every = SIZES[kind]

    def work(number):
        mixed = Mixed(client, number)
        for count in range(calls):
            mixed.cancelled() if (count + number) % every == 0 else mixed.one()

    with watchdog(client, 90):
        in_threads(threads, work)
    assert_nothing_is_held(client)


def test_what_is_held_is_found():
    with rproxy.connect() as client:
        event = client.module("threading").Event()
        future = client.submit(event.wait)
        assert held_here(client)["objects"] == held_here(client)["requests"] == 1
        assert future.cancel()
        assert client.call(held_there)["objects"] == 1
