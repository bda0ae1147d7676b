"""The real exception comes back, with its traceback, cause and context; nothing ends a session that need not."""

import json
import os
import pickle
import subprocess
import sys
import threading
import time
import traceback

import pytest

import rproxy

FAILING = """
import os, sys

class Foreign(OSError):
    def __init__(self, *args):
        super().__init__(*args)
        self.detail = {"a": 1}

class Unheard(Exception):
    pass

class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no words")
    __repr__ = __str__

def foreign():
    raise Foreign(2, "gone", "a file")

def unheard():
    raise Unheard("first", 2)

def mute():
    raise Mute(1)

def caused():
    try:
        {}["key"]
    except KeyError as error:
        raise ValueError("bad value") from error

def in_context():
    try:
        {}["key"]
    except KeyError:
        raise ValueError("bad value")

def suppressed():
    try:
        {}["key"]
    except KeyError:
        raise ValueError("bad value") from None

def recursion():
    return recursion()

def memory():
    raise MemoryError("too much")

def noted():
    error = ValueError("with a note")
    error.add_note("the note")
    raise error

def odd_arguments():
    raise ValueError(sys.stdout, lambda: 1)

def deep_result():
    made = []
    for _ in range(100_000):
        made = [made]
    return made
"""


@pytest.fixture
def failing(client, far_module):
    return client.module(far_module("failing", FAILING))


def test_an_os_error_is_the_real_type_with_errno_and_filename(client):
    with pytest.raises(FileNotFoundError) as caught:
        client.module("os").stat("/no/such")
    error = caught.value
    assert (error.errno, error.filename, error.strerror) == (2, "/no/such", "No such file or directory")
    assert str(error) == "[Errno 2] No such file or directory: '/no/such'"
    assert isinstance(error, rproxy.RemoteExecError)
    assert isinstance(error, rproxy.ExceptionRemoteExecError)
    assert error.remote_type == "FileNotFoundError"


def test_builtin_exceptions_keep_what_makes_them(client):
    with pytest.raises(UnicodeDecodeError) as caught:
        client.module("codecs").decode(b"ab\xff", "utf-8")
    assert (caught.value.encoding, caught.value.object, caught.value.start) == ("utf-8", b"ab\xff", 2)
    with pytest.raises(KeyError) as caught:
        client.module("operator").getitem({}, ("a", 1))
    assert caught.value.args == (("a", 1),)
    with pytest.raises(json.JSONDecodeError) as caught:
        client.module("json").loads("[1,")
    assert (caught.value.pos, caught.value.doc) == (3, "[1,")
    with pytest.raises(StopIteration) as caught:
        client.call(lambda: next(iter(())))
    assert caught.value.value is None
    with pytest.raises(SyntaxError) as caught:
        client.module("builtins").compile("a b", "f.py", "exec")
    assert (caught.value.filename, caught.value.lineno) == ("f.py", 1)
    with pytest.raises(subprocess.CalledProcessError) as caught:
        client.module("subprocess").check_output(["sh", "-c", "echo out; exit 4"])
    assert (caught.value.returncode, caught.value.output) == (4, b"out\n")


def test_exception_groups_come_back_with_their_members(client):
    def fail():
        raise ExceptionGroup("two", [ValueError("a"), ExceptionGroup("inner", [OSError(2, "b")])])

    with pytest.raises(ExceptionGroup) as caught:
        client.call(fail)
    matched, rest = caught.value.split(OSError)
    assert matched.exceptions[0].exceptions[0].errno == 2
    assert [str(error) for error in rest.exceptions] == ["a"]
    assert isinstance(caught.value, rproxy.RemoteExecError)


def test_a_type_that_is_not_here_is_a_remote_error_of_its_nearest_base(failing):
    with pytest.raises(OSError, match="gone") as caught:
        failing.foreign()
    error = caught.value
    assert isinstance(error, rproxy.RemoteExecError)
    assert error.remote_type == failing.__name__ + ".Foreign"
    assert (error.errno, error.filename, error.detail) == (2, "a file", {"a": 1})
    with pytest.raises(rproxy.RemoteExecError, match=r"\('first', 2\)") as caught:
        failing.unheard()
    assert caught.value.args == ("first", 2)
    assert caught.value.remote_type == failing.__name__ + ".Unheard"


def test_no_foreign_code_is_imported_to_find_a_type(failing):
    with pytest.raises(OSError, match="gone"):
        failing.foreign()
    assert failing.__name__ not in sys.modules


def test_the_remote_traceback_is_shown_with_source_lines(failing):
    with pytest.raises(ValueError, match="bad value") as caught:
        failing.caused()
    shown = "".join(traceback.format_exception(caught.value))
    assert "On local://:" in shown
    assert f'{failing.__name__}.py", line ' in shown
    assert 'raise ValueError("bad value") from error' in shown
    assert '{}["key"]' in shown
    assert "The above exception was the direct cause" in shown
    assert "rproxy_endpoint" not in shown
    assert 'raise ValueError("bad value") from error' in caught.value.remote_traceback


