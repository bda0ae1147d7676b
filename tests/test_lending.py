"""Objects of this side that the far side uses while a call runs: `rproxy.local`."""

import contextlib
import contextvars
import io
import logging
import threading

import pytest

import rproxy

from .conftest import connect_over, interpreters


class OwnError(Exception):
    """An exception class that the far side has not."""


def test_a_local_function_runs_here_when_the_far_side_calls_it(stream_client):
    here = []

    def negated(item):
        here.append(item)
        return -item

    assert stream_client.module("builtins").sorted([3, 1, 2], key=rproxy.local(negated)) == [3, 2, 1]
    assert here == [3, 1, 2]


def test_it_gets_positional_and_keyword_arguments_and_its_value_goes_back(stream_client):
    def local(*args, **kwargs):
        return {"args": args, "kwargs": kwargs}

    def far(function):
        return function(1, "b", self=3, name=None)

    assert stream_client.call(far, rproxy.local(local)) == {"args": (1, "b"), "kwargs": {"self": 3, "name": None}}


def test_a_callback_is_one_round_trip_and_no_request_of_the_clients(stream_client):
    before = stream_client._session.sent
    calls = []
    stream_client.call(lambda function: [function(i) for i in range(5)], rproxy.local(calls.append))
    assert (len(calls), stream_client._session.sent - before) == (5, 1)


def test_it_runs_in_the_thread_and_the_context_of_the_call(stream_client):
    variable = contextvars.ContextVar("variable")
    variable.set("of the caller")
    told = stream_client.call(lambda f: f(), rproxy.local(lambda: (threading.get_ident(), variable.get())))
    assert told == (threading.get_ident(), "of the caller")


def test_an_unmarked_function_travels_by_value(stream_client):
    here = []

    def function(item):
        here.append(item)
        return len(here)

    assert stream_client.call(lambda f: f(1), function) == 1
    assert here == []


# -- kinds of objects ----------------------------------------------------------------------------------


def test_the_far_side_writes_into_a_local_file(stream_client):
    file = io.StringIO()
    stream_client.call(lambda f: print("a", "b", sep="-", file=f), rproxy.local(file))
    assert file.getvalue() == "a-b\n"


def test_the_far_side_reads_lines_of_a_local_file(stream_client):
    file = io.StringIO("one\ntwo\n")
    assert stream_client.call(lambda f: (f.readline(), list(f)), rproxy.local(file)) == ("one\n", ["two\n"])


def test_a_local_file_is_a_context_manager_there(stream_client, tmp_path):
    file = open(tmp_path / "file", "w")

    def far(file):
        with file as inner:
            inner.write("inside")
            return inner is file

    assert stream_client.call(far, rproxy.local(file))
    assert file.closed
    assert (tmp_path / "file").read_text() == "inside"


def test_a_local_context_manager_sees_the_far_sides_exception(stream_client):
    seen = []

    @contextlib.contextmanager
    def manager():
        try:
            yield "entered"
        except ValueError as error:
            seen.append(error)

    def far(manager):
        with manager as value:
            raise ValueError(value)
        return "went on"

    assert stream_client.call(far, rproxy.local(manager())) == "went on"
    assert [type(error).__mro__.index(ValueError) > 0 and error.args for error in seen] == [("entered",)]


def test_the_far_side_logs_by_a_local_logger(stream_client, caplog):
    logger = logging.getLogger("rproxy.tests.lending")
    with caplog.at_level(logging.INFO, logger.name):
        stream_client.call(lambda log: log.info("step %d", 3), rproxy.local(logger))
    assert caplog.messages == ["step 3"]


def test_a_local_logger_tells_the_far_sides_exception(stream_client, caplog):
    def far(log):
        try:
            {}["key"]
        except KeyError:
            log.exception("failed")
        log.error("afterwards", exc_info=True)

    stream_client.call(far, rproxy.local(logging.getLogger("rproxy.tests.lending")))
    failed, afterwards = caplog.records
    assert failed.exc_info[0] is not None and issubclass(failed.exc_info[0], KeyError)
    assert "in far" in caplog.text
    assert afterwards.exc_info == (None, None, None)


def test_attributes_of_a_local_object_are_read_set_and_deleted(stream_client):
    class Bar:
        total = 10

    def far(bar):
        bar.n = bar.total + 1
        bar.gone = 1
        del bar.gone
        return bar.n, hasattr(bar, "gone")

    bar = Bar()
    assert stream_client.call(far, rproxy.local(bar)) == (11, False)
    assert vars(bar) == {"n": 11}


