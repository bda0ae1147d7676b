"""Programs that fork while threads use a client: the child is told, the parent goes on. Over every stream."""

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
import warnings

import pytest

import rproxy

from ..mixed_calls import Mixed, assert_nothing_is_held, watchdog
from .conftest import ssh_connector

pytestmark = pytest.mark.once


@pytest.fixture(params=["local", "ssh", "paramiko"])
def client(request):
    kind = request.param
    connector = None if kind == "local" else ssh_connector(kind, request.getfixturevalue("shared_sshd"))
    with rproxy.connect(connector, python=sys.executable) as client:
        yield client


def in_child(function):
    """What a function returns in a forked child."""
    reading, writing = os.pipe()
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.write(writing, repr(function()).encode())
        os._exit(0)
    os.close(writing)
    with open(reading) as told:
        said = told.read()
    os.waitpid(child, 0)
    return said


@contextlib.contextmanager
def busy_threads(client, count):
    """Threads that make calls of all kinds as long as the block lasts; raises what they raised."""
    done, errors = threading.Event(), []

    def work(number):
        mixed = Mixed(client, number)
        try:
            while not done.is_set():
                mixed.one()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert errors == []


def test_a_child_is_told_whatever_it_does_while_threads_of_its_parent_are_in_calls(client):
    getpid, future = client.module("os").getpid, client.submit(client.module("time").sleep, 0)
    future.result(60)

    async def awaited():
        return await client.aio.module("os").getpid()

    uses = [
        getpid,
        lambda: client.call(int),
        lambda: client.submit(getpid),
        lambda: asyncio.run(awaited()),
        lambda: client.module("sys"),
        lambda: client.push("/etc/hosts", "there"),
    ]

    def use_all():
        told = []
        for use in uses:
            try:
                use()
            except rproxy.RProxyError as error:
                told.append("make a client of its own here" in str(error))
        client.close()
        return told

    with watchdog(client, 60), busy_threads(client, 8):
        for _ in range(10):
            assert in_child(use_all) == repr([True] * len(uses))
    assert_nothing_is_held(client)


def test_the_child_makes_a_client_of_its_own(client):
    def work():
        with rproxy.connect(python=sys.executable) as own:
            return own.call(int, "5")

    with watchdog(client, 60), busy_threads(client, 4):
        assert [in_child(work) for _ in range(3)] == ["5"] * 3
    assert client.call(int, "6") == 6


def test_the_child_does_not_wait_for_a_call_of_its_parent(client):
    future = client.submit(client.module("threading").Event().wait)

    def ask():
        try:
            return future.result()
        except rproxy.RProxyError as error:
            return "make a client of its own here" in str(error)

    assert in_child(ask) == "True"
    assert future.cancel()


def test_what_a_child_collects_and_drops_is_its_parents_still(client):
    objects = [client.module("threading").Event() for _ in range(10)]

    def drop():
        objects.clear()
        return len(objects)

    assert in_child(drop) == "0"
    assert not any(event.is_set() for event in objects)


PROGRAM = """
import multiprocessing, sys, threading, rproxy

client = rproxy.connect()
getpid = client.module("os").getpid
far = getpid()

def use(number):
    try:
        getpid()
    except rproxy.RProxyError as error:
        assert "make a client of its own here" in str(error), error
    with rproxy.connect() as own:
        return own.call(pow, number, 2)

stop = threading.Event()
def call():
    while not stop.is_set():
        assert getpid() == far
threads = [threading.Thread(target=call) for _ in range(4)]
for thread in threads: thread.start()
with multiprocessing.get_context("fork").Pool(3) as pool:
    print(pool.map(use, range(8)))
child = multiprocessing.get_context("fork").Process(target=sys.exit)
child.start()
child.join()
stop.set()
for thread in threads: thread.join()
print(getpid() == far)
"""


def test_a_pool_of_forked_processes_works_beside_a_client():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=100
    )
    assert (done.stdout, done.stderr) == ("[0, 1, 4, 9, 16, 25, 36, 49]\nTrue\n", "")
