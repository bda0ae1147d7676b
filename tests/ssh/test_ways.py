"""Ways to a host and what is known of it, the same by both connectors."""

import socket

import pytest

from .conftest import ssh_connector

pytestmark = pytest.mark.once


@pytest.fixture
def met(kind):
    """`met(server, **options)` is the home that a command there has."""

    def met(server, **options):
        connector = ssh_connector(kind, server, **options)
        try:
            return connector.run('printf %s "$HOME"').stdout.decode()
        finally:
            connector.close()

    return met


BY_CONFIGURATION = {"identity": None, "known_hosts": None}


@pytest.mark.parametrize(
    ("of_far", "of_second"), [("gate,second", ""), ("second", "ProxyJump gate")], ids=["a list", "a chain"]
)
def test_a_host_is_reached_over_two_others(sshd, met, write_config, of_far, of_second):
    gate, second, far = sshd(), sshd(), sshd()
    sections = [gate.host_lines("gate"), second.host_lines("second", of_second)]
    config = write_config(*sections, far.host_lines("far", f"ProxyJump {of_far}"))
    assert met(far, to="far", ssh_config=config, **BY_CONFIGURATION) == str(far.home)
    assert [server.logins() for server in (gate, second, far)] == [1, 1, 1]


def test_a_host_is_reached_through_a_command(shared_sshd, met, write_config, relay):
    config = write_config(shared_sshd.host_lines("far", f"ProxyCommand {relay}"))
    assert met(shared_sshd, to="far", ssh_config=config, **BY_CONFIGURATION) == str(shared_sshd.home)


def test_a_host_is_reached_by_ipv6(sshd, met, tmp_path):
    server = sshd(settings=("ListenAddress ::1",))
    (tmp_path / "known").write_text(f"[::1]:{server.port} {server.keys.bare('host')}\n")
    try:
        socket.create_connection(("::1", server.port)).close()
    except OSError:
        pytest.skip("install IPv6 on the loopback device")
    assert met(server, to=f"{server.user}@[::1]:{server.port}", known_hosts=tmp_path / "known") == str(server.home)


@pytest.mark.parametrize("names", ["[127.0.0.*]:*", "[127.0.0.?]:*,!other", "*"])
def test_hosts_may_be_known_by_a_pattern(shared_sshd, met, keys, tmp_path, names):
    lines = ["junk", "@what x y z", "|1|x|y ssh-ed25519 AAAA", f"{names} {keys.bare('host')}"]
    (tmp_path / "known").write_text("".join(f"{line}\n" for line in lines))
    assert met(shared_sshd, known_hosts=tmp_path / "known") == str(shared_sshd.home)
