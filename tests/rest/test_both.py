"""What holds for both services: commands, files, clients. These run against the services themselves too."""

import os
import signal
import threading

import pytest

import rproxy
from rproxy.connectors.base import Completed
from rproxy.connectors.reports import told_to
from rproxy.contract import check_connector

from .conftest import PYTHON

pytestmark = pytest.mark.once

BYTES = bytes(range(256)) * 40 + b"\r\n\r\n--\xff\x00"


def test_output_errors_and_the_exit_code_come_back(connector):
    assert connector.run("echo out; echo err >&2; exit 7") == Completed(b"out\n", b"err\n", 7)


@pytest.mark.parametrize("output", ["", "x", "x\n", "x\n\n", "\n"])
def test_the_end_of_output_is_as_it_was(connector, output):
    assert connector.run(f"printf %b '{output.encode('unicode_escape').decode()}'").stdout == output.encode()


@pytest.mark.parametrize(
    "command",
    [
        "echo \"it's\" 'quoted \"twice\"' back\\\\slash !bang '$HOME' `echo tick`",
        "cat <<'END'\nhere $HOME\n!!\nEND",
        "echo é 日本 '\t'",
        "(exit 3); echo $?; # a comment",
        "for i in 1 2 3; do\n  echo $i\ndone",
    ],
)
def test_a_command_means_what_it_means_to_a_posix_shell(connector, command):
    import subprocess

    here = subprocess.run(["/bin/sh", "-c", command], capture_output=True)
    assert connector.run(command) == Completed(here.stdout, here.stderr, here.returncode)


def test_a_command_that_no_shell_can_read_is_a_failure_of_the_command(connector):
    done = connector.run("if then fi (")
    assert done.returncode != 0
    assert b"yntax" in done.stderr


@pytest.mark.parametrize("size", [1, 300, 100_000])
def test_input_reaches_the_command(connector, size):
    data = os.urandom(size)
    assert connector.run("od -An -v -tx1 | tr -d ' \\n'", input=data).stdout.decode() == data.hex()


def test_without_input_a_command_reads_an_end_of_file(connector):
    assert connector.run("cat; echo end").stdout == b"end\n"


def test_a_command_that_is_too_long_is_refused_before_it_is_sent(connector):
    with pytest.raises(rproxy.ConnectorError, match="push it as a file"):
        connector.run("echo " + "x" * 200_000)


