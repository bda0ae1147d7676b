"""What errors of ssh:// say, and host keys."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

import rproxy
from rproxy.connectors.openssh import OpenSSHConnector

from ..services.ssh_keys import keygen
from .conftest import says
from .sshd import HOST, free_port

pytestmark = pytest.mark.once


def test_a_key_that_is_not_accepted_says_what_is(shared_sshd, keys, reach):
    with pytest.raises(rproxy.AuthenticationError, match=r"(?s)Permission denied \(publickey\).*identity="):
        says(reach(shared_sshd, identity=keys["stranger"]))


def changed(server, keys, tmp_path):
    known = tmp_path / "changed"
    known.write_text(f"{server.known_name} {keys.bare('other_host')}\n")
    return known


@pytest.mark.parametrize("place", ["file", "option"])
@pytest.mark.parametrize("checking", ["ask", "no", "off", "accept-new"])
def test_a_changed_host_key_is_refused_always(shared_sshd, keys, reach, tmp_path, write_config, checking, place):
    config = write_config(f"StrictHostKeyChecking {checking}" if place == "file" else "")
    options = {"StrictHostKeyChecking": checking} if place == "option" else {}
    connector = reach(
        shared_sshd, known_hosts=changed(shared_sshd, keys, tmp_path), ssh_config=config, ask=lambda prompt: "yes",
        options=options,
    )  # fmt: skip
    with pytest.raises(rproxy.HostKeyError, match=r"(?s)not the one that is known.*ssh-keygen -R"):
        says(connector)


def test_the_mend_that_a_changed_or_new_key_names_works(shared_sshd, keys, reach, tmp_path):
    known = changed(shared_sshd, keys, tmp_path)
    for name in ("ssh-keygen", "ssh-keyscan"):
        with pytest.raises(rproxy.HostKeyError) as caught:
            says(reach(shared_sshd, known_hosts=known))
        command = next(part for part in caught.value.mend.split("`") if part.startswith(name))
        subprocess.run(command, shell=True, check=True, capture_output=True, timeout=60)
    assert says(reach(shared_sshd, known_hosts=known))


@pytest.mark.parametrize("checking", ["ask", "no"])
def test_a_revoked_host_key_is_refused(shared_sshd, keys, reach, tmp_path, checking):
    known = tmp_path / "revoked"
    known.write_text(f"@revoked * {keys.bare('host')}\n{shared_sshd.known_name} {keys.bare('host')}\n")
    options = {"StrictHostKeyChecking": checking}
    with pytest.raises(rproxy.HostKeyError, match="revoked"):
        says(reach(shared_sshd, known_hosts=known, ask=lambda prompt: "yes", options=options))


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


# -- what is on the way --------------------------------------------------------------------------------


@pytest.fixture
def far(sshd, reach, write_config):
    """`far(*sections, **options)` is a connector to a host that is behind `gate`."""
    server = sshd()

    def far(*sections, way="ProxyJump gate", **options):
        config = write_config(*sections, server.host_lines("far", way))
        return reach(server, **{"to": "far", "ssh_config": config, "identity": None, "known_hosts": None, **options})

    return far


def test_a_host_on_the_way_that_lets_nobody_in_is_told_of(shared_sshd, keys, far):
    gate = shared_sshd.host_lines("gate").replace(keys["user"], keys["stranger"])
    with pytest.raises(
        rproxy.AuthenticationError, match=r"^what is on the way to ssh://far \(gate\) does not accept"
    ) as caught:
        says(far(gate))
    assert "its section of the ssh_config" in caught.value.mend


def test_a_host_on_the_way_that_is_not_there_is_told_of(far):
    said = failure_of(far(f"Host gate\n HostName {HOST}\n Port {free_port()}\n"))
    assert said.startswith("what is on the way to ssh://far (gate) refuses the connection") and "Try `ssh gate`" in said


def test_a_host_that_is_not_there_as_seen_from_one_on_the_way_is_told_of(shared_sshd, far, write_config):
    gone = f"Host gone\n HostName {HOST}\n Port {free_port()}\n ProxyJump gate\n"
    said = failure_of(far(shared_sshd.host_lines("gate"), gone, to="gone"))
    assert said.startswith("ssh://gone, as seen from gate, refuses the connection")


def test_the_key_of_a_host_on_the_way_is_learnt_from_that_host(sshd, far):
    gate = sshd()
    Path(gate.known_hosts).write_text("")
    with pytest.raises(rproxy.HostKeyError) as caught:
        says(far(gate.host_lines("gate")))
    assert str(caught.value).startswith(f"the host key of {gate.known_name}, on the way to ssh://far, is not known")
    assert f"ssh-keyscan -p {gate.port} {HOST} >> ~/.ssh/known_hosts" in caught.value.mend


def test_a_proxy_command_that_fails_is_told_with_what_it_said(far):
    said = failure_of(far(way="ProxyCommand sh -c 'echo no way through >&2; exit 3'"))
    assert said.startswith("what is on the way to ssh://far (sh -c") and "no way through" in said
    assert "Try its ProxyCommand by hand" in said


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
