"""What crosses the two sides around a lent object: exceptions, nested calls, output; and when a loan ends."""

import gc

import pytest

import rproxy
from rproxy import SerializationError


class OwnError(Exception):
    """An exception class that the far side has not."""


# -- nesting and exceptions ----------------------------------------------------------------------------


def test_here_there_here_there_to_any_depth(stream_client):
    def descend(depth):
        if depth == 0:
            return "bottom"
        return f"{depth}({stream_client.call(lambda f, n: f(n), rproxy.local(descend), depth - 1)})"

    assert descend(20) == "".join(f"{n}(" for n in range(20, 0, -1)) + "bottom" + ")" * 20


def test_an_exception_crosses_the_far_side_and_comes_back_as_itself(stream_client):
    error = OwnError("here", 3)

    def fails():
        raise error

    with pytest.raises(OwnError) as caught:
        stream_client.call(lambda f: f(), rproxy.local(fails))
    assert caught.value is error
    assert "It came back through local://" in error.__notes__[0]


def test_an_exception_whose_module_fails_there_is_told_all_the_same(stream_client, far_module):
    name = far_module("failing", "raise RuntimeError('not here')")
    error = type("FarError", (OwnError,), {"__module__": name})("text")

    def fails():
        raise error

    with pytest.raises(OwnError) as caught:
        stream_client.call(lambda f: f(), rproxy.local(fails))
    assert caught.value is error


def test_an_exception_of_this_side_comes_back_as_the_cause_of_another_one(stream_client):
    error = OwnError("here")

    def fails():
        raise error

    def far(f):
        try:
            f()
        except Exception as error:
            raise KeyError("there") from error

    with pytest.raises(KeyError) as caught:
        stream_client.call(far, rproxy.local(fails))
    assert caught.value.__cause__ is error


def test_the_far_side_catches_a_callbacks_exception_by_its_type(stream_client):
    def far(fails, own):
        caught = []
        try:
            fails()
        except FileNotFoundError as error:
            caught.append((error.errno, error.filename))
        try:
            own()
        except Exception as error:
            caught.append((type(error).__name__, str(error), error.args))
        return caught

    def own():
        raise OwnError("text", 7)

    told = stream_client.call(far, rproxy.local(lambda: open("/does/not/exist")), rproxy.local(own))
    assert told == [(2, "/does/not/exist"), ("OwnError", "('text', 7)", ("text", 7))]


def test_an_exception_that_the_far_side_raises_in_a_nested_call_is_caught_here_in_the_callback(stream_client):
    def callback():
        try:
            stream_client.module("math").sqrt(-1)
        except ValueError as error:
            return str(error)

    assert stream_client.call(lambda f: f(), rproxy.local(callback)) == "math domain error"


def test_ctrl_c_in_a_callback_interrupts_the_call_and_the_session_goes_on(stream_client):
    def interrupted():
        raise KeyboardInterrupt

    def far(f):
        try:
            f()
        except Exception:
            return "an ordinary exception"

    with pytest.raises(KeyboardInterrupt):
        stream_client.call(far, rproxy.local(interrupted))
    assert stream_client.module("math").sqrt(4) == 2


def test_a_result_that_cannot_travel_is_a_clear_error_and_the_session_goes_on(stream_client):
    with pytest.raises(SerializationError, match=r"an open file of this side.*rproxy\.local\(\) lends what cannot"):
        stream_client.call(lambda f: f(), rproxy.local(lambda: open("/etc/hosts")))
    assert stream_client.module("math").sqrt(4) == 2


def test_a_callback_may_return_a_function_by_value_or_another_local_object(stream_client):
    here = []

    def far(make):
        by_value, by_mark = make()
        by_mark("marked")
        return by_value(20)

    assert stream_client.call(far, rproxy.local(lambda: (lambda x: x + 1, rproxy.local(here.append)))) == 21
    assert here == ["marked"]


