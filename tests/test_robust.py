"""What user code, signals and odd surroundings must not do to a session."""

import inspect
import os
import pydoc
import signal
import subprocess
import sys
import threading
import time

import pytest

import rproxy

from .conftest import connect_over
from .test_life import ended

ODD = """
import os, pathlib, sys, types

class Lazy:
    def __getattr__(self, name):
        raise ImportError("an optional module is missing")

class Itself:
    def __getattr__(self, name):
        return self

def odd_modules():
    sys.modules["odd_lazy"] = Lazy()
    sys.modules["odd_itself"] = Itself()
    sys.modules["odd_path"] = types.ModuleType("odd_path")
    sys.modules["odd_path"].__file__ = pathlib.Path("/x")

class Broken:
    def write(self, text):
        return len(text)
    def flush(self):
        raise KeyboardInterrupt

def break_stdout():
    sys.stdout = Broken()

def repair_stdout():
    sys.stdout = sys.__stdout__

def numbered():
    error = ValueError("numbered")
    error.__dict__[5] = 6
    raise error

class Meta(type):
    @property
    def __module__(cls):
        raise RuntimeError("no module")

class Untold(Exception, metaclass=Meta):
    pass

def untold():
    raise Untold("x")

def fork():
    os.write(1, b"before the fork\\n")
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return "parent"
    raise SystemExit
"""


@pytest.fixture
def odd(client, far_module):
    return client.module(far_module("odd", ODD))


def works(client):
    return client.module("os").path.join("a", "b") == "a/b"


def test_odd_things_in_sys_modules_do_not_end_a_session(client, odd):
    odd.odd_modules()
    assert works(client)


def test_a_stdout_whose_flush_raises_does_not_end_a_session(client, odd):
    odd.break_stdout()
    assert works(client)
    odd.repair_stdout()


def test_exceptions_that_cannot_be_looked_at_are_errors_of_the_call(client, odd):
    with pytest.raises(rproxy.RemoteExecError):
        odd.numbered()
    with pytest.raises(rproxy.RemoteExecError):
        odd.untold()
    assert works(client)


@pytest.mark.parametrize(("error", "code"), [(SystemExit(7), 7), (ValueError(), 1), (None, 0)], ids=repr)
def test_a_forked_child_ends_with_the_code_that_it_would_have_anywhere(stream_client, error, code):
    def fork(error):
        import os

        child = os.fork()
        if not child:
            if error is not None:
                raise error
            return None
        return os.WEXITSTATUS(os.waitpid(child, 0)[1])

    with stream_client.capture() as output:
        assert stream_client.call(fork, error) == code
    assert ("ValueError" in output.errors) == (code == 1)


def test_a_child_of_a_forked_child_keeps_its_files(stream_client):
    def fork_twice():
        import os

        reading, writing = os.pipe()
        if not os.fork():
            opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(8)]  # with the numbers that are free here
            if not os.fork():
                os.write(writing, b"fine" if all(map(os.fstat, opened)) else b"")
            os._exit(0)
        os.close(writing)
        with open(reading, "rb") as told:
            return told.read()

    assert stream_client.call(fork_twice) == b"fine"


def test_a_forked_child_that_comes_back_is_not_a_second_endpoint(client, odd):
    for _ in range(10):
        with client.capture() as out:
            assert odd.fork() == "parent"
        assert (out.text, out.errors) == ("before the fork\n", "")
    assert works(client)


