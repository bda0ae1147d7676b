"""What goes over a paramiko:// connection: bulk, long links, changes of keys, ends of either side."""

import gc
import hashlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import rproxy
from rproxy.errors import CallTimeout, ConnectionLost, ConnectorError
from rproxy.testing import check_connector

from ..services.link import Link
from .accounts import account
from .conftest import ssh_connector
from .sshd import HOST, command_of, program, wait_for

pytestmark = pytest.mark.once

MEGABYTE = 1 << 20
#: Sends back all that it gets, as its own process: cat.
ECHO = "exec cat"


def exchanged(stream, data):
    """What an echo sends back, while it is still being sent."""
    back = bytearray()
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(stream.write, [data])
        buffer = memoryview(bytearray(MEGABYTE))
        while len(back) < len(data):
            count = stream.readinto(buffer)
            assert count, "it ended before it had sent back all"
            back += buffer[:count]
        sending.result(timeout=60)
    return bytes(back)


def closed_after(stream):
    stream.close()
    return stream.diagnosis()


# -- the contract --------------------------------------------------------------------------------------


def test_the_contract_of_connectors_by_a_chosen_shell(sshd):
    assert check_connector(ssh_connector("paramiko", sshd(shell=program("sh", "dash"))))


def test_one_connection_carries_everything(sshd, connect_ssh, tmp_path):
    server = sshd()
    client = connect_ssh("paramiko", server)
    client.module("os").getpid()
    (tmp_path / "file").write_bytes(b"x")
    client._connector.push(tmp_path / "file", f"{server.home}/file")
    assert client._connector.run(f"cat {server.home}/file").stdout == b"x"
    assert server.logins() == 1


# -- bulk ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data():
    return os.urandom(64 * MEGABYTE)


def test_64_megabytes_go_both_ways_unchanged(shared_sshd, connector, data):
    stream = connector(shared_sshd).open(ECHO)
    assert hashlib.sha256(exchanged(stream, data)).digest() == hashlib.sha256(data).digest()
    assert closed_after(stream) == "exit code 0"


def test_bulk_survives_changes_of_keys_by_the_host(sshd, connector, data):
    server = sshd(settings=("RekeyLimit 4M", "LogLevel DEBUG"))
    stream = connector(server).open(ECHO)
    assert exchanged(stream, data) == data
    assert server.log().count("SSH2_MSG_NEWKEYS received") > 3


def test_bulk_survives_changes_of_keys_by_us(sshd, connector, data):
    server = sshd(settings=("LogLevel DEBUG",))
    made = connector(server)
    made.run("true")
    made._link.transport.packetizer.REKEY_BYTES = 4 * MEGABYTE
    stream = made.open(ECHO)
    assert exchanged(stream, data) == data
    assert server.log().count("SSH2_MSG_NEWKEYS received") > 3


def test_commands_may_end_while_keys_are_changed(sshd, connector):
    """paramiko's thread answers a command's end, which it must not wait to do until it has changed the keys."""
    made = connector(sshd())
    made.run("true")
    made._link.transport.packetizer.REKEY_BYTES = 40_000
    for _ in range(30):
        assert len(made.run("head -c 50000 /dev/zero").stdout) == 50000


