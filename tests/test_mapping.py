"""A function of the far side over many items: `client.map`."""

import itertools
import math
import operator

import pytest

import rproxy


def test_results_come_in_the_order_of_the_items(client):
    assert list(client.map(client.module("math").sqrt, [9, 4, 1])) == [3, 2, 1]


def test_a_local_function_is_called_there_for_each_item(client):
    assert list(client.map(lambda a, b: a * b, [1, 2, 3], [4, 5])) == [4, 10]


def test_all_are_sent_before_the_first_is_waited_for(stream_client):
    session = stream_client._session
    sqrt, before = stream_client.module("math").sqrt, session.sent
    results = stream_client.map(sqrt, range(100))
    assert session.sent == before + 100
    assert list(results) == [math.sqrt(number) for number in range(100)]
    assert session.sent == before + 100


def test_items_without_end_are_taken_as_far_as_asked(stream_client):
    taken = []
    items = (taken.append(number) or number for number in itertools.count())
    results = stream_client.map(stream_client.module("operator").neg, items, buffersize=3)
    assert list(itertools.islice(results, 4)) == [0, -1, -2, -3]
    results.close()
    assert taken == list(range(7))


def test_an_exception_comes_in_its_turn_and_ends_the_others(stream_client):
    results = stream_client.map(stream_client.module("operator").truediv, [1, 1, 1], [1, 0, 2])
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)
    with pytest.raises(StopIteration):
        next(results)


def test_what_is_not_taken_is_stopped(stream_client):
    results = stream_client.map(stream_client.module("time").sleep, [0, 60, 60])
    assert next(results) is None
    results.close()
    assert stream_client.call(int, "5") == 5  # which waits for none of them


def test_a_result_that_is_late_is_a_timeout_and_the_others_are_stopped(stream_client):
    with pytest.raises(TimeoutError):
        list(stream_client.map(stream_client.module("time").sleep, [60, 60], timeout=0.2))
    assert stream_client.call(int, "5") == 5


def test_all_calls_have_the_environment_of_where_map_was_called(stream_client):
    getenv = stream_client.module("os").getenv
    with stream_client.env(RPROXY_TEST="inside"):
        results = stream_client.map(getenv, itertools.repeat("RPROXY_TEST", 4), buffersize=2)
    assert list(results) == ["inside"] * 4


def test_an_item_that_cannot_travel_stops_what_was_sent(stream_client):
    with pytest.raises(rproxy.SerializationError), open("/dev/null") as file:
        stream_client.map(stream_client.module("time").sleep, [60, file])
    assert stream_client.call(int, "5") == 5


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((operator.neg,), {}, TypeError, "map needs something to call the function for"),
        ((5, [1]), {}, TypeError, "5 cannot be called"),
        ((operator.neg, 5), {}, TypeError, "not iterable|must support iteration"),
        ((operator.neg, [1]), {"buffersize": 0}, ValueError, "buffersize is at least 1"),
        ((operator.neg, [1]), {"buffersize": "all"}, TypeError, "buffersize is how many calls"),
    ],
)
def test_what_cannot_be_meant_is_refused(stream_client, arguments, options, error, message):
    with pytest.raises(error, match=message):
        stream_client.map(*arguments, **options)
