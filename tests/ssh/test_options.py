"""The options that ssh:// and paramiko:// have in common: the same words, and the same errors, before
anything is sent.
"""

import sys
from pathlib import Path

import pytest

import rproxy
from rproxy.targets import connector_for

from ..services.ssh_keys import keygen
from .conftest import KINDS, ssh_connector
from .sshd import HOST

pytestmark = pytest.mark.once

BAD = [
    ({"identity": 5}, TypeError, "identity is a path, or a list of paths, not 5"),
    ({"identity": b"/key"}, TypeError, "identity is a path"),
    ({"identity": [5]}, TypeError, "identity is a path, not 5"),
    ({"identity": ""}, ValueError, "identity is a path, not ''"),
    ({"identity": "/no/such/key"}, rproxy.ConnectorError, "identity='/no/such/key': there is no such file"),
    ({"known_hosts": 5}, TypeError, "known_hosts is a path, or a list of paths, not 5"),
    ({"ssh_config": 5}, TypeError, "ssh_config is a path, not 5"),
    ({"ssh_config": "/no/such/file"}, rproxy.ConnectorError, "ssh_config='/no/such/file': there is no such file"),
    ({"ssh_config": "/tmp"}, rproxy.ConnectorError, "is a folder, not a file"),
    ({"password": b"secret"}, TypeError, "password is a text, not of type bytes"),
    ({"ask": "yes"}, TypeError, "ask is a function of the question that returns the answer, not 'yes'"),
    ({"connect_timeout": "5"}, TypeError, "connect_timeout is a number of seconds, not '5'"),
    ({"connect_timeout": True}, TypeError, "connect_timeout is a number of seconds, not True"),
    ({"connect_timeout": 0}, ValueError, "connect_timeout is a number of seconds above 0"),
    ({"connect_timeout": float("inf")}, ValueError, "connect_timeout is a number of seconds above 0"),
    ({"user": 5}, TypeError, "user is a text, not 5"),
    ({"user": ""}, ValueError, "'' is no user"),
    ({"user": "-oProxyCommand=x"}, ValueError, "is no user"),
    ({"user": "me`id`"}, ValueError, "is no user"),
    ({"port": "22"}, TypeError, "port is a number, not '22'"),
    ({"port": 65536}, ValueError, "port is a number from 1 to 65535, not 65536"),
    ({"identify": "key"}, TypeError, "did you mean 'identity'"),
]


@pytest.mark.parametrize("scheme", KINDS)
@pytest.mark.parametrize(("options", "error", "why"), BAD, ids=[str(options) for options, *_ in BAD])
def test_an_option_that_cannot_be_meant_is_refused(scheme, options, error, why):
    with pytest.raises(error, match=why):
        connector_for(f"{scheme}://box", options)


HOSTS = ["$(touch x)", "`touch x`", "x;touch", "-oProxyCommand=x", "a b", "box%0a", "a'b"]


@pytest.mark.parametrize("scheme", KINDS)
@pytest.mark.parametrize("host", HOSTS)
def test_a_host_that_a_shell_would_read_otherwise_is_refused(scheme, host):
    """A ProxyCommand has it in a command line."""
    with pytest.raises(ValueError, match="is no host for ssh"):
        connector_for(f"{scheme}://{host}", {})


@pytest.mark.parametrize("value", [None, ["A", "B"], {"A": 1}])
def test_a_value_that_ssh_has_no_word_for_is_refused(value):
    with pytest.raises(TypeError, match="the value of ssh's option SendEnv is a text, a number, True or False"):
        connector_for("ssh://box", {"options": {"SendEnv": value}})


def runs(kind, server, **options):
    connector = ssh_connector(kind, server, **options)
    try:
        return connector.run("echo in").stdout == b"in\n"
    finally:
        connector.close()


def test_several_files_of_known_hosts_are_read(kind, shared_sshd, tmp_path):
    (tmp_path / "a first").write_text("")
    assert runs(kind, shared_sshd, known_hosts=[tmp_path / "a first", shared_sshd.known_hosts])


def test_no_configuration_is_read_by_the_name_none(kind, shared_sshd):
    assert runs(kind, shared_sshd, ssh_config="none")


def test_a_key_may_have_an_odd_name(kind, shared_sshd, keys, tmp_path):
    odd = tmp_path / "it's 100% ü"
    odd.write_bytes(Path(keys["user"]).read_bytes())
    odd.chmod(0o600)
    assert runs(kind, shared_sshd, identity=odd)


def test_a_key_that_the_agent_holds_is_named_by_its_public_half(kind, sshd, keys, agent, tmp_path):
    server = sshd(settings=("MaxAuthTries 2",))  # the other keys of the agent would use up all tries
    others = [str(tmp_path / f"other{number}") for number in range(3)]
    for path in others:
        keygen("-q", "-t", "ed25519", "-N", "", "-f", path)
    agent(*others, keys["user"])
    (tmp_path / "held.pub").write_text(keys.public("user"))
    for named in ("held", "held.pub"):
        assert runs(kind, server, identity=tmp_path / named)


def test_the_errors_of_a_login_are_of_the_same_types(kind, shared_sshd, keys, tmp_path):
    (tmp_path / "known").write_text(f"{shared_sshd.known_name} {keys.bare('other_host')}\n")
    for options, error in [
        ({"identity": keys["stranger"]}, rproxy.AuthenticationError),
        ({"identity": keys["locked"]}, rproxy.AuthenticationError),
        ({"known_hosts": tmp_path / "none"}, rproxy.HostKeyError),
        ({"known_hosts": tmp_path / "known"}, rproxy.HostKeyError),
        ({"to": "no-such-host.invalid"}, rproxy.ConnectorError),
    ]:
        with pytest.raises(error) as caught:
            runs(kind, shared_sshd, **options)
        assert type(caught.value) is error and caught.value.mend


def test_a_client_takes_them_by_name(kind, shared_sshd, keys):
    options = {"identity": keys["user"], "known_hosts": shared_sshd.known_hosts, "ssh_config": keys.empty_config}
    target = f"{kind}://{HOST}"
    with rproxy.connect(
        target, user=shared_sshd.user, port=shared_sshd.port, connect_timeout=30, python=sys.executable, **options
    ) as client:
        assert client.module("os").path.join("a", "b") == "a/b"