def test_a_local_object_has_the_special_methods_of_its_type_and_no_others(stream_client):
    class Box:
        def __len__(self):
            return 3

        def __getitem__(self, key):
            return key * 2

        def __contains__(self, item):
            return item == "in"

    def far(box):
        absent = []
        for operation in (lambda: box(), lambda: box + 1, lambda: next(box), lambda: int(box)):
            try:
                operation()
            except TypeError:
                absent.append(True)
        return len(box), box[4], "in" in box, "out" in box, bool(box), callable(box), absent

    assert stream_client.call(far, rproxy.local(Box())) == (3, 8, True, False, True, False, [True] * 4)


def test_a_local_object_is_a_path_and_is_rounded_there(stream_client):
    class Place:
        def __fspath__(self):
            return "/place"

        def __floor__(self):
            return 2

    def far(place):
        import math
        import os

        return os.path.join(place, "file"), math.floor(place)

    assert stream_client.call(far, rproxy.local(Place())) == ("/place/file", 2)


def test_an_asynchronous_generator_of_this_side_is_none_there(stream_client):
    async def generate():
        yield 1

    def far(items):
        async def go():
            return [item async for item in items]

        return go()

    with pytest.raises(TypeError, match="'async for' requires an object with __aiter__"):
        stream_client.call(far, rproxy.local(generate()))


def test_it_shows_as_what_it_is_where_the_class_is_known(stream_client):
    def far(file, function):
        import io

        return isinstance(file, io.TextIOBase), repr(function), callable(function)

    told = stream_client.call(far, rproxy.local(io.TextIOWrapper(io.BytesIO())), rproxy.local(len))
    assert told == (True, "<len of the client>", True)


def test_a_function_has_its_name_there_and_other_objects_have_none(stream_client):
    def far(function, file):
        return function.__name__, hasattr(file, "__name__")

    assert stream_client.call(far, rproxy.local(len), rproxy.local(io.StringIO())) == ("len", False)


def test_the_same_object_is_the_same_there_and_comes_back_as_itself(stream_client):
    thing = io.StringIO()

    def far(a, b, inside):
        return a is b and a is inside["x"][0], a

    same, back = stream_client.call(far, rproxy.local(thing), rproxy.local(thing), {"x": [rproxy.local(thing)]})
    assert same
    assert back is thing


def test_marking_twice_or_marking_what_is_remote_changes_nothing(stream_client):
    marked = rproxy.local(print)
    assert rproxy.local(marked) is marked
    remote = stream_client.module("os").getenv
    assert rproxy.local(remote) is remote


def test_a_marked_object_can_still_be_used_here():
    marked = rproxy.local([3, 1])
    marked.sort()
    assert (marked[0], len(marked), list(marked), 3 in marked, marked == [1, 3], callable(marked)) == (
        1, 2, [1, 3], True, True, False,
    )  # fmt: skip
    assert rproxy.local(len)("abc") == 3
    with rproxy.local(io.StringIO("x")) as file:
        assert file.read() == "x"


def test_data_that_never_change_need_no_mark():
    assert rproxy.local(None) is None
    assert [rproxy.local(value) for value in (1, "a", b"a")] == [1, "a", b"a"]


def test_an_attribute_may_be_marked(stream_client):
    outer, inner = io.StringIO(), io.StringIO("inner")
    outer.inner = rproxy.local(inner)
    assert stream_client.call(lambda outer: outer.inner.read(), rproxy.local(outer)) == "inner"


# -- other interpreters --------------------------------------------------------------------------------


@pytest.mark.once
@pytest.mark.parametrize("version", interpreters(), ids=str)
def test_every_interpreter_calls_back(version):
    here = []

    def callback(item):
        here.append(item)
        if item == 3:
            raise OwnError("three")
        return item

    with connect_over("stream", python=interpreters()[version]) as client:
        builtins = client.module("builtins")
        with pytest.raises(OwnError, match="three"):
            builtins.sorted([1, 2, 3], key=rproxy.local(callback))
        assert builtins.sum(rproxy.local(i for i in range(1000))) == 499_500
        file = io.StringIO()
        builtins.print("there", file=rproxy.local(file))
    assert (here, file.getvalue()) == ([1, 2, 3], "there\n")


def test_json_sessions_call_back_too():
    with connect_over("stream", serializer="json") as client:
        assert client.module("builtins").sorted([1, 3, 2], key=rproxy.local(lambda x: -x)) == [3, 2, 1]
