"""What is gone here goes there: counts without races, on both sides, whoever holds and drops what."""

import gc
import random
import subprocess
import sys
import threading

import pytest

import rproxy

from .test_objects import held_there

MODULE = """
import weakref

class Thing:
    alive = 0
    def __init__(self):
        Thing.alive += 1
    def __del__(self):
        Thing.alive -= 1

kept = Thing()

def make(count):
    return [Thing() for _ in range(count)]

def repeat(count):
    return [kept] * count

def alive():
    return Thing.alive
"""


@pytest.fixture
def client():
    with rproxy.connect() as client:
        yield client


@pytest.fixture
def module(client, far_module):
    return client.module(far_module("released", MODULE))


def held_here(client):
    gc.collect()
    return len(client._session.side._objects)


@pytest.mark.once
def test_a_hundred_thousand_objects_made_and_dropped_leave_both_tables_empty(client, module):
    for _ in range(100):
        things = module.make(1000)
        assert len(things) == 1000
    assert module.alive() >= 1000
    del things
    client.ping()
    assert module.alive() == 1
    assert (held_here(client), held_there(client)) == (0, 0)


def test_objects_dropped_one_by_one_leave_nothing(client, module):
    for _ in range(5000):
        module.Thing()
    client.ping()
    assert module.alive() == 1
    assert (held_here(client), held_there(client)) == (0, 0)


def test_an_object_is_held_until_its_last_proxy_is_gone(client, module):
    things = module.repeat(100)
    assert all(thing is things[0] for thing in things)
    assert held_there(client) == 1
    first = things.pop()
    del things
    client.ping()
    assert held_there(client) == 1
    assert first is module.kept
    del first
    client.ping()
    assert held_there(client) == 0


def test_threads_share_and_drop_objects_without_losing_any(client, module):
    shared = [module.kept, *module.make(20)]
    troubles = []

    def work(seed):
        chance = random.Random(seed)
        try:
            mine = []
            for _ in range(100):
                place = chance.randrange(len(shared))
                mine.append(shared[place])
                shared[place] = chance.choice([lambda: module.make(1)[0], lambda: module.kept])()
                assert mine[-1].alive > 0
                if chance.random() < 0.5:
                    mine.clear()
        except BaseException as error:
            troubles.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    shared.clear()
    client.ping()
    assert module.alive() == 1
    assert (held_here(client), held_there(client)) == (0, 0)


def test_a_proxy_that_a_finalizer_brings_back_still_has_its_object(client, module):
    saved = []

    class Holder:
        def __init__(self, proxy):
            self.proxy, self.itself = proxy, self

        def __del__(self):
            saved.append(self.proxy)

    Holder(module.Thing())
    gc.collect()
    client.ping()
    assert module.alive() == 2 and saved[0].alive == 2
    saved.clear()
    gc.collect()
    client.ping()
    assert module.alive() == 1
    assert (held_here(client), held_there(client)) == (0, 0)


def test_release_lets_go_at_once_whoever_holds_the_proxy(module):
    thing = other = module.Thing()
    assert module.alive() == 2
    rproxy.release(thing)
    assert module.alive() == 1
    with pytest.raises(ReferenceError, match="was released"):
        _ = other.value


def test_an_object_that_was_released_and_comes_again_is_alive(client, module):
    old = module.kept
    rproxy.release(old)
    new = module.kept
    assert new.alive == 1 and new is not old
    del old
    gc.collect()
    client.ping()
    assert new.alive == 1


def test_a_cycle_of_a_proxy_and_its_owner_goes(client, module):
    thing = module.Thing()
    cycle = [thing]
    cycle.append(cycle)
    del thing, cycle
    gc.collect()
    client.ping()
    assert module.alive() == 1


@pytest.mark.once
def test_a_program_that_ends_with_proxies_in_hand_ends_quietly():
    code = """
import rproxy
client = rproxy.connect()
held = client.module("io").BytesIO(b"x")
held.method = held.read
iterator = iter(client.module("itertools").count())
next(iterator)
"""
    done = subprocess.run(
        [sys.executable, "-c", code.replace("held.method = held.read\n", "method = held.read\n")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_is_gone_can_still_be_shown(client):
    """Debuggers and tests show whatever they find."""
    released, lost = (client.module("io").StringIO() for _ in range(2))
    rproxy.release(released)
    assert "was released" in repr(released)
    with pytest.raises(ReferenceError):
        released.read()
    with pytest.raises(rproxy.ConnectionLost):
        client.module("os")._exit(3)
    assert "exit code 3" in repr(lost)
    client.close()
    assert "is closed" in repr(lost)


def test_a_representation_that_fails_there_fails_here(client, far_module):
    broken = client.module(
        far_module("broken_repr", "class Broken:\n def __repr__(self): raise OSError('no')")
    ).Broken()
    with pytest.raises(OSError, match="no"):
        repr(broken)
