"""What a call prints is recorded, in order, whole, from wherever it comes."""

import os
import subprocess
import sys
import time

import pytest

import rproxy

PRINTER = """
import ctypes, os, subprocess, sys, threading, time
libc = ctypes.CDLL(None)

def all_ways():
    print("python", end=" ")
    os.write(1, b"os ")
    subprocess.run(["printf", "child "])
    libc.printf(b"c ")
    libc.fflush(None)
    print("end")
    sys.stderr.write("error\\n")
    os.write(2, b"error 2\\n")

def unflushed():
    libc.printf(b"from C's own buffer\\n")

def lines(count):
    for number in range(count):
        print(number)

def bytes_of(count):
    block = bytes(range(256)) * 256
    for _ in range(count // len(block)):
        os.write(1, block)

def both(count):
    for number in range(count):
        sys.stdout.write("o" * 1000)
        sys.stderr.write("e" * 1000)

def child(count):
    subprocess.run(["head", "-c", str(count), "/dev/zero"], check=True)

def later(text):
    def wait():
        time.sleep(0.2)
        print(text)
    threading.Thread(target=wait).start()

def ticks(path):
    print("before", flush=True)
    while not os.path.exists(path):
        time.sleep(0.01)
    print("after")

def fail():
    print("printed before it failed")
    raise ValueError("failed")

def raw(data):
    os.write(1, data)

def replaced():
    import io
    sys.stdout, old = io.StringIO(), sys.stdout
    print("into a buffer")
    sys.stdout.close()
    sys.stdout = old
    print("back")

def leave_open():
    subprocess.Popen(["sh", "-c", "sleep 0.3; echo from a child that was left"])
"""


@pytest.fixture
def printer(client, far_module):
    return far_module("printer", PRINTER)


def test_python_c_and_children_are_recorded_in_order(client, printer, capsys):
    _, text = client.do_remote_call(printer, "all_ways")
    assert text == "python os child c end\n"
    assert capsys.readouterr() == ("", "error\nerror 2\n")


def test_what_c_keeps_in_its_own_buffer_is_recorded(client, printer):
    assert client.do_remote_call(printer, "unflushed")[1] == "from C's own buffer\n"
    assert client.do_remote_call(printer, "unflushed")[1] == "from C's own buffer\n"


def test_natural_calls_show_their_output_here_with_errors_apart(client, printer, capsys):
    client.module(printer).all_ways()
    assert capsys.readouterr() == ("python os child c end\n", "error\nerror 2\n")


def test_output_is_shown_while_the_call_runs(stream_client, far_module, tmp_path):
    module = stream_client.module(far_module("printer", PRINTER))
    mark = tmp_path / "seen"

    class Screen:
        text = ""

        def write(self, text):
            self.text += text
            mark.touch()  # only now can the call come to its end

        def flush(self):
            pass

    screen, sys.stdout = sys.stdout, Screen()
    try:
        module.ticks(str(mark))
        shown = sys.stdout.text
    finally:
        sys.stdout = screen
    assert shown == "before\nafter\n"


def test_capture_collects_natural_output(client, printer, capsys):
    module = client.module(printer)
    with client.capture() as out:
        module.all_ways()
        module.lines(2)
    assert (out.text, out.errors) == ("python os child c end\n0\n1\n", "error\nerror 2\n")
    assert capsys.readouterr() == ("", "")
    module.lines(1)
    assert capsys.readouterr().out == "0\n"


def test_capture_is_private_to_its_thread(stream_client, far_module, capsys):
    from concurrent.futures import ThreadPoolExecutor

    module = stream_client.module(far_module("printer", PRINTER))
    with stream_client.capture() as out, ThreadPoolExecutor(1) as pool:
        pool.submit(module.lines, 1).result()
    assert out.text == ""
    assert capsys.readouterr().out == "0\n"