def test_cause_and_context_are_kept(failing):
    with pytest.raises(ValueError, match="bad value") as caught:
        failing.caused()
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(ValueError, match="bad value") as caught:
        failing.in_context()
    assert caught.value.__cause__ is None
    assert isinstance(caught.value.__context__, KeyError)
    with pytest.raises(ValueError, match="bad value") as caught:
        failing.suppressed()
    assert caught.value.__suppress_context__


def test_notes_are_kept(failing):
    with pytest.raises(ValueError, match="with a note") as caught:
        failing.noted()
    assert caught.value.__notes__[0] == "the note"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("mute", rproxy.RemoteExecError),
        ("recursion", RecursionError),
        ("memory", MemoryError),
        ("odd_arguments", ValueError),
    ],
)
def test_an_awkward_exception_is_told_and_the_session_goes_on(client, failing, name, kind):
    with pytest.raises(kind):
        getattr(failing, name)()
    assert client.module("os").path.join("a", "b") == "a/b"


def test_a_result_that_is_nested_too_deeply_is_an_error_and_the_session_goes_on(client, failing):
    with pytest.raises(rproxy.SerializationError, match="nested too deeply"):
        failing.deep_result()
    nested = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(
        rproxy.SerializationError, match="argument 1 of builtins.len, a list, cannot travel: nested too deeply"
    ):
        client.module("builtins").len(nested)
    assert client.module("os").path.join("a", "b") == "a/b"


def test_sys_exit_is_an_error_of_the_call_and_does_not_end_this_program(client):
    with pytest.raises(rproxy.RemoteExecError) as caught:
        client.module("sys").exit(3)
    assert not isinstance(caught.value, SystemExit)
    assert (caught.value.remote_type, caught.value.args) == ("SystemExit", (3,))
    assert client.module("os").path.join("a", "b") == "a/b"


def test_a_keyboard_interrupt_there_is_an_error_of_the_call(client):
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(rproxy.RemoteExecError) as caught:
        client.call(interrupt)
    assert not isinstance(caught.value, KeyboardInterrupt)
    assert client.module("os").path.join("a", "b") == "a/b"


def test_remote_exceptions_can_be_pickled(client):
    with pytest.raises(FileNotFoundError) as caught:
        client.module("os").stat("/no/such")
    again = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(again, FileNotFoundError)
    assert isinstance(again, rproxy.RemoteExecError)
    assert (again.filename, again.remote_traceback) == ("/no/such", caught.value.remote_traceback)


def test_an_exit_of_the_process_says_how_it_ended(channel):
    from .conftest import connect_over

    with connect_over(channel) as client:
        with pytest.raises(rproxy.ConnectionLost, match=r"exit code 3\).*is unknown") as caught:
            client.module("os")._exit(3)
        assert caught.value.may_have_run


def test_a_crash_says_where_it_was(channel):
    from .conftest import connect_over

    def crash():
        import ctypes

        ctypes.string_at(0)

    with connect_over(channel) as client, pytest.raises(rproxy.ConnectionLost, match="SIGSEGV|exit code -11"):
        client.call(crash)


def test_a_crash_of_a_session_shows_the_python_line(far_module):
    name = far_module("crashing", "import ctypes\ndef crash():\n    ctypes.string_at(0)\n")
    with rproxy.connect() as client, pytest.raises(rproxy.ConnectionLost, match=rf"{name}.py\", line 3 in crash"):
        client.module(name).crash()


def test_a_killed_endpoint_is_a_lost_connection_at_once_and_for_later_calls():
    with rproxy.connect() as client:
        remote_time, pid = client.module("time"), client.module("os").getpid()
        timer = threading.Timer(0.3, os.kill, (pid, 9))
        timer.start()
        with pytest.raises(rproxy.ConnectionLost, match="killed by SIGKILL"):
            remote_time.sleep(60)
        timer.join()
        with pytest.raises(rproxy.ConnectionLost, match="was not sent") as caught:
            remote_time.sleep(0)
        assert not caught.value.may_have_run


def test_an_endpoint_that_dies_between_calls_is_a_lost_connection():
    with rproxy.connect() as client:
        os.kill(client.module("os").getpid(), 9)
        time.sleep(0.2)
        with pytest.raises(rproxy.ConnectionLost):
            client.ping()


def test_every_error_is_in_the_one_tree():
    for name in rproxy.__all__:
        found = getattr(rproxy, name)
        if isinstance(found, type) and issubclass(found, BaseException):
            assert issubclass(found, rproxy.RProxyError)
    assert issubclass(rproxy.CallTimeout, TimeoutError)
    assert rproxy.ExceptionRemoteNotSetup is rproxy.RemoteNotSetupError
    assert rproxy.ExceptionRemoteModulesError is rproxy.RemoteModulesError