def test_a_callback_gets_live_objects_of_the_far_side(stream_client):
    def far(f):
        import io

        return f(io.StringIO("there"))

    assert stream_client.call(far, rproxy.local(lambda file: file.read())) == "there"


def test_a_callback_may_give_back_the_far_sides_object_that_it_got(stream_client):
    def far(f):
        thing = object()
        return f(thing) is thing

    assert stream_client.call(far, rproxy.local(lambda thing: thing))


def test_output_keeps_its_order_across_both_sides(stream_client, capsys):
    def far(f):
        print("there 1")
        f()
        print("there 2")

    stream_client.call(far, rproxy.local(lambda: print("here")))
    assert capsys.readouterr().out == "there 1\nhere\nthere 2\n"


# -- the loan ------------------------------------------------------------------------------------------


def test_after_its_call_a_loan_says_that_it_has_ended(stream_client):
    def keep(function):
        import builtins

        builtins.kept_function = function

    def use():
        import builtins

        return builtins.kept_function(1)

    stream_client.call(keep, rproxy.local(print))
    with pytest.raises(RuntimeError, match="<print of the client> was lent for a call that has ended; lend it to the"):
        stream_client.call(use)


def test_nothing_stays_lent_when_calls_end_well_or_badly(stream_client):
    stream_client.call(lambda f: list(f), rproxy.local([1, 2]))
    with pytest.raises(ZeroDivisionError):
        stream_client.call(lambda f: 1 / 0, rproxy.local(print))
    with pytest.raises(SerializationError):
        stream_client.call(lambda f, g: None, rproxy.local(print), open("/dev/null"))
    gc.collect()
    assert len(stream_client._session.side.loans) == 0


@pytest.mark.parametrize("name", ["__globals__", "__class__", "_private", "__init__"])
def test_private_names_stay_here(stream_client, name):
    with pytest.raises(AttributeError, match=f"has no {name} here|no attribute '{name}'"):
        stream_client.call(
            lambda f, name: object.__getattribute__(f, "_rproxy_ask") and type(f).__getattr__(f, name),
            rproxy.local(lambda: None), name,
        )  # fmt: skip


@pytest.mark.parametrize("path", ["__globals__", "__call__.__globals__", "gi_frame.f_globals", "", "a b", "__class__"])
def test_a_far_side_that_asks_for_private_names_all_the_same_is_refused(stream_client, path):
    def hostile(f, path):
        from rproxy_endpoint.protocol.messages import Get

        return f._rproxy_ask(f, Get(f._rproxy_number, (path,), None))

    with pytest.raises(AttributeError, match="is no public name"):
        stream_client.call(hostile, rproxy.local(lambda: None), path)


def test_a_far_side_cannot_use_a_number_that_was_not_lent(stream_client):
    def hostile(f):
        from rproxy_endpoint.protocol.messages import Call

        return f._rproxy_ask(f, Call(f._rproxy_number + 1, "", (), {}, None, False))

    with pytest.raises(SerializationError, match="nothing of this side is lent under number"):
        stream_client.call(hostile, rproxy.local(print))


def test_a_forked_child_there_cannot_use_it(stream_client):
    def far(f):
        import os

        reading, writing = os.pipe()
        if not os.fork():
            try:
                f()
            except RuntimeError as error:
                os.write(writing, str(error).encode())
            os._exit(0)
        os.wait()
        return os.read(reading, 1000).decode()

    told = stream_client.call(far, rproxy.local(print))
    assert told == "<print of the client> can be used only in the process that it was lent to"


def test_it_cannot_be_pickled_there(stream_client):
    def far(f):
        import pickle

        pickle.dumps(f)

    with pytest.raises(TypeError, match="cannot be pickled"):
        stream_client.call(far, rproxy.local(print))


def test_over_commands_it_is_refused_before_anything_is_sent(command_client):
    before = command_client._session.sent
    with pytest.raises(SerializationError, match=r"rproxy.local\(\) needs a connector with a stream"):
        command_client.module("builtins").sorted([1], key=rproxy.local(abs))
    assert command_client._session.sent - before <= 2