@pytest.mark.parametrize("way", ["bytes_of", "child"])
def test_fifty_megabytes_lose_no_byte(client, printer, way):
    size = 50 * 2**20
    with client.capture() as out:
        getattr(client.module(printer), way)(size)
    block = bytes(range(256)) * 256 if way == "bytes_of" else bytes(65536)
    assert len(out.bytes) == size
    assert out.bytes == block * (size // len(block))


def test_many_lines_on_both_streams_do_not_block_each_other(client, printer):
    with client.capture() as out:
        client.module(printer).both(3000)
    assert (len(out.text), len(out.errors)) == (3_000_000, 3_000_000)


def test_bytes_that_are_no_text_come_back(client, printer):
    data = bytes(range(256))
    with client.capture() as out:
        client.module(printer).raw(data)
    assert out.bytes == data
    text = client.do_remote_call(printer, "raw", [data])[1]
    assert text.encode("utf-8", "surrogateescape") == data


def test_a_character_that_is_cut_in_two_is_shown_whole(stream_client, far_module, capsys):
    module = stream_client.module(far_module("printer", PRINTER))
    euro = "€".encode()
    module.raw(euro[:1])
    module.raw(euro[1:] + b"\n")
    assert capsys.readouterr().out == "€\n"


def test_the_output_of_a_call_that_fails_is_on_the_error(client, printer):
    with pytest.raises(ValueError, match="failed") as caught:
        client.do_remote_call(printer, "fail")
    assert caught.value.stdout == "printed before it failed\n"


def test_a_module_that_prints_while_it_is_imported_corrupts_nothing(client, far_module, capsys):
    name = far_module("loud", "import os\nprint('importing')\nos.write(1, b'\\x00\\xff raw\\n')\ndef f(): return 5\n")
    module = client.module(name)
    assert module.f() == 5
    assert capsys.readouterr().out.startswith("importing\n\x00")


def test_a_thread_that_prints_after_its_call_corrupts_nothing(stream_client, far_module, capsys):
    module = stream_client.module(far_module("printer", PRINTER))
    module.later("from a thread")
    time.sleep(0.4)
    assert stream_client.module("os").path.join("a", "b") == "a/b"
    assert capsys.readouterr().out == "from a thread\n"


def test_a_child_that_prints_after_its_call_corrupts_nothing(stream_client, far_module, capsys):
    module = stream_client.module(far_module("printer", PRINTER))
    module.leave_open()
    time.sleep(0.6)
    stream_client.ping()
    assert capsys.readouterr().out == "from a child that was left\n"


def test_code_that_replaces_and_closes_stdout_does_no_harm(client, printer):
    assert client.do_remote_call(printer, "replaced")[1] == "back\n"


def test_noise_before_the_endpoint_corrupts_nothing(channel):
    from .conftest import connect_over

    setup = "echo 'Welcome to the cluster'; printf 'no newline <rproxy:'; echo errors >&2"
    with connect_over(channel, setup=setup) as client:
        assert client.module("os").path.join("a", "b") == "a/b"


def test_a_shell_that_echoes_its_commands_corrupts_nothing(channel):
    from .conftest import connect_over

    with connect_over(channel, setup="exec 2>&1; set -x") as client:
        assert client.module("os").path.join("a", "b") == "a/b"


def test_standard_input_is_empty(client):
    with pytest.raises(EOFError):
        client.module("builtins").input()


def test_an_interpreter_without_standard_output_still_works():
    run = "rproxy.connect().module('builtins').print('lost')"
    code = f"import sys, rproxy\nsys.stdout = None\n{run}\nsys.stderr.write('fine')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "fine")


def test_output_that_this_terminal_cannot_show_is_shown_escaped():
    code = "import rproxy\nrproxy.connect().module('builtins').print('\\u20ac')"
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=env)
    assert (done.stdout, done.stderr) == ("\\u20ac\n", "")


def test_rproxy_is_imported_without_side_effects():
    assert rproxy.__version__
