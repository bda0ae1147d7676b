"""What is OpenSSH's own: shared connections, the user's configuration, and how often a start waits."""

import gc
import os
import re
import subprocess
import sys
import threading

import pytest

import rproxy
from rproxy.connectors.openssh.settings import _has_aes
from rproxy.connectors.processes import Process

from ..services.ssh_keys import PASSPHRASE
from .conftest import says, ssh_connector
from .sshd import HOST, command_of, descendants, free_port, wait_for

pytestmark = pytest.mark.once

# -- one connection -------------------------------------------------------------------------------------


def test_commands_files_and_streams_share_one_connection(sshd, reach, tmp_path):
    server = sshd()
    connector = reach(server)
    stream = connector.open("exec cat")
    assert says(connector)
    (tmp_path / "file").write_bytes(b"x")
    connector.push(tmp_path / "file", str(tmp_path / "there"))
    connector.pull(str(tmp_path / "there"), tmp_path / "back")
    stream.close()
    assert says(connector)
    assert server.logins() == 1


def test_the_connection_ends_with_the_connector_and_leaves_no_file(sshd, reach, short_folder, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(short_folder / "t"))
    (short_folder / "t").mkdir()
    server = sshd()
    connector = reach(server)
    assert says(connector) and len(list((short_folder / "t").iterdir())) == 1
    connector.close()
    wait_for(lambda: server.sessions() == [])
    assert list((short_folder / "t").iterdir()) == []
    with pytest.raises(rproxy.ConnectorError, match="is closed"):
        connector.run("true")


def test_a_client_that_is_forgotten_ends_its_connection(sshd):
    server = sshd()
    client = rproxy.connect(ssh_connector("ssh", server), python=sys.executable)
    client.ping()
    assert server.logins() == 1
    del client
    gc.collect()
    wait_for(lambda: server.sessions() == [])


def test_a_server_that_takes_no_second_session_is_asked_for_another_connection(sshd, reach):
    server = sshd(settings=("MaxSessions 1",))
    connector = reach(server)
    stream = connector.open("exec cat")
    assert says(connector)
    stream.close()
    assert server.logins() == 2


def test_without_sharing_each_command_connects_by_itself(sshd, reach):
    server = sshd()
    connector = reach(server, options={"ControlPath": "none"})
    assert says(connector) and says(connector)
    assert server.logins() == 2


def test_without_sharing_prompts_are_answered_too(sshd, reach, keys):
    connector = reach(sshd(), identity=keys["locked"], ask=lambda prompt: PASSPHRASE, options={"ControlPath": "none"})
    assert says(connector)
    stream = connector.open("printf through")
    buffer = memoryview(bytearray(20))
    assert bytes(buffer[: stream.readinto(buffer)]) == b"through"
    stream.close()


def test_the_users_own_shared_connection_is_used_and_stays(sshd, reach, write_config, short_folder):
    server = sshd()
    path = short_folder / "own-%C"
    config = write_config(server.host_lines("shared", "ControlMaster auto", f"ControlPath {path}", "ControlPersist 60"))
    connector = reach(server, to="shared", ssh_config=config, identity=None, known_hosts=None)
    assert says(connector) and says(connector)
    connector.close()
    again = reach(server, to="shared", ssh_config=config, identity=None, known_hosts=None)
    assert says(again)
    assert server.logins() == 1
    again.close()
    subprocess.run(["ssh", "-F", config, "-O", "exit", "shared"], check=True, capture_output=True, timeout=60)


@pytest.mark.parametrize("master", ["auto", "yes", "ask", "no"])
def test_a_configuration_that_keeps_no_connection_costs_no_second_login(
    sshd, reach, write_config, short_folder, master
):
    server = sshd()
    config = write_config(server.host_lines("s", f"ControlMaster {master}", f"ControlPath {short_folder}/%C"))
    connector = reach(server, to="s", ssh_config=config, identity=None, known_hosts=None)
    assert server.logins() == 0
    assert says(connector) and says(connector)
    assert server.logins() == 1


