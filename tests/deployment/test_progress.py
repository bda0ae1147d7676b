"""Long copies: what is shown of them, what they leave when they are stopped, how much memory they take."""

import os
import pty
import signal
import subprocess
import sys
import textwrap

import pytest

import rproxy
from rproxy.connectors.prefix import PrefixConnector
from rproxy.testing import command_only

from ..ssh.sshd import wait_for

pytestmark = pytest.mark.once

SIZE = 20 << 20
#: Copies of the system's kind, by a stream, and by a connector that has only the three methods.
WAYS = {
    "local": rproxy.connectors.local.LocalConnector,
    "stream": lambda: PrefixConnector(["env"]),
    "commands": lambda: command_only(PrefixConnector(["env"])),
}


@pytest.fixture(params=WAYS)
def client(request):
    with rproxy.connect(WAYS[request.param](), python=sys.executable) as client:
        yield client


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(os.urandom(1 << 20) * (SIZE >> 20))
    return path


@pytest.fixture
def folder(tmp_path):
    """Where an older copy is."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/copy").write_bytes(b"old")
    return tmp_path / "folder"


def holds_the_old_copy_only(folder):
    return os.listdir(folder) == ["copy"] and (folder / "copy").read_bytes() == b"old"


# -- what is told --------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["push", "pull"])
def test_a_function_is_told_how_far_a_copy_is(client, source, folder, verb):
    told = []
    getattr(client, verb)(source, folder / "copy", progress=lambda done, total: told.append((done, total)))
    assert (told[0], told[-1]) == ((0, SIZE), (SIZE, SIZE))
    assert told == sorted(set(told)) and len(told) >= 5
    assert (folder / "copy").read_bytes() == source.read_bytes()


def test_of_an_empty_file_the_beginning_and_the_end_are_told(client, tmp_path):
    (tmp_path / "empty").touch()
    told = []
    client.push(tmp_path / "empty", tmp_path / "copy", progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 0), (0, 0)]


def test_of_a_folder_its_archive_is_told(client, folder, tmp_path):
    told = []
    client.pull(folder, tmp_path / "copy", progress=lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] > 1000


@pytest.mark.parametrize("progress", [True, 5, "bar"])
def test_a_progress_that_cannot_be_meant_is_refused_before_anything_is_sent(stream_client, source, folder, progress):
    for verb in (stream_client.push, stream_client.pull):
        with pytest.raises(TypeError, match=r"progress is None \(a bar on a terminal\), False, or a function"):
            verb(source, folder / "copy", progress=progress)
    assert holds_the_old_copy_only(folder)


# -- what is shown -------------------------------------------------------------------------------------

COPIES = """
import rproxy, sys
with rproxy.connect({target!r}, python=sys.executable) as client:
    client.push({source!r}, {folder!r} + "/copy"{more})
    client.pull({source!r}, {folder!r} + "/copy"{more})
print("rich" in sys.modules)
"""


def run_with_terminal(code):
    """What Python prints for some code, on standard output and on the terminal that is its standard error."""
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=slave, env=environment)
    os.close(slave)
    seen = bytearray()
    try:
        while data := os.read(master, 65536):
            seen += data
    except OSError:
        pass  # how a terminal tells its end
    finally:
        os.close(master)
    out, _ = process.communicate()
    return out.decode(), seen.decode()


@pytest.mark.parametrize("target", ["local://", "env://?A=1"])
def test_a_bar_is_shown_on_a_terminal(source, folder, target):
    out, seen = run_with_terminal(COPIES.format(target=target, source=str(source), folder=str(folder), more=""))
    assert out == "True\n"
    assert seen.count("20.0/20.0 MiB") >= 2 and "source" in seen and "━" in seen


def test_no_bar_is_shown_on_a_terminal_if_none_is_wanted(source, folder):
    code = COPIES.format(target="local://", source=str(source), folder=str(folder), more=", progress=False")
    assert run_with_terminal(code) == ("False\n", "")


def test_no_bar_is_shown_in_a_pipe(source, folder):
    code = COPIES.format(target="local://", source=str(source), folder=str(folder), more="")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_a_bar_is_shown_in_a_notebook(source, folder):
    pytest.importorskip("IPython", reason="install ipython")
    cell = COPIES.format(target="local://", source=str(source), folder=str(folder), more="")
    code = f"""
    from IPython.core.interactiveshell import InteractiveShell
    class ZMQInteractiveShell(InteractiveShell): "What a notebook's kernel has, without its sockets."
    ZMQInteractiveShell.instance().run_cell({cell!r})
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
    assert done.stdout == "True\n"
    assert done.stderr.count("20.0/20.0 MiB") >= 2 and "\x1b[2K" in done.stderr  # drawn over itself
    assert "Warning" not in done.stderr


# -- what is left --------------------------------------------------------------------------------------


def interrupt(done, total):
    if done > total // 2:
        signal.raise_signal(signal.SIGINT)


def fail(done, total):
    if done > total // 2:
        raise RuntimeError("in the middle")


@pytest.mark.parametrize("verb", ["push", "pull"])
@pytest.mark.parametrize(("stop", "error"), [(interrupt, KeyboardInterrupt), (fail, RuntimeError)])
def test_what_stops_a_copy_leaves_the_old_file_and_a_client_that_goes_on(client, source, folder, verb, stop, error):
    with pytest.raises(error):
        getattr(client, verb)(source, folder / "copy", progress=stop)
    assert holds_the_old_copy_only(folder)
    assert client.module("os").path.join("a", "b") == "a/b"


def test_a_disk_that_is_full_there_leaves_the_old_file(source, folder):
    limited = PrefixConnector(["sh", "-c", 'ulimit -f 10000; exec "$@"', "sh"])  # blocks of 512 or 1024 bytes
    with rproxy.connect(limited, python=sys.executable) as client:
        with pytest.raises(rproxy.ConnectorError, match="cannot copy .*source to .*"):
            client.push(source, folder / "copy")
        assert holds_the_old_copy_only(folder)


@pytest.mark.parametrize("target", ["local://", "env://?A=1"])
def test_a_client_that_is_killed_leaves_nothing_half(source, folder, target):
    code = f"""
    import os, rproxy, signal, sys
    def kill(done, total):
        if done > total // 2:
            os.kill(os.getpid(), signal.SIGKILL)
    client = rproxy.connect({target!r}, python=sys.executable)
    client.push({str(source)!r}, {str(folder / "copy")!r}, progress=kill)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")
    wait_for(lambda: holds_the_old_copy_only(folder))


# -- memory --------------------------------------------------------------------------------------------

GIGABYTE = """
import os, rproxy, sys
PEAK = "/proc/self/status"
def peak(text):
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM"))
source, copy = sys.argv[1:3]
with rproxy.connect(sys.argv[3], python=sys.executable) as client:
    for verb in (client.push, client.pull):
        verb(source, copy)
        print(os.path.getsize(copy))
        os.unlink(copy)
    print(peak(open(PEAK).read()), peak(client.module("pathlib").Path(PEAK).read_text()))
"""


@pytest.mark.slow
@pytest.mark.parametrize("target", ["local://", "env://?A=1"])
def test_a_gigabyte_takes_little_memory_on_either_side(tmp_path, target):
    source = tmp_path / "source"
    with open(source, "wb") as file:
        file.truncate(1 << 30)
    command = [sys.executable, "-c", GIGABYTE, str(source), str(tmp_path / "copy"), target]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *sizes, here, there = map(int, done.stdout.split())
    assert sizes == [1 << 30, 1 << 30]
    assert max(here, there) < 150_000  # kilobytes
