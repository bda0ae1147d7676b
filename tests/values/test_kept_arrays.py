"""Arrays that are kept on the far side, among arrays and numpy of this side."""

import array
import operator

import numpy
import pandas
import pytest

import rproxy


@pytest.fixture(scope="module")
def client():
    with rproxy.connect() as client:
        yield client


@pytest.fixture
def kept(client):
    return rproxy.keep(client.module("numpy").arange)(1.0, 5.0)


@pytest.fixture
def requests(client):
    """`requests(function)`: what it returns, and how many requests that took."""

    def counted(function, *args):
        before = client._session.sent
        value = function(*args)
        return value, client._session.sent - before

    return counted


OPERATORS = "add sub mul truediv floordiv mod pow matmul lt ge eq ne".split()


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_with_an_array_of_here_on_the_left_runs_there(kept, requests, name):
    here, operation = numpy.array([4.0, 3.0, 2.0, 1.0]), getattr(operator, name)
    value, count = requests(operation, here, kept)
    assert numpy.array_equal(value, operation(here, numpy.arange(1.0, 5.0)))
    assert count == 1


def test_a_function_of_numpy_here_runs_there(client, kept, requests):
    assert requests(numpy.negative, kept)[0].tolist() == [-1, -2, -3, -4]
    assert requests(numpy.add.reduce, kept) == (10.0, 1)
    with client.keep_results():
        assert type(numpy.negative(kept)) is not numpy.ndarray


def test_an_array_of_here_is_changed_in_place_by_one_that_is_kept(kept):
    here = same = numpy.ones(4)
    here += kept
    assert here is same and same.tolist() == [2, 3, 4, 5]


def test_a_kept_array_is_the_place_for_a_result(kept):
    assert rproxy.fetch(kept).tolist() == [1, 2, 3, 4]
    numpy.negative(kept, out=kept)
    assert rproxy.fetch(kept).tolist() == [-1, -2, -3, -4]


def test_numpy_gets_a_copy_by_one_request(kept, requests):
    copy, count = requests(numpy.asarray, kept)
    assert type(copy) is numpy.ndarray and copy.tolist() == [1, 2, 3, 4]
    assert count == 1
    assert numpy.asarray(kept, dtype="int8").dtype == numpy.int8
    assert numpy.concatenate([kept, numpy.zeros(1)]).tolist() == [1, 2, 3, 4, 0]


def test_memory_cannot_be_shared(kept):
    with pytest.raises(ValueError, match="memory of local:// cannot be shared"):
        numpy.asarray(kept, copy=False)
    for name in ("__array_interface__", "__array_struct__", "__dlpack__"):
        assert not hasattr(kept, name)


def test_a_function_of_another_library_says_that_it_cannot_run_there(kept):
    own = numpy.frompyfunc(lambda x: x, 1, 1)
    with pytest.raises(TypeError, match="__array_ufunc__"):
        own(kept)


def test_bytes_of_what_has_memory_are_its_memory(client, kept):
    assert bytes(kept) == numpy.arange(1.0, 5.0).tobytes()
    numbers = client.module("array").array("i", [1, 2])
    assert bytes(numbers) == array.array("i", [1, 2]).tobytes()
    assert bytes(rproxy.keep(client.module("builtins").memoryview)(b"abc")) == b"abc"


def test_an_operator_with_a_table_of_here_on_the_left_runs_there(client, requests):
    here, remote = pandas.DataFrame({"a": [1, 2], "b": [3, 4]}), client.module("pandas")
    for value in (here, here["a"]):
        kept = rproxy.keep(getattr(remote, type(value).__name__))(value)
        total, count = requests(operator.add, value, kept)
        assert total.equals(value + value)
        assert count == 2  # whose operator it is, and its result