def test_a_file_of_64_megabytes_goes_both_ways_unchanged(shared_sshd, connector, data, tmp_path):
    (tmp_path / "there").write_bytes(data)
    os.chmod(tmp_path / "there", 0o640)
    made, remote = connector(shared_sshd), f"{shared_sshd.home}/file"
    made.push(tmp_path / "there", remote)
    made.pull(remote, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == data
    assert (tmp_path / "back").stat().st_mode & 0o777 == 0o640


def test_a_copy_that_fails_leaves_nothing(shared_sshd, connector, tmp_path):
    made = connector(shared_sshd)
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(ConnectorError, match="(?s)cannot copy .*/file to /nowhere/file .*(nonexistent|No such file)"):
        made.push(tmp_path / "file", "/nowhere/file")
    with pytest.raises(ConnectorError, match="(?s)cannot copy /nowhere/file .*No such file"):
        made.pull("/nowhere/file", tmp_path / "back")
    assert [path.name for path in tmp_path.glob("*back*")] == []


def test_a_window_is_as_wide_as_a_long_link_holds(shared_sshd, connector):
    """While nobody reads, a link of 50 ms and 300 MB/s stays full: all of this comes before we read any of it."""
    with Link(HOST, shared_sshd.port, 0.05) as link:
        known = f"{shared_sshd.folder}/known_delayed"
        with open(known, "w") as file:
            file.write(f"[{link.host}]:{link.port} {shared_sshd.keys.bare('host')}\n")
        made = connector(shared_sshd, to=f"{shared_sshd.user}@{link.host}:{link.port}", known_hosts=known)
        total = 15 * MEGABYTE
        stream = made.open(f"head -c {total} /dev/zero; exit 7")
        assert stream.readinto(memoryview(bytearray(1))) == 1
        wait_for(lambda: stream._stream._channel.status_event.is_set())
        assert "exit code 7" in closed_after(stream)


# -- standard error ------------------------------------------------------------------------------------


def test_standard_error_never_blocks_and_its_end_is_kept(shared_sshd, connector):
    stream = connector(shared_sshd).open(
        "head -c 40000000 /dev/zero | tr '\\0' x >&2; echo last words >&2; echo out; exit 3"
    )
    buffer = memoryview(bytearray(100))
    assert bytes(buffer[: stream.readinto(buffer)]) == b"out\n"
    assert stream.readinto(buffer) == 0
    assert stream.diagnosis().startswith("exit code 3; it said:") and stream.diagnosis().endswith("last words")


def test_a_command_that_talks_on_standard_error_reads_its_input_on(shared_sshd, connector):
    """It reads nothing before it was heard: who writes must listen too."""
    stream = connector(shared_sshd).open("head -c 40000000 /dev/zero >&2; wc -c")
    stream.write([bytes(20 * MEGABYTE)])
    stream._stream._channel.shutdown_write()
    buffer = memoryview(bytearray(100))
    assert int(bytes(buffer[: stream.readinto(buffer)])) == 20 * MEGABYTE


def test_a_whole_standard_error_comes_back_from_a_command(shared_sshd, connector):
    done = connector(shared_sshd).run("head -c 20000000 /dev/zero >&2; echo out; exit 5")
    assert (done.stdout, len(done.stderr), done.returncode) == (b"out\n", 20_000_000, 5)


# -- ends ----------------------------------------------------------------------------------------------


@pytest.fixture
def person_sshd(sshd, keys):
    """A server for a login of its own: sshd kills commands for everybody but root."""
    with account() as person:
        authorized = Path(person.home) / "authorized"
        authorized.write_text(f"{keys.public('user')}\n")
        settings = (f"AuthorizedKeysFile {authorized}",)
        yield sshd(settings=settings, user=person.name, environment={"HOME": None})


def test_a_command_that_takes_too_long_is_killed(person_sshd, connector):
    server = person_sshd
    made = connector(server)
    with pytest.raises(CallTimeout, match="took longer than 0.3 s"):
        made.run("sleep 60; true", timeout=0.3)
    wait_for(lambda: "sleep" not in map(command_of, server.sessions()))
    assert made.run("echo on").stdout == b"on\n"


def test_a_command_that_ignores_the_end_of_its_input_is_killed_at_close(person_sshd, connector, monkeypatch):
    monkeypatch.setattr("rproxy.connectors.paramiko.stream.GRACE", 0.3)
    server = person_sshd
    made = connector(server)
    stream = made.open("exec sleep 60")
    wait_for(lambda: "sleep" in map(command_of, server.sessions()))
    stream.close()
    wait_for(lambda: "sleep" not in map(command_of, server.sessions()))
    assert made.run("echo on").stdout == b"on\n"


def test_a_server_that_goes_in_the_middle_of_a_call_is_a_lost_connection(sshd, connect_ssh):
    server = sshd()
    client = connect_ssh("paramiko", server)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.module("os").system, "exec sleep 60")
        wait_for(lambda: "sleep" in map(command_of, server.sessions()))
        server.cut()
        with pytest.raises(ConnectionLost, match="the connection to .* is lost") as caught:
            call.result(timeout=30)
    assert caught.value.may_have_run
    with pytest.raises(ConnectionLost) as caught:
        client.module("time").sleep(0)
    assert not caught.value.may_have_run


def test_a_server_that_goes_in_the_middle_of_a_command_is_a_lost_connection(sshd, connector):
    server = sshd()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(connector(server).run, "sleep 60")
        wait_for(lambda: "sleep" in map(command_of, server.sessions()))
        server.cut()
        with pytest.raises(ConnectionLost, match="Whether the command has run is unknown"):
            running.result(timeout=30)


def test_after_a_loss_the_next_command_connects_again(sshd, connector):
    server = sshd()
    made = connector(server)
    made.run("true")
    server.cut()
    wait_for(lambda: not made._link.alive)
    assert made.run("echo again").stdout == b"again\n"
    assert server.logins() == 2


