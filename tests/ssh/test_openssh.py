"""What is OpenSSH's own: the user's configuration, shared connections, prompts, and what its errors say."""

import gc
import os
import pty
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

import rproxy
from rproxy.connectors.openssh import OpenSSHConnector

from .accounts import PYTHON, account
from .conftest import ssh_connector
from .keys import PASSPHRASE, keygen
from .sshd import HOST, free_port, wait_for

pytestmark = pytest.mark.once


@pytest.fixture
def reach():
    """`reach(server, **options)` makes a connector, closed when the test ends."""
    made = []

    def make(server, **options):
        made.append(ssh_connector("ssh", server, **options))
        return made[-1]

    yield make
    for connector in made:
        connector.close()


def says(connector, text="ok"):
    return connector.run(f"printf {text}").stdout == text.encode()


@pytest.fixture
def short_folder():
    """Where a socket's path is not too long."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


# -- one connection ------------------------------------------------------------------------------------


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


def test_the_connection_ends_with_the_connector_and_leaves_no_file(sshd, reach, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
    (tmp_path / "t").mkdir()
    server = sshd()
    connector = reach(server)
    assert says(connector) and len(list((tmp_path / "t").iterdir())) == 1
    connector.close()
    wait_for(lambda: server.sessions() == [])
    assert list((tmp_path / "t").iterdir()) == []
    with pytest.raises(rproxy.ConnectorError, match="is closed"):
        connector.run("true")


def test_a_client_that_is_forgotten_ends_its_connection(sshd):
    server = sshd()
    client = rproxy.connect(ssh_connector("ssh", server), python=sys.executable)
    client.ping()
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


def test_many_commands_at_once_all_run(shared_sshd, reach):
    connector = reach(shared_sshd)
    found = []
    threads = [threading.Thread(target=lambda n=n: found.append(connector.run(f"echo {n}").stdout)) for n in range(25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(b"%d\n" % number for number in range(25))


# -- the user's configuration --------------------------------------------------------------------------


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


def test_a_user_certificate_is_used(sshd, reach, keys):
    server = sshd(settings=(f"TrustedUserCAKeys {keys['user_ca']}.pub",))
    keys.sign_user(server.user)
    assert says(reach(server, identity=keys["signed"]))
    with pytest.raises(rproxy.AuthenticationError):
        says(reach(sshd(), identity=keys["signed"]))


def test_an_agent_is_used(shared_sshd, keys, reach, monkeypatch, tmp_path):
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(tmp_path / "agent")], stdout=subprocess.DEVNULL)
    try:
        wait_for((tmp_path / "agent").exists)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        subprocess.run(["ssh-add", "-q", keys["user"]], check=True, capture_output=True, timeout=60)
        assert says(reach(shared_sshd, identity=None))
    finally:
        agent.terminate()
        agent.wait()


# -- prompts -------------------------------------------------------------------------------------------


def test_a_passphrase_is_asked_for(shared_sshd, keys, reach):
    asked = []
    connector = reach(shared_sshd, identity=keys["locked"], ask=lambda prompt: asked.append(prompt) or PASSPHRASE)
    assert says(connector) and says(connector)
    assert len(asked) == 1 and "passphrase" in asked[0] and keys["locked"] in asked[0]


def test_a_wrong_passphrase_is_asked_for_again_then_refused(shared_sshd, keys, reach):
    answers = iter(["wrong", "wrong too"])
    with pytest.raises(rproxy.AuthenticationError, match=r"(?s)passphrase.*ask="):
        says(reach(shared_sshd, identity=keys["locked"], ask=lambda prompt: next(answers, None)))
    assert next(answers, None) is None


def test_what_a_callback_raises_comes_through(shared_sshd, keys, reach):
    def ask(prompt):
        raise KeyError("my own")

    connector = reach(shared_sshd, identity=keys["locked"], ask=ask)
    with pytest.raises(KeyError, match="my own"):
        connector.run("true")


def test_a_new_host_key_is_asked_for_and_remembered(shared_sshd, reach, tmp_path, keys):
    asked = []
    known = tmp_path / "known hosts"
    connector = reach(shared_sshd, known_hosts=known, ask=lambda prompt: asked.append(prompt) or "yes")
    assert says(connector)
    assert len(asked) == 1 and keys.fingerprint("host") in asked[0]
    assert keys.bare("host") in known.read_text()
    assert says(reach(shared_sshd, known_hosts=known))


def test_the_password_lets_in_and_is_given_once(sshd, reach):
    with account() as user:
        server = sshd(settings=("PasswordAuthentication yes",), environment={"HOME": None}, user=user.name)
        options = {"identity": (), "options": {"PubkeyAuthentication": "no"}}
        connector = reach(server, password=user.password, **options)
        assert connector.run("id -un").stdout.decode().strip() == user.name
        with pytest.raises(rproxy.AuthenticationError, match=r"(?s)password") as caught:
            reach(server, password="wrong", **options).run("true")
        assert "wrong" not in str(caught.value)
        assert server.log().count("Failed password") == 1
        with rproxy.connect(connector, python=PYTHON) as client:
            assert client.module("getpass").getuser() == user.name


def test_a_password_is_not_given_to_a_jump_host(sshd, reach, write_config):
    with account() as user:
        settings = ("PasswordAuthentication yes",)
        gateway, inner = sshd(settings=settings, user=user.name), sshd(settings=settings, user=user.name)
        no_key = "PubkeyAuthentication no"
        of_gateway = gateway.host_lines("gateway", no_key).replace(f"HostName {HOST}", "HostName localhost")
        Path(gateway.known_hosts).write_text(f"[localhost]:{gateway.port} {gateway.keys.bare('host')}\n")
        config = write_config(of_gateway, inner.host_lines("inner", "ProxyJump gateway", no_key))
        asked = []
        connector = reach(
            inner, to="inner", ssh_config=config, identity=None, known_hosts=None, password=user.password,
            ask=lambda prompt: asked.append(prompt),
        )  # fmt: skip
        with pytest.raises(rproxy.AuthenticationError, match="localhost"):
            connector.run("true")
        assert len(asked) == 1 and "localhost" in asked[0]


ALONE = """
import sys, rproxy
from rproxy.connectors.openssh import OpenSSHConnector
connector = OpenSSHConnector({host!r}, user={user!r}, port={port}, **{options!r})
try:
    print(connector.run("printf ok").stdout.decode())
