"""Large arguments and results that take long, and links that are lost meanwhile. Over every stream."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

import rproxy

from ..ssh.conftest import KINDS
from ..ssh.sshd import wait_for

pytestmark = pytest.mark.once

#: In seconds: time for a busy host to give a sign of life, and none to answer a command over a link that is full.
KEEPALIVE = 1.5
#: How many bytes a slow link carries in a second.
SLOW = 500_000
#: In bytes: what a link takes at once, and brings in longer than KEEPALIVE; what takes long to be sent; and very long.
SOME, MORE, MUCH = 1 << 20, 5 << 20, 64 << 20


@pytest.fixture
def slow(way):
    """`slow()` makes the link slow from now on."""
    yield lambda: way.link.tell(f"rate {SLOW}")
    way.link.tell("rate 0")


def argument(client, data):
    """Sends the data with a call; returns what does so."""
    remote_builtins = client.module("builtins")
    return lambda: remote_builtins.len(data)


def answer(client, data):
    """Sends the data when the far side asks for it."""
    client.call(lambda ask: len(ask()), rproxy.local(lambda: b""))  # what functions need is there from now on
    return lambda: client.call(lambda ask: len(ask()), rproxy.local(lambda: data))


@pytest.mark.parametrize(("what", "size"), [(argument, SOME), (answer, SOME), (argument, MORE)])
@pytest.mark.parametrize("any_way", KINDS, indirect=True)
def test_something_large_is_waited_for_on_its_way_over_a_slow_link(connect, slow, size, what):
    send = what(connect(keepalive=KEEPALIVE), os.urandom(size))
    slow()
    assert send() == size


@pytest.mark.parametrize("any_way", KINDS, indirect=True)
def test_a_large_result_is_waited_for_on_its_way_over_a_slow_link(connect, slow):
    client = connect(keepalive=KEEPALIVE)
    remote_os = client.module("os")
    slow()
    assert len(remote_os.urandom(SOME)) == SOME


@pytest.mark.parametrize("what", [argument, answer])
@pytest.mark.parametrize("size", [SOME, MUCH])
@pytest.mark.parametrize("any_way", KINDS, indirect=True)
def test_a_link_that_is_lost_under_something_large_is_found_out_as_soon_as_any(way, connect, slow, size, what):
    send = what(connect(keepalive=KEEPALIVE), os.urandom(size))
    slow()
    before = way.link.arrived()[0]
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(send)
        wait_for(lambda: way.link.arrived()[0] > before + 300_000)
        way.link.tell("freeze")
        error = job.exception()
    assert isinstance(error, rproxy.ConnectionLost)
    assert f"nothing has come from it for {KEEPALIVE:g} s" in str(error)


def test_a_large_argument_waits_behind_a_call_for_longer_than_keepalive(connect):
    client = connect(keepalive=KEEPALIVE)
    send = argument(client, bytes(MUCH))  # more than is read ahead, and lies between
    running = client.submit(client.module("time").sleep, 3 * KEEPALIVE)
    assert send() == MUCH
    assert running.result() is None
