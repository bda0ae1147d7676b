"""What the tests of asyncio share: clients over every stream, and a module of the far side that has all kinds of
things."""

import pytest

from ..ssh.conftest import any_client, keys, no_agent, shared_sshd, start_sshd  # noqa: F401 - fixtures

MODULE = """
import asyncio, contextlib, threading

data = [1, 2, 3]
lock = threading.Lock()
items = []

class Thing:
    def __init__(self, name):
        self.name = name
    def renamed(self, name):
        return Thing(name)
    def same(self, other):
        return other is self
    def __getitem__(self, item):
        return Thing(item)

thing = Thing("one")

def things():
    return [thing, (Thing("two"), 2), {"three": Thing("three")}]

async def add(a, b):
    await asyncio.sleep(0)
    return a + b

def generate(until):
    for number in range(until):
        yield Thing(number) if number % 2 else number

async def generate_slowly(until):
    for number in range(until):
        await asyncio.sleep(0)
        yield number

@contextlib.contextmanager
def plain(suppress=()):
    items.append("in")
    try:
        yield thing
    except suppress as error:
        items.append(repr(error))
    finally:
        items.append("out")

class Manager:
    async def __aenter__(self):
        items.append("in")
        return self
    async def __aexit__(self, kind, error, traceback):
        items.append(repr(error))
"""


@pytest.fixture
def module(stream_client, far_module):
    return stream_client.aio.module(far_module("asked", MODULE))
