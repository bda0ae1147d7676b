"""How paramiko:// gets to a host, and what it says when it does not."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rproxy.connectors.paramiko import ParamikoConnector
from rproxy.errors import AuthenticationError, ConnectorError, HostKeyError
from rproxy.targets import connector_for

from .sshd import HOST, command_of, descendants, free_port, wait_for

pytestmark = pytest.mark.once


@pytest.fixture
def far(sshd):
    """A server to be reached over others."""
    return sshd()


@pytest.fixture
def gate(sshd):
    return sshd()


def over(far, write_config, *sections):
    return {"to": "far", "identity": None, "known_hosts": None, "ssh_config": write_config(*sections)}


# -- jumps ---------------------------------------------------------------------------------------------


def test_a_host_is_reached_over_another(far, gate, connector, write_config):
    config = over(far, write_config, gate.host_lines("gate"), far.host_lines("far", "ProxyJump gate"))
    assert connector(far, **config).run("echo met").stdout == b"met\n"
    assert (gate.logins(), far.logins()) == (1, 1)


def test_a_jump_may_name_user_and_port(far, gate, connector, write_config):
    for_all = f"UserKnownHostsFile {gate.known_hosts}\nIdentityFile {gate.keys['user']}\nIdentitiesOnly yes"
    config = over(far, write_config, far.host_lines("far", f"ProxyJump {gate.address}"), "Host *", for_all)
    assert connector(far, **config).run("echo met").stdout == b"met\n"
    assert gate.logins() == 1


def test_megabytes_pass_over_a_jump_unchanged(far, gate, connector, write_config):
    config = over(far, write_config, gate.host_lines("gate"), far.host_lines("far", "ProxyJump gate"))
    data = bytes(range(256)) * 16384
    assert connector(far, **config).run("cat", input=data).stdout == data


def test_closing_ends_the_whole_way(far, gate, connector, write_config):
    config = over(far, write_config, gate.host_lines("gate"), far.host_lines("far", "ProxyJump gate"))
    before = threading.active_count()
    made = connector(far, **config)
    made.run("true")
    made.close()
    wait_for(lambda: not gate.sessions() and not far.sessions())
    assert threading.active_count() == before


def test_a_circle_of_jumps_is_an_error(gate, connector, write_config):
    sections = [gate.host_lines("far", "ProxyJump gate"), gate.host_lines("gate", "ProxyJump far")]
    with pytest.raises(ConnectorError, match="a circle"):
        connector(gate, **over(gate, write_config, *sections)).run("true")
    assert gate.logins() == 0


def test_a_jump_that_does_not_let_in_is_named_and_leaves_nothing(far, gate, connector, write_config):
    gates = gate.host_lines("gate").replace(gate.keys["user"], gate.keys["stranger"])
    before = threading.active_count()
    with pytest.raises(AuthenticationError, match=f"^{gate.address} does not let you in"):
        connector(far, **over(far, write_config, gates, far.host_lines("far", "ProxyJump gate"))).run("true")
    assert threading.active_count() == before and far.logins() == 0


def test_a_strange_key_behind_a_jump_ends_the_jump_too(far, gate, connector, write_config):
    Path(far.known_hosts).write_text("")
    config = over(far, write_config, gate.host_lines("gate"), far.host_lines("far", "ProxyJump gate"))
    with pytest.raises(HostKeyError, match="is not known"):
        connector(far, **config).run("true")
    wait_for(lambda: not gate.sessions())


def test_a_host_that_a_jump_cannot_reach_is_named(gate, connector, write_config):
    port = free_port()
    there = f"Host far\n  HostName {HOST}\n  Port {port}\n  ProxyJump gate\n"
    with pytest.raises(ConnectorError, match=f"{gate.address} cannot connect to {HOST} port {port} for us"):
        connector(gate, **over(gate, write_config, gate.host_lines("gate"), there)).run("true")
    wait_for(lambda: not gate.sessions())


def test_a_jump_that_forwards_nothing_is_named(far, sshd, connector, write_config):
    gate = sshd(settings=("AllowTcpForwarding no",))
    config = over(far, write_config, gate.host_lines("gate"), far.host_lines("far", "ProxyJump gate"))
    with pytest.raises(ConnectorError, match="AllowTcpForwarding"):
        connector(far, **config).run("true")


def test_the_password_is_not_told_to_a_jump(far, gate, connector, write_config):
    gates = gate.host_lines("gate").replace(gate.keys["user"], gate.keys["stranger"])
    config = over(far, write_config, gates, far.host_lines("far", "ProxyJump gate"))
    with pytest.raises(AuthenticationError) as caught:
        connector(far, password="secret", **config).run("true")
    assert "password" not in str(caught.value).partition("tried")[2].partition("\n")[0]


# -- ProxyCommand --------------------------------------------------------------------------------------


def test_megabytes_pass_through_a_command_unchanged(far, connector, write_config, relay):
    made = connector(far, **over(far, write_config, far.host_lines("far", f"ProxyCommand {relay}")))
    data = bytes(range(256)) * 4096
    assert made.run("cat", input=data).stdout == data


def test_closing_ends_the_command(far, connector, write_config, relay):
    import os

    made = connector(far, **over(far, write_config, far.host_lines("far", f"ProxyCommand {relay}")))
    made.run("true")
    mine = [pid for pid in descendants(os.getpid()) if "relay.py" in Path(f"/proc/{pid}/cmdline").read_text()]
    assert len(mine) == 1
    made.close()
    assert command_of(mine[0]) == ""


def test_a_command_that_fails_is_told_with_what_it_said(far, connector, write_config):
    lines = far.host_lines("far", "ProxyCommand echo no way through >&2; exit 3")
    with pytest.raises(ConnectorError, match=r"its ProxyCommand .* said: no way through"):
        connector(far, **over(far, write_config, lines)).run("true")


# -- addresses -----------------------------------------------------------------------------------------


def test_a_name_with_two_addresses_is_tried_at_both(shared_sshd, connector, tmp_path):
    """localhost is ::1 and 127.0.0.1 on most machines, and the server listens at the second."""
    known = tmp_path / "known"
    known.write_text(f"[localhost]:{shared_sshd.port} {shared_sshd.keys.bare('host')}\n")
    made = connector(shared_sshd, to=f"{shared_sshd.user}@localhost:{shared_sshd.port}", known_hosts=known)
    assert made.run("echo met").stdout == b"met\n"


def test_a_url_makes_the_connector():
    made = connector_for("paramiko://me@Box:2222", {"connect_timeout": 3})
    assert isinstance(made, ParamikoConnector) and made.target == "paramiko://me@Box:2222"
    assert connector_for("paramiko://[::1]", {}).target == "paramiko://[::1]"


@pytest.mark.parametrize("url", ["paramiko://", "paramiko://me:secret@box", "paramiko://box/path", "paramiko://box:x"])
def test_a_url_that_cannot_be_meant_is_refused(url):
    with pytest.raises(ValueError, match=r"user@\]host"):
        connector_for(url, {})


def test_a_function_for_new_host_keys_that_is_none_is_refused():
    with pytest.raises(TypeError, match="on_new_host_key is a function of host, type of key and fingerprint"):
        connector_for("paramiko://box", {"on_new_host_key": True})


# -- failures ------------------------------------------------------------------------------------------


def test_a_name_that_nobody_knows(connector, shared_sshd):
    with pytest.raises(ConnectorError, match=r"there is no host 'no-such-host.invalid'.*Is its name right"):
        connector(shared_sshd, to="no-such-host.invalid").run("true")


def test_a_port_where_nothing_listens(connector, shared_sshd):
    with pytest.raises(ConnectorError, match="nothing listens there. Is the port right"):
        connector(shared_sshd, to=f"{HOST}:{free_port()}").run("true")


@pytest.fixture
def listener():
    """A port that accepts connections, and says what a test makes it say."""
    with socket.create_server((HOST, 0)) as listener:
        yield listener


def test_a_host_that_says_nothing_is_given_up(connector, shared_sshd, listener):
    to = f"{HOST}:{listener.getsockname()[1]}"
    with pytest.raises(ConnectorError, match="it does not answer within 0.3 s") as caught:
        connector(shared_sshd, to=to, connect_timeout=0.3).run("true")
    assert caught.value.stage == "connection" and str(caught.value).endswith(caught.value.mend) and caught.value.mend


def test_a_command_that_has_no_time_left_waits_for_no_connection(connector, shared_sshd, listener):
    to = f"{HOST}:{listener.getsockname()[1]}"
    with pytest.raises(ConnectorError, match=r"it does not answer within 0\.[0-5]\d* s"):
        connector(shared_sshd, to=to, connect_timeout=600).run("true", timeout=0.5)


def test_close_does_not_wait_for_whoever_is_connecting(connector, shared_sshd, listener):
    waits = connector(shared_sshd, to=f"{HOST}:{listener.getsockname()[1]}", connect_timeout=600)
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(waits.run, "true")
        link = listener.accept()[0]
        waits.close()
        assert not job.done()
        link.close()
        assert isinstance(job.exception(60), ConnectorError)
    with pytest.raises(ConnectorError, match="is closed"):
        waits.run("true")


def test_what_does_not_speak_ssh_is_told(connector, shared_sshd, listener):
    def answer():
        link = listener.accept()[0]
        link.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        link.close()

    threading.Thread(target=answer, daemon=True).start()
    with pytest.raises(ConnectorError, match=r"does not speak SSH with us: .*\nIs the port right"):
        connector(shared_sshd, to=f"{HOST}:{listener.getsockname()[1]}", connect_timeout=5).run("true")


def test_a_host_with_other_ciphers_is_told_and_what_may_help(sshd, connector):
    server = sshd(settings=("Ciphers chacha20-poly1305@openssh.com",))
    with pytest.raises(ConnectorError, match=f"no way of encrypting in common.*\nssh://{server.address} may|ssh://"):
        connector(server).run("true")


def test_a_failure_prints_nothing(shared_sshd, keys, capfd, connector, listener):
    with pytest.raises(ConnectorError):
        connector(shared_sshd, to=f"{HOST}:{listener.getsockname()[1]}", connect_timeout=0.2).run("true")
    with pytest.raises(AuthenticationError):
        connector(shared_sshd, identity=keys["stranger"]).run("true")
    assert capfd.readouterr() == ("", "")


def test_a_closed_connector_says_so(shared_sshd, connector):
    made = connector(shared_sshd)
    made.close()
    made.close()
    with pytest.raises(ConnectorError, match="is closed"):
        made.run("true")