except rproxy.RProxyError as error:
    print(type(error).__name__, error)
finally:
    connector.close()
"""


def alone(server, **options):
    chosen = {"known_hosts": server.known_hosts, "ssh_config": server.keys.empty_config, **options}
    code = ALONE.format(host=server.host, user=server.user, port=server.port, options=chosen)
    return [sys.executable, "-c", code]


def without_terminal(server, **options):
    """What a process without a terminal prints."""
    done = subprocess.run(
        alone(server, **options),
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert done.stderr == ""
    return done.stdout


def test_without_a_terminal_or_a_callback_the_error_says_what_was_asked(shared_sshd, keys):
    said = without_terminal(shared_sshd, identity=keys["locked"])
    assert said.startswith("AuthenticationError") and "Enter passphrase for key" in said
    assert "ask=" in said and "ssh-agent" in said


def test_without_a_terminal_an_unknown_host_key_is_refused_with_its_fingerprint(shared_sshd, keys, tmp_path):
    said = without_terminal(shared_sshd, identity=keys["user"], known_hosts=str(tmp_path / "none"))
    assert said.startswith("HostKeyError")
    assert keys.fingerprint("host") in said and f"ssh-keyscan -p {shared_sshd.port} {HOST}" in said
    assert not (tmp_path / "none").exists()


def at_terminal(command, typed):
    """What a process at a terminal of its own shows, where these lines are typed when it asks."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(command[0], command)
    shown, answers = b"", list(typed)
    try:
        while more := os.read(terminal, 65536):
            shown += more
            if answers and answers[0][0].encode() in shown:
                os.write(terminal, answers.pop(0)[1].encode() + b"\n")
    except OSError:
        pass  # Linux ends a terminal so
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)
    return shown.decode()


def test_prompts_reach_the_terminal_and_answers_are_not_shown(shared_sshd, keys):
    shown = at_terminal(alone(shared_sshd, identity=keys["locked"]), [("passphrase", PASSPHRASE)])
    assert "Enter passphrase for key" in shown and "ok" in shown
    assert PASSPHRASE not in shown


def test_a_new_host_key_may_be_taken_at_the_terminal(shared_sshd, keys, tmp_path):
    command = alone(shared_sshd, identity=keys["user"], known_hosts=str(tmp_path / "known"))
    shown = at_terminal(command, [("(yes/no", "yes")])
    assert keys.fingerprint("host") in shown and "ok" in shown and "yes" in shown


# -- errors --------------------------------------------------------------------------------------------


def test_a_key_that_is_not_accepted_says_what_is(shared_sshd, keys, reach):
    with pytest.raises(rproxy.AuthenticationError, match=r"(?s)Permission denied \(publickey\).*identity="):
        says(reach(shared_sshd, identity=keys["stranger"]))