def test_a_write_after_the_end_is_an_error(shared_sshd, connector):
    stream = connector(shared_sshd).open("exit 4")
    assert stream.readinto(memoryview(bytearray(10))) == 0

    def refused():
        try:
            stream.write([b"x"])
        except OSError as error:
            return "closed its input" in str(error)
        return False  # the host's word of it has not come yet

    wait_for(refused)
    assert stream.diagnosis() == "exit code 4"


def test_a_killed_command_says_so(shared_sshd, connector):
    stream = connector(shared_sshd).open("kill -9 $$")
    assert stream.readinto(memoryview(bytearray(10))) == 0
    assert stream.diagnosis() == "killed, or closed by the host"


def test_no_more_sessions_is_told(sshd, connector):
    made = connector(sshd(settings=("MaxSessions 1",)))
    stream = made.open(ECHO)
    with pytest.raises(ConnectorError, match="opens no more sessions on this connection"):
        made.run("true")
    assert closed_after(stream) == "exit code 0"


def test_closing_ends_all_threads(shared_sshd, connect_ssh):
    before = threading.active_count()
    client = connect_ssh("paramiko", shared_sshd)
    client.module("os").getpid()
    assert threading.active_count() > before
    client.close()
    assert threading.active_count() == before


def test_a_client_that_nobody_keeps_ends_by_itself(sshd):
    server = sshd()
    client = rproxy.connect(ssh_connector("paramiko", server), python=sys.executable)
    client.module("os").getpid()
    assert server.sessions()
    del client
    gc.collect()
    wait_for(lambda: not server.sessions())


# -- processes that end and fork -----------------------------------------------------------------------


def run_client(server, code, **options):
    """Runs code with a `client` in a process of its own; what it prints, says and ends with."""
    head = f"""
        import os, signal, sys, time
        import rproxy
        client = rproxy.connect(
            "paramiko://{server.address}", identity={server.keys["user"]!r}, known_hosts={server.known_hosts!r},
            ssh_config="none", python=sys.executable,
        )
        remote_os = client.module("os")
    """
    program = textwrap.dedent(head) + textwrap.dedent(code)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, **options)


def test_an_interpreter_that_exits_without_close_is_silent_and_leaves_nothing(sshd):
    server = sshd()
    done = run_client(server, "print(remote_os.getppid() != os.getpid())")
    assert (done.stdout, done.stderr, done.returncode) == ("True\n", "", 0)
    wait_for(lambda: not server.sessions())


@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_client_that_is_killed_leaves_nothing(sshd, end):
    server = sshd()
    done = run_client(server, f"remote_os.getpid(); {end}")
    assert done.stderr == ""
    wait_for(lambda: not server.sessions())


def test_a_forked_child_cannot_use_or_end_its_parents_connection_but_makes_its_own(sshd):
    server = sshd()
    done = run_client(
        server,
        """
        first, connector, stream = remote_os.getpid(), client._connector, client._session.channel._stream
        child = os.fork()
        if not child:
            try:
                remote_os.getpid()
            except rproxy.RProxyError as error:
                print("belongs to the process" in str(error), flush=True)
            try:
                stream.write([b"x"])
            except OSError as error:
                print("connect again after a fork" in str(error), flush=True)
            print(connector.run("echo its own").stdout, flush=True)
            stream.close()
            connector.close()
            sys.exit(3)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), remote_os.getpid() == first)
        """,
    )
    assert done.stdout == "True\nTrue\nb'its own\\n'\n3 True\n", done
    assert server.logins() == 2


def test_a_forked_child_does_not_keep_the_connection_open(sshd):
    server = sshd()
    code = """
    remote_os.getpid()
    if not os.fork():
        os.close(1); os.close(2)
        time.sleep(30)
        os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)
    """
    before = time.monotonic()
    assert run_client(server, code).returncode == -signal.SIGKILL
    wait_for(lambda: not server.sessions())
    assert time.monotonic() - before < 30, "the child kept it"


# -- signs of life -------------------------------------------------------------------------------------


def test_signs_of_life_are_sent_as_often_as_the_configuration_says(sshd, connector, write_config):
    server = sshd(settings=("LogLevel DEBUG",))
    made = connector(server, ssh_config=write_config("ServerAliveInterval 1"))
    made.run("true")
    assert made._link.transport.packetizer._Packetizer__keepalive_interval == 1
    wait_for(lambda: "keepalive@" in server.log())


def test_a_link_whose_signs_of_life_nobody_confirms_is_given_up(shared_sshd, connector, write_config):
    """The kernel does it, when its time has come; to see that here a network would have to be cut."""
    made = connector(shared_sshd, ssh_config=write_config("ServerAliveInterval 20", "ServerAliveCountMax 2"))
    made.run("true")
    own = made._link.dialled.socket._socket
    assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 40_000
