"""Iteration in batches; what stays on the far side, is fetched, or is let go of, at the user's word."""

import numpy
import pytest

import rproxy

MODULE = """
import io
made = []

def numbers(count):
    for number in range(count):
        made.append(number)
        yield number

def conversation():
    first = yield "first"
    second = yield first
    return first + second

def returning(count):
    yield from range(count)
    return "returned"

def failing(count):
    yield from range(count)
    raise KeyError("after %d" % count)

def echo():
    received = []
    while True:
        received.append((yield received))

def objects(count):
    return [io.BytesIO(b"%d" % n) for n in range(count)]

def big(count):
    for _ in range(count):
        yield bytes(1 << 20)

class Thing:
    pass
"""


@pytest.fixture
def client(stream_client):
    return stream_client


@pytest.fixture
def module(client, far_module):
    return client.module(far_module("staying", MODULE))


def requests(client, function):
    before = client._session.sent
    return function(), client._session.sent - before


def test_a_hundred_thousand_items_cost_tens_of_requests(client, module):
    total, count = requests(client, lambda: sum(module.numbers(100_000)))
    assert total == sum(range(100_000))
    assert count < 40


def test_a_loop_that_ends_early_fetches_few_items_ahead(module):
    for number in module.numbers(1000):
        if number == 2:
            break
    assert len(module.made) <= 8


def test_next_fetches_one_item_and_nothing_ahead(module):
    numbers = module.numbers(1000)
    assert [next(numbers), next(numbers)] == [0, 1]
    assert module.made == [0, 1]


def test_a_loop_goes_on_where_another_ended(module):
    numbers = module.numbers(10)
    first = [number for _, number in zip(range(3), numbers, strict=False)]
    rest = [next(numbers), *numbers]
    assert first + rest == list(range(10))
    assert list(numbers) == []


def test_an_infinite_generator_works(client):
    counted = client.module("itertools").count()
    assert [n for n, _ in zip(counted, range(100), strict=False)] == list(range(100))


def test_items_before_an_exception_come_before_it(module):
    seen = []
    with pytest.raises(KeyError, match="after 5"):
        seen.extend(number for number in iter(module.failing(5)))
    assert seen == [0, 1, 2, 3, 4]


def test_large_items_come_a_few_at_a_time(client, module):
    count, trips = requests(client, lambda: sum(len(block) for block in module.big(20)))
    assert (count, trips) == (20 << 20, 23)  # the call, the iterator, the items, the end


def test_objects_are_items_too(module):
    assert [thing.getvalue() for thing in module.objects(5)] == [b"0", b"1", b"2", b"3", b"4"]


def test_send_and_close_reach_a_generator_one_by_one(module):
    echo = module.echo()
    assert next(echo) == []
    assert echo.send(1) == [1]
    assert echo.send("two") == [1, "two"]
    echo.close()
    with pytest.raises(StopIteration):
        next(echo)


def test_throw_reaches_a_generator(module):
    numbers = module.numbers(10)
    next(numbers)
    with pytest.raises(ZeroDivisionError):
        numbers.throw(ZeroDivisionError("thrown"))


def test_send_to_a_generator_that_ran_ahead_is_a_clear_error(module):
    numbers = module.numbers(100)
    for number in numbers:
        if number == 4:
            break
    with pytest.raises(RuntimeError, match=r"send\(\) cannot reach a generator that has run ahead"):
        numbers.send(1)


def test_yield_from_passes_on_what_is_sent_and_gets_what_the_generator_returns(module):
    def passing_on():
        returned.append((yield from module.conversation()))

    returned, passed = [], passing_on()
    assert (next(passed), passed.send("one")) == ("first", "one")
    with pytest.raises(StopIteration):
        passed.send("two")
    assert returned == ["onetwo"]


def test_the_end_of_a_long_generator_has_the_value_that_it_returns(module):
    def passing_on():
        got.append((yield from module.returning(100)))

    got = []
    assert len(list(passing_on())) == 100
    assert got == ["returned"]


def test_a_loop_that_sends_goes_on_item_by_item(module):
    echo, seen = module.echo(), []
    for received in echo:
        seen.append(len(received))
        if len(seen) == 4:
            break
        echo.send(len(seen))
    assert seen == [0, 2, 4, 6]


def test_keep_leaves_data_there_and_fetch_brings_it(client):
    kept = rproxy.keep(client.module("builtins").list)("abc")
    assert len(kept) == 3
    assert kept[1] == "b"
    kept.append("d")
    assert rproxy.fetch(kept) == ["a", "b", "c", "d"]
    assert rproxy.fetch("no proxy") == "no proxy"


def test_keep_results_holds_for_a_block(client):
    builtins = client.module("builtins")
    with client.keep_results():
        kept = builtins.sorted([3, 1, 2])
    assert type(kept) is not list
    assert rproxy.fetch(kept) == [1, 2, 3]
    assert builtins.sorted([2, 1]) == [1, 2]


def test_arithmetic_between_kept_arrays_runs_there(client):
    remote = client.module("numpy")
    with client.keep_results():
        ones = remote.ones(1_000_000)
        total = ones + ones * 2
    stream = client._session.channel._stream
    received, read = [], stream.readinto
    stream.readinto = lambda buffer: received.append(read(buffer)) or received[-1]
    try:
        assert float(total.sum()) == 3_000_000.0
        assert sum(received) < 10_000
        fetched = rproxy.fetch(total)
    finally:
        del stream.readinto
    assert sum(received) > 8_000_000
    assert isinstance(fetched, numpy.ndarray)
    assert (fetched == 3).all()


def test_what_is_changed_in_place_is_what_was_kept(client):
    kept = numbers = rproxy.keep(client.module("builtins").list)([1])
    numbers += [2]
    numbers *= 2
    assert numbers is kept
    array = ones = rproxy.keep(client.module("numpy").ones)(3)
    ones += 1
    assert ones is array and rproxy.fetch(array).tolist() == [2, 2, 2]


def test_keep_takes_remote_callables_only():
    with pytest.raises(TypeError, match=r"rproxy\.keep takes a function"):
        rproxy.keep(len)


def test_what_is_no_data_cannot_be_fetched_unless_it_is_trusted(client, module):
    with pytest.raises(rproxy.SerializationError, match="is no data and cannot be fetched.*trust="):
        rproxy.fetch(module.Thing())


def test_a_released_object_says_so(client):
    buffer = client.module("io").BytesIO(b"abc")
    rproxy.release(buffer)
    with pytest.raises(ReferenceError, match="was released"):
        buffer.read()
    rproxy.release(buffer)
    with pytest.raises(TypeError, match=r"rproxy\.release takes the proxy of a live object"):
        rproxy.release(client.module("os"))


def test_a_function_or_class_that_is_an_object_there_is_released(client):
    for make in (lambda: lambda: 5, lambda: type("Local", (), {})):
        made = client.call(make)
        rproxy.release(made)
        with pytest.raises(ReferenceError, match="was released"):
            made()
