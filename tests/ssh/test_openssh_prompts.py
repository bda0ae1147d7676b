"""What ssh asks, and who answers."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

import rproxy

from ..services.ssh_keys import PASSPHRASE
from .accounts import PYTHON, account
from .conftest import says
from .sshd import HOST

pytestmark = pytest.mark.once


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
        assert server.log().count("Failed password") == 1, server.log()
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