def test_a_remote_stop_iteration_ends_a_yield_from(stream_client):
    code = """
import rproxy
client = rproxy.connect()
def mine():
    yield from client.call(lambda: (n for n in range(3)))
print(list(mine()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[0, 1, 2]\n", "")


def test_a_second_interrupt_of_a_sending_ends_the_session_and_says_so():
    with rproxy.connect() as client:
        remote, data = client.module("zlib"), bytes(300_000_000)
        os.kill(client.module("os").getpid(), signal.SIGSTOP)  # so that the sending cannot come to its end
        timers = [threading.Timer(wait, os.kill, (os.getpid(), signal.SIGINT)) for wait in (0.3, 0.6)]
        for timer in timers:
            timer.start()
        with pytest.raises(KeyboardInterrupt):
            remote.crc32(data)
        for timer in timers:
            timer.join()
        with pytest.raises(rproxy.ConnectionLost, match="interrupted as it was sent"):
            works(client)


def test_signals_to_the_endpoint_interrupt_calls_and_never_answers():
    with rproxy.connect() as client:
        remote_os, pid = client.module("os"), client.module("os").getpid()
        stop = threading.Event()

        def disturb():
            while not stop.wait(0.0005):
                os.kill(pid, signal.SIGINT)

        thread = threading.Thread(target=disturb)
        thread.start()
        answered = interrupted = 0
        try:
            for _ in range(1500):
                try:
                    answered += remote_os.path.join("a", "b") == "a/b"
                except rproxy.RemoteExecError as error:
                    interrupted += error.remote_type == "KeyboardInterrupt"
        finally:
            stop.set()
            thread.join()
        assert answered > 0
        assert answered + interrupted == 1500


@pytest.mark.parametrize("name", ["select", "random", "tempfile", "struct", "traceback", "typing", "signal"])
def test_files_of_the_current_directory_do_not_stand_in_for_the_endpoints_imports(channel, tmp_path, name, monkeypatch):
    (tmp_path / f"{name}.py").write_text("raise RuntimeError('the wrong module')\n")
    (tmp_path / "my_module.py").write_text("value = 5\n")
    monkeypatch.chdir(tmp_path)
    with connect_over(channel, endpoint_dir=str(tmp_path / "root")) as client:
        assert works(client)
        assert client.module("my_module").value == 5


def test_a_directory_that_goes_meanwhile_does_not_fail_a_call(stream_client, tmp_path):
    remote_os = stream_client.module("os")
    home = remote_os.getcwd()
    gone = tmp_path / "gone"
    gone.mkdir()
    remote_os.chdir(str(gone))
    with stream_client.cwd("/"):
        remote_os.rmdir(str(gone))
        assert remote_os.getcwd() == "/"
    remote_os.chdir(home)


def test_closing_does_not_wait_for_helpers_of_multiprocessing():
    client = rproxy.connect()
    name = client.call(
        lambda: __import__("multiprocessing.shared_memory").shared_memory.SharedMemory(create=True, size=1000).name
    )
    pid = client.module("os").getpid()
    client.close()
    assert ended(pid, within=0.5)
    until = time.monotonic() + 5
    while os.path.exists(f"/dev/shm/{name}") and time.monotonic() < until:
        time.sleep(0.05)
    assert not os.path.exists(f"/dev/shm/{name}")


def test_a_command_ends_what_its_call_has_started():
    with connect_over("command") as client:
        pid = client.call(lambda: __import__("subprocess").Popen(["sleep", "600"]).pid)
        assert ended(pid)


def test_documentation_of_modules_and_methods_is_the_far_sides(client):
    import textwrap

    module = client.module("textwrap")
    assert inspect.getdoc(module) == inspect.getdoc(textwrap)
    shown = pydoc.plain(pydoc.render_doc(module.TextWrapper))
    assert "fill(self, text)" in shown
    assert "Reformat the single paragraph" in shown


def test_names_that_were_set_are_in_dir(stream_client, far_module):
    module = stream_client.module(far_module("named", "def loads(): return 1\n"))
    module.loads, module.fresh = 1, 2
    assert {"loads", "fresh"} <= set(dir(module))
    del module.loads
    assert "loads" not in dir(module)


def test_modules_are_equal_where_they_mean_the_same(client):
    assert client.module("os") == client.module("os")
    assert client.module("os") != client.module("sys")


def test_a_place_for_temporary_files_that_cannot_be_written_to_is_named_over_commands(tmp_path):
    with pytest.raises(rproxy.RemoteNotSetupError, match="tmp_dir="):
        connect_over("command", tmp_dir="/proc/no")


def test_over_commands_the_endpoint_may_be_in_the_clients_own_folder(tmp_path):
    with connect_over("command", endpoint_dir="/proc/no", tmp_dir=str(tmp_path)) as client:
        assert works(client)
        assert client.info().endpoint.startswith(f"{tmp_path}/session-")
    assert os.listdir(tmp_path) == []


def test_settings_of_one_connector_are_not_anothers():
    from rproxy.connectors.local import LocalConnector
    from rproxy.testing import command_only

    class TextOnly(LocalConnector):
        text_only = True

    first, second = command_only(LocalConnector()), command_only(TextOnly())
    assert (first.text_only, second.text_only) == (False, True)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"python": ""}, ValueError),
        ({"python": 0}, TypeError),
        ({"endpoint_dir": ""}, ValueError),
        ({"setup": 5}, TypeError),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, error):
    with pytest.raises(error):
        rproxy.connect(**options)


def test_a_variable_may_be_called_self(client):
    with client.env(self="1"):
        assert client.module("os").getenv("self") == "1"
    for args in (None, 5):
        with pytest.raises(TypeError, match="args is a list or a dict"):
            client.do_remote_call("os", "getenv", args)
    with pytest.raises(TypeError, match="kwargs is a dict"):
        client.do_remote_call("os", "getenv", [], ["key"])
