"""Iterators of this side that the far side goes through: `rproxy.local(iterator)`."""

import pytest

import rproxy


class OwnError(Exception):
    """An exception class that the far side has not."""


def test_the_far_side_iterates_over_a_local_generator(stream_client):
    assert stream_client.call(lambda items: sum(items), rproxy.local(i for i in range(20_000))) == 199_990_000


def test_an_infinite_generator_works(stream_client):
    def far(items):
        for item in items:
            if item > 100:
                return item
        return None

    def count():
        number = 0
        while True:
            yield number
            number += 1

    assert stream_client.call(far, rproxy.local(count())) == 101


def test_next_takes_one_item_and_nothing_ahead(stream_client):
    generator = (i for i in range(10))
    assert stream_client.call(lambda g: (next(g), next(g)), rproxy.local(generator)) == (0, 1)
    assert next(generator) == 2


def test_the_end_and_an_error_of_a_generator_come_where_they_belong(stream_client):
    def failing():
        yield 1
        yield 2
        raise OwnError("after two")

    def far(items):
        got = []
        for item in items:
            got.append(item)
            print(item)

    with stream_client.capture() as captured, pytest.raises(OwnError, match="after two"):
        stream_client.call(far, rproxy.local(failing()))
    assert captured.text == "1\n2\n"
    assert stream_client.call(lambda g: next(g, "end"), rproxy.local(iter(()))) == "end"


def test_send_throw_and_close_reach_a_local_generator(stream_client):
    log = []

    def echo():
        try:
            got = yield "first"
            log.append(got)
            yield "second"
        finally:
            log.append("closed")

    def far(g):
        values = [next(g), g.send("sent")]
        g.close()
        return values

    assert stream_client.call(far, rproxy.local(echo())) == ["first", "second"]
    assert log == ["sent", "closed"]


def test_a_loop_there_goes_on_where_another_one_ended(stream_client):
    def far(items):
        first = [item for _, item in zip(range(4), items, strict=False)]
        return first, next(items), list(items)

    first, one, rest = stream_client.call(far, rproxy.local(i for i in range(50)))
    assert [*first, one, *rest] == list(range(50))


def test_an_exception_is_thrown_into_a_local_generator(stream_client):
    def patient():
        try:
            yield "first"
        except KeyError as error:
            yield error.args

    def far(generator):
        return next(generator), generator.throw(KeyError("thrown"))

    assert stream_client.call(far, rproxy.local(patient())) == ("first", ("thrown",))


def test_yield_from_a_local_generator_sends_and_gets_what_it_returns(stream_client):
    def adding():
        one = yield "one?"
        two = yield "two?"
        return one + two

    def far(generator):
        def passing_on():
            yield (yield from generator)

        passed = passing_on()
        return next(passed), passed.send(3), passed.send(4)

    assert stream_client.call(far, rproxy.local(adding())) == ("one?", "two?", 7)


def test_what_is_sent_to_a_local_generator_that_ran_ahead_is_refused(stream_client):
    def far(generator):
        for item in generator:
            if item == 4:
                generator.send("late")

    with pytest.raises(RuntimeError, match=r"send\(\) cannot reach a generator that has run ahead"):
        stream_client.call(far, rproxy.local(i for i in range(50)))
