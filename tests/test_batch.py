"""`client.batch()`: natural calls as promises, resolved together at the end of the block."""

import os

import pytest

import rproxy

from .conftest import connect_over
from .test_life_by_commands import Counting


@pytest.fixture
def operator(client):
    return client.module("operator")


def test_calls_are_promises_until_the_end_of_the_block(client, operator):
    with client.batch() as batch:
        promise = operator.add(1, 2)
        assert not promise.done()
        with pytest.raises(RuntimeError, match=r"operator\.add is in a batch.*ask after it"):
            promise.result()
        assert len(batch) == 1
    assert promise.done()
    assert promise.result() == 3
    assert promise.exception() is None
    assert operator.add(1, 2) == 3


@pytest.mark.parametrize(
    ("use", "error"),
    [(lambda promise: promise == 3, TypeError), (lambda promise: 3 in [promise], TypeError),
     (lambda promise: promise.real, AttributeError)],
)  # fmt: skip
def test_a_promise_is_not_taken_for_its_value(client, operator, use, error):
    with client.batch():
        promise, other = operator.add(1, 2), operator.add(1, 2)
        with pytest.raises(error, match=r"use its result\(\), after the block"):
            use(promise)
        assert promise != other
        assert len({promise, other}) == 2


def test_functions_classes_and_local_functions_are_collected(client):
    with client.batch():
        promises = [
            client.module("os").path.join("a", "b"),
            client.module("fractions").Fraction(1, 2),
            client.call(lambda number: number * 2, 21),
        ]
    assert [promise.result() for promise in promises] == ["a/b", __import__("fractions").Fraction(1, 2), 42]


def test_calls_run_in_order(client, tmp_path):
    def note(path, number):
        with open(path, "a") as file:
            file.write(f"{number} ")

    with client.batch():
        for number in range(4):
            client.call(note, str(tmp_path / "notes"), number)
    assert (tmp_path / "notes").read_text() == "0 1 2 3 "


def test_arguments_are_those_of_the_time_of_the_call(client, operator):
    values = [1]
    with client.batch():
        promise = operator.concat(values, [])
        values.append(2)
    assert promise.result() == [1]


def test_all_calls_run_and_the_first_failure_is_raised_at_the_end(client, operator):
    with pytest.raises(ZeroDivisionError) as caught, client.batch():
        promises = [operator.add(1, 1), operator.truediv(1, 0), operator.getitem({}, "key"), operator.add(2, 2)]
    assert "2 calls of this batch of 4 failed" in " ".join(caught.value.__notes__)
    assert (promises[0].result(), promises[3].result()) == (2, 4)
    assert isinstance(promises[1].exception(), ZeroDivisionError)
    with pytest.raises(KeyError):
        promises[2].result()


def test_a_block_that_raises_sends_nothing(client, tmp_path):
    remote_os = client.module("os")
    with pytest.raises(LookupError, match="mine"), client.batch():
        promise = remote_os.mkdir(str(tmp_path / "made"))
        raise LookupError("mine")
    assert not os.path.exists(tmp_path / "made")
    with pytest.raises(rproxy.CallCancelled, match="was not sent"):
        promise.result()


def test_an_argument_that_cannot_travel_is_told_at_the_call(client, operator):
    with client.batch():
        good = operator.add(1, 1)
        with pytest.raises(rproxy.SerializationError, match="argument 1"):
            operator.add(open(os.devnull), 1)
    assert good.result() == 2


def test_a_promise_is_no_value(client, operator):
    with client.batch():
        promise = operator.add(1, 1)
        for misuse in (bool, list):
            with pytest.raises(TypeError, match=r"use its result\(\), after the block"):
                misuse(promise)
        with pytest.raises(rproxy.SerializationError, match=r"use its result\(\), after the block"):
            operator.add(promise, 1)
    assert "operator.add: 2" in repr(promise)


def test_each_call_has_the_surroundings_and_the_output_of_its_place(client):
    getenv, show = client.module("os").getenv, client.module("builtins").print
    with client.capture() as outer, client.batch():
        plain = getenv("IN_BATCH")
        with client.env(IN_BATCH="yes"):
            inside = getenv("IN_BATCH")
        show("outer")
        with client.capture() as inner:
            show("inner")
    assert (plain.result(), inside.result()) == (None, "yes")
    assert (outer.text, inner.text) == ("outer\n", "inner\n")


def test_other_requests_in_the_block_are_made_at_once(client):
    with client.batch():
        assert client.do_remote_call("operator", "add", [1, 1])[0] == 2
        assert client.module("os").sep == "/"
        assert client.has_module("json") is True


def test_an_empty_batch_sends_nothing(client):
    with client.batch() as batch:
        pass
    assert len(batch) == 0


def test_a_batch_is_one_run_of_a_command():
    from rproxy.connectors.local import LocalConnector

    connector = Counting(LocalConnector())
    with rproxy.RemoteClient(connector) as client:
        operator = client.module("operator")

        def many():
            with client.batch():
                many.promises = [operator.add(number, 1) for number in range(50)]

        assert connector.count(many) in (["run"], ["push", "run"])
        assert [promise.result() for promise in many.promises] == list(range(1, 51))

        def large():
            with client.batch():
                large.promises = [operator.concat(bytes(3_000_000), b"x") for _ in range(3)]

        assert connector.count(large) == ["push", "run", "pull"]
        assert all(promise.result() == bytes(3_000_000) + b"x" for promise in large.promises)


def test_an_object_in_a_batch_without_a_stream_fails_alone():
    with connect_over("command") as client:
        with pytest.raises(rproxy.SerializationError, match="`open`"), client.batch():
            value, stays = client.module("operator").add(1, 1), client.module("itertools").count()
        assert value.result() == 2
        assert isinstance(stays.exception(), rproxy.SerializationError)


def test_a_batch_whose_connection_is_lost_says_so_of_each_call(client):
    with connect_over("command") as mine:
        with pytest.raises(rproxy.ConnectionLost), mine.batch():
            promises = [mine.module("operator").add(1, 1), mine.module("os")._exit(3)]
        for promise in promises:
            assert isinstance(promise.exception(), rproxy.ConnectionLost)


def test_what_was_read_ahead_holds_only_until_a_batch(stream_client, far_module):
    source = "counter = 0\ndef more():\n    global counter\n    counter += 1\n"
    module = stream_client.module(far_module("ahead", source))
    dir(module)
    assert module.counter == 0
    with stream_client.batch():
        module.more()
    assert module.counter == 1