def test_a_users_connection_that_has_ended_is_followed_by_one_of_our_own(sshd, reach, write_config, short_folder, keys):
    """A passphrase is asked for once more, and not for each command."""
    server, asked = sshd(), []
    sharing = ("ControlMaster auto", f"ControlPath {short_folder}/own")
    config = write_config(server.host_lines("s", *sharing).replace(keys["user"], keys["locked"]))
    by_hand = ["ssh", "-F", config, "-i", keys["user"], "s", "echo up; exec cat"]
    with subprocess.Popen(by_hand, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as terminal:
        terminal.stdout.readline()
        options = {"to": "s", "ssh_config": config, "identity": None, "known_hosts": None}
        connector = reach(server, ask=lambda prompt: asked.append(prompt) or PASSPHRASE, **options)
        assert says(connector) and server.logins() == 1
        terminal.stdin.close()
        terminal.wait()
    assert says(connector) and says(connector)
    assert (server.logins(), len(asked)) == (2, 1)


def test_many_commands_at_once_all_run(shared_sshd, reach):
    connector = reach(shared_sshd)
    found = []
    threads = [threading.Thread(target=lambda n=n: found.append(connector.run(f"echo {n}").stdout)) for n in range(25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(b"%d\n" % number for number in range(25))


# -- the user's configuration ---------------------------------------------------------------------------


def test_a_section_of_the_configuration_is_a_target(shared_sshd, reach, write_config):
    config = write_config("Host Other\n Port 1", shared_sshd.host_lines("My_Box"))
    assert says(reach(shared_sshd, to="My_Box", ssh_config=config, identity=None, known_hosts=None))


def test_include_and_match_hold(shared_sshd, reach, write_config):
    inner = write_config(shared_sshd.host_lines("inner"))
    config = write_config(f"Include {inner}", f"Match host {HOST}\n  SetEnv RPROXY_IGNORED=1")
    assert says(reach(shared_sshd, to="inner", ssh_config=config, identity=None, known_hosts=None))


def test_a_jump_host_is_jumped_over(sshd, reach, write_config):
    gateway, inner = sshd(), sshd()
    config = write_config(gateway.host_lines("gateway"), inner.host_lines("inner", "ProxyJump gateway"))
    connector = reach(inner, to="inner", ssh_config=config, identity=None, known_hosts=None)
    assert connector.run('printf %s "$HOME"').stdout.decode() == str(inner.home)
    assert (gateway.logins(), inner.logins()) == (1, 1)


def test_options_go_before_the_configuration(sshd, reach, write_config):
    server = sshd(settings=("AcceptEnv RPROXY_*",))
    config = write_config(server.host_lines("x", "SetEnv RPROXY_X=config"))
    options = {"SetEnv": "RPROXY_X=option"}
    connector = reach(server, to="x", ssh_config=config, identity=None, known_hosts=None, options=options)
    assert connector.run('printf "$RPROXY_X"').stdout == b"option"


def test_what_a_configuration_says_for_terminals_is_no_hindrance(shared_sshd, reach, write_config):
    lines = (
        "RequestTTY force",
        "RemoteCommand tmux attach",
        f"LocalForward {free_port()} localhost:22",
        "LogLevel QUIET",
    )
    config = write_config(shared_sshd.host_lines("fancy", *lines))
    connector = reach(shared_sshd, to="fancy", ssh_config=config, identity=None, known_hosts=None)
    assert connector.run("cat", input=b"\r\n\x04").stdout == b"\r\n\x04"


def test_an_ssh_that_misses_a_signal_gets_another():
    """It does where one comes between its last look for it and its sleep."""
    deaf = "trap 'heard=x$heard' TERM; echo; until [ \"$heard\" = xxx ]; do sleep 0.02; done; exit 7"
    process = Process(["/bin/sh", "-c", deaf], "ssh://x", reminder=0.1)
    process.popen.stdout.readline()
    process.close()
    assert process.popen.returncode == 7


@pytest.mark.parametrize(
    ("lines", "options", "taken"),
    [
        ((), None, "aes128-gcm@openssh.com"),
        (("Ciphers aes256-ctr,aes128-ctr",), None, "aes256-ctr"),
        (("Ciphers ^aes192-ctr",), None, "aes192-ctr"),
        ((), {"Ciphers": "chacha20-poly1305@openssh.com"}, "chacha20-poly1305@openssh.com"),
    ],
    ids=["none is chosen", "some are chosen", "one is preferred", "an option"],
)
@pytest.mark.skipif(not _has_aes(), reason="install a processor that computes AES")
def test_the_quickest_cipher_is_taken_where_none_is_chosen(sshd, reach, write_config, lines, options, taken):
    server = sshd(settings=("LogLevel DEBUG",))
    config = write_config(server.host_lines("x", *lines))
    connector = reach(server, to="x", ssh_config=config, identity=None, known_hosts=None, options=options or {})
    assert connector.run("exit 0").returncode == 0
    assert set(re.findall(r"kex: \S+ cipher: (\S+)", server.log())) == {taken}


def test_a_user_certificate_is_used(sshd, reach, keys):
    server = sshd(settings=(f"TrustedUserCAKeys {keys['user_ca']}.pub",))
    keys.sign_user(server.user)
    assert says(reach(server, identity=keys["signed"]))
    with pytest.raises(rproxy.AuthenticationError):
        says(reach(sshd(), identity=keys["signed"]))


def test_an_agent_is_used(shared_sshd, keys, reach, agent):
    agent(keys["user"])
    assert says(reach(shared_sshd, identity=None))


# -- round trips ----------------------------------------------------------------------------------------


class Counting:
    """Counts how often a client waits for a host after it has sent something: its round trips."""

    def __init__(self, connector, waits):
        self.inner, self.waits, self.sent = connector, waits, True

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def readinto(self, buffer):
        self.waits.append(1) if self.sent else None
        self.sent = False
        return self.inner.readinto(buffer)

    def write(self, pieces):
        self.sent = True
        self.inner.write(pieces)


def test_the_first_start_waits_twice_for_the_host_and_later_ones_once(sshd, reach):
    server = sshd()
    for expected in (2, 1):
        connector, waits = reach(server), []
        opened = connector.open
        connector.open = lambda command, opened=opened, waits=waits: Counting(opened(command), waits)
        with rproxy.connect(connector, python=sys.executable) as client:
            assert len(waits) <= expected
            before = len(waits)
            assert client.do_remote_call("os", "getenv", ["HOME"])[0] == str(server.home)
            assert len(waits) == before + 1
    assert server.logins() == 2


# -- streams of the shared connection -------------------------------------------------------------------


def own_processes(name):
    return [pid for pid in descendants(os.getpid()) if command_of(pid) == name]


def test_streams_need_no_ssh_of_their_own(sshd, reach):
    connector = reach(sshd())
    before = len(own_processes("ssh"))
    streams = [connector.open("exec cat") for _ in range(3)]
    assert len(own_processes("ssh")) == before + 1
    for number, stream in enumerate(streams):
        stream.write([b"%d" % number])
    assert [received(stream, 1) for stream in streams] == [b"0", b"1", b"2"]
    for stream in streams:
        stream.close()


def test_a_stream_tells_how_its_command_has_ended(shared_sshd, reach):
    stream = reach(shared_sshd).open("echo trouble >&2; exit 7")
    assert stream.readinto(memoryview(bytearray(10))) == 0
    assert stream.diagnosis() == "exit code 7; it said:\ntrouble"
    stream.close()


def test_a_stream_has_the_variables_that_the_configuration_sends(sshd, reach, monkeypatch):
    monkeypatch.setenv("RPROXY_SENT", "über allem")
    server = sshd(settings=("AcceptEnv RPROXY_*",))
    stream = reach(server, options={"SendEnv": "RPROXY_S*"}).open('printf %s "$RPROXY_SENT"')
    assert received(stream, 11).decode() == "über allem"
    stream.close()


def test_a_stream_that_is_closed_ends_its_command_and_leaves_the_others(sshd, reach):
    server = sshd()
    connector = reach(server)
    first, second = connector.open("exec cat"), connector.open("exec cat")
    received_from(first), received_from(second)
    assert len([pid for pid in server.sessions() if command_of(pid) == "cat"]) == 2
    first.close()
    wait_for(lambda: len([pid for pid in server.sessions() if command_of(pid) == "cat"]) == 1)
    received_from(second)
    second.close()


def test_a_stream_that_is_forgotten_ends_its_command(sshd, reach):
    server = sshd()
    connector = reach(server)
    stream = connector.open("exec cat")
    received_from(stream)
    del stream
    gc.collect()
    wait_for(lambda: "cat" not in map(command_of, server.sessions()))
    assert says(connector)


def received(stream, count):
    data = bytearray()
    while len(data) < count:
        buffer = memoryview(bytearray(100))
        data += buffer[: stream.readinto(buffer)]
    return bytes(data)


def received_from(stream):
    """Waits until a stream's `cat` runs."""
    stream.write([b"x"])
    assert received(stream, 1) == b"x"