def test_files_travel_byte_for_byte_whatever_they_are_called(connector, folder, local_file, tmp_path):
    for name in ("plain", "two words", "it's", 'q"uote', "50% #1?", "naïve+&=;", "-dash", "$HOME"):
        path = f"{folder}/{name}"
        connector.push(local_file(BYTES), path)
        connector.pull(path, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == BYTES


@pytest.mark.parametrize("data", [b"", b"text\n", b"text\r\n", b"caf\xc3\xa9"])
def test_small_and_empty_files_are_what_they_were(connector, folder, local_file, tmp_path, data):
    connector.push(local_file(data), f"{folder}/x")
    connector.pull(f"{folder}/x", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == data


@pytest.mark.parametrize("size", [1000, 1001, 27_500])
def test_files_beyond_the_limit_travel_in_pieces_and_leave_nothing(connector, folder, local_file, tmp_path, size):
    connector.transfer_limit = 1000
    data = os.urandom(size)
    connector.push(local_file(data), f"{folder}/large file")
    connector.pull(f"{folder}/large file", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == data
    assert connector.run(f"ls -A {folder}; ls -Ad $HOME/.rproxy-*").stdout == b"large file\n"


def test_a_copy_tells_after_each_request_how_far_it_is(connector, folder, local_file, tmp_path):
    connector.transfer_limit = 1000
    told = []
    with told_to(told.append):
        connector.push(local_file(bytes(2500)), f"{folder}/x")
        connector.pull(f"{folder}/x", tmp_path / "back")
    assert told == [1000, 2000, 2500, 2500]  # the service gives it at once


def test_a_missing_file_is_an_error_and_makes_none_here(connector, folder, tmp_path):
    with pytest.raises(rproxy.ConnectorError, match="No such file"):
        connector.pull(f"{folder}/missing", tmp_path / "back")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_an_error(connector, folder, local_file):
    with pytest.raises(rproxy.ConnectorError, match="No such file"):
        connector.push(local_file(b"x"), f"{folder}/missing/x")


def test_a_path_that_is_not_absolute_is_refused(connector, local_file):
    with pytest.raises(rproxy.ConnectorError, match="absolute"):
        connector.push(local_file(b"x"), "relative")


def test_a_missing_local_file_is_an_error(connector, folder, tmp_path):
    with pytest.raises(rproxy.ConnectorError, match="cannot read"):
        connector.push(tmp_path / "missing", f"{folder}/x")


def test_values_exceptions_and_output_travel(client):
    assert client.module("builtins").bytes(range(256)) == bytes(range(256))
    with pytest.raises(FileNotFoundError):
        client.module("os").stat("/no/such/file")
    value, printed = client.do_remote_call("builtins", "print", ["é", 1])
    assert (value, printed) == (None, "é 1\n")


def test_large_arguments_and_results_travel(client):
    data = os.urandom(3_000_000)
    assert client.module("copy").copy(data) == data


def test_a_batch_is_one_command(client):
    remote = client.module("operator")
    with client.batch():
        promises = [remote.add(number, 1) for number in range(5)]
    assert [promise.result() for promise in promises] == [1, 2, 3, 4, 5]


def stay(path):
    """Runs for long, and so does a child; notes both."""
    import os
    import subprocess
    import time

    child = subprocess.Popen(["sleep", "600"])
    with open(path + "~", "w") as file:
        file.write(f"{os.getpid()} {child.pid}")
    os.rename(path + "~", path)
    time.sleep(600)


def wait_until_gone(connector, path):
    """Fails if what `stay` has noted goes on for longer than a moment."""
    first, child = connector.run(f"cat {path}").stdout.decode().split()
    lives = "lives() { grep -qs '^[^)]*) [^ZX]' /proc/$1/stat; }; n=0; "
    waited = f"while lives {first} || lives {child}; do sleep 0.1; n=$((n + 1)); [ $n -lt 200 ] || exit 1; done"
    assert connector.run(lives + waited).returncode == 0


def test_a_call_that_takes_too_long_is_ended_there_with_what_it_has_started(client, connector, folder):
    with client.timeout(4), pytest.raises(rproxy.CallTimeout, match="longer than 4 s: its command was ended"):
        client.call(stay, f"{folder}/pids")
    wait_until_gone(connector, f"{folder}/pids")


def test_an_interrupt_ends_the_call_there_with_what_it_has_started(client, connector, folder):
    def interrupt():
        connector.run(f"until [ -e {folder}/pids ]; do sleep 0.1; done")
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        client.call(stay, f"{folder}/pids")
    thread.join()
    wait_until_gone(connector, f"{folder}/pids")


def test_temporary_files_go_with_the_client(connector):
    before = connector.run("ls $HOME/.rproxy/tmp").stdout
    client = rproxy.RemoteClient(connector, python=PYTHON)
    client.module("copy").copy(bytes(3_000_000))
    client._session.close()  # and not yet the connector, which is asked
    assert connector.run("ls $HOME/.rproxy/tmp").stdout == before


def test_a_resident_endpoint_keeps_state_and_objects_between_commands(connector):
    with rproxy.RemoteClient(connector, python=PYTHON, resident=True) as client:
        module = client.module("string")
        module.marker = "set by one call"
        assert module.marker == "set by one call"
        counter = client.module("itertools").count(3)
        assert (next(counter), next(counter)) == (3, 4)
        assert client.module("os").getpid() == client.module("os").getpid()


@pytest.mark.timeout(300)
def test_the_connector_keeps_the_contract_of_connectors(connector):
    connector.transfer_limit = min(connector.transfer_limit, 5_242_880)
    assert len(check_connector(connector)) >= 20