def changed(server, keys, tmp_path):
    known = tmp_path / "changed"
    known.write_text(f"{server.known_name} {keys.bare('other_host')}\n")
    return known


@pytest.mark.parametrize("checking", ["ask", "no", "accept-new"])
def test_a_changed_host_key_is_refused_always(shared_sshd, keys, reach, tmp_path, write_config, checking):
    config = write_config(f"StrictHostKeyChecking {checking}")
    connector = reach(
        shared_sshd, known_hosts=changed(shared_sshd, keys, tmp_path), ssh_config=config, ask=lambda prompt: "yes"
    )
    with pytest.raises(rproxy.HostKeyError, match=r"(?s)not the one that is known.*ssh-keygen -R"):
        says(connector)


def test_a_revoked_host_key_is_refused(shared_sshd, keys, reach, tmp_path):
    known = tmp_path / "revoked"
    known.write_text(f"@revoked * {keys.bare('host')}\n")
    with pytest.raises(rproxy.HostKeyError, match="revoked"):
        says(reach(shared_sshd, known_hosts=known, ask=lambda prompt: "yes"))


def test_a_host_certificate_is_accepted(sshd, keys, reach, tmp_path):
    server = sshd(settings=(f"HostCertificate {keys.sign_host(HOST)}",))
    known = tmp_path / "authority"
    known.write_text(f"@cert-authority * {keys.bare('host_ca')}\n")
    assert says(reach(server, known_hosts=known))


def test_a_hashed_host_name_is_found(shared_sshd, reach, tmp_path):
    known = tmp_path / "hashed"
    known.write_text(Path(shared_sshd.known_hosts).read_text())
    keygen("-H", "-f", str(known))
    assert HOST not in known.read_text()
    assert says(reach(shared_sshd, known_hosts=known))


def connector_to(host, port=None, **options):
    return OpenSSHConnector(host, port=port, **options)


def failure_of(connector):
    try:
        with pytest.raises(rproxy.ConnectorError) as caught:
            connector.run("true")
    finally:
        connector.close()
    return str(caught.value)


def test_a_refused_connection_says_so(keys):
    said = failure_of(connector_to(HOST, free_port(), ssh_config=keys.empty_config))
    assert "refuses the connection" in said and "Connection refused" in said and "sshd" in said


def test_an_unknown_name_says_so(keys):
    said = failure_of(connector_to("no-such-host.invalid", ssh_config=keys.empty_config))
    assert "the name of ssh://no-such-host.invalid is not known" in said


def test_a_host_that_does_not_answer_says_so(keys):
    with socket.create_server((HOST, 0)) as silent:
        connector = connector_to(HOST, silent.getsockname()[1], ssh_config=keys.empty_config, connect_timeout=0.5)
        said = failure_of(connector)
    assert "does not answer" in said and "connect_timeout=" in said


WEB_SERVER = """
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
connection, _ = server.accept()
connection.recv(1000)
connection.sendall(b"HTTP/1.1 400 Bad Request\\r\\n\\r\\n")
connection.close()
"""


def test_a_server_of_something_else_says_so(keys):
    with subprocess.Popen([sys.executable, "-c", WEB_SERVER], stdout=subprocess.PIPE, text=True) as server:
        said = failure_of(connector_to(HOST, int(server.stdout.readline()), ssh_config=keys.empty_config))
    assert "closed the connection before the login" in said and "is sshd's" in said


def test_a_missing_ssh_is_told_with_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(rproxy.ConnectorError, match="Install the OpenSSH client, or use paramiko://"):
        OpenSSHConnector("host")


def test_an_unknown_option_is_told(keys):
    with pytest.raises(rproxy.ConnectorError, match="(?i)bad configuration option: nosuchoption"):
        OpenSSHConnector("host", ssh_config=keys.empty_config, options={"NoSuchOption": "1"})


def test_a_login_that_runs_no_commands_says_so(sshd, connect_ssh):
    server = sshd(settings=('ForceCommand echo "This account is not available."; exit 1',))
    with pytest.raises(rproxy.ConnectorError, match=r"(?s)its login shell did not run.*exit code 1.*not available"):
        connect_ssh("ssh", server)
    with pytest.raises(rproxy.ConnectorError, match=r"(?s)its login shell did not run.*exit code 1.*not available"):
        connect_ssh("ssh", server, "command")


def test_an_interpreter_that_may_not_run_is_no_failed_login(shared_sshd, connect_ssh, tmp_path):
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\n")
    with pytest.raises(rproxy.RemoteNotSetupError, match=r"(?s)python3.*ermission denied"):
        connect_ssh("ssh", shared_sshd, python=str(python))


# -- round trips ---------------------------------------------------------------------------------------


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
