"""Login shells of every kind, and what their rc files do."""

import shlex
import subprocess
import sys

import pytest

import rproxy
from rproxy.connectors.shell import for_any_shell

from .conftest import ssh_connector
from .sshd import program
from .test_sshd import ssh

pytestmark = pytest.mark.once

#: Login shells that are not sh, the package of each, and the rc file that each reads for a command.
SHELLS = {"bash": ".bashrc", "csh": ".cshrc", "tcsh": ".tcshrc", "fish": ".config/fish/config.fish", "dash": ""}
ODD = 'it\'s "a" $HOME `id` ! !! \\ \\n %d {b} ~ ü\nline'


@pytest.fixture(params=SHELLS)
def shell(request):
    return request.param


def server_with(sshd, shell, rc=""):
    server = sshd(shell=program(shell, shell))
    if rc and SHELLS[shell]:
        path = server.home / SHELLS[shell]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rc)
    return server


def test_a_client_works_whatever_the_login_shell_is(sshd, kind, shell, connect_ssh):
    client = connect_ssh(kind, server_with(sshd, shell), setup=f"export ODD='{ODD.replace(chr(39), '')}'")
    assert client.module("os").getenv("ODD") == ODD.replace("'", "")
    assert client.module("copy").copy(ODD) == ODD


def test_what_rc_files_print_is_not_output(sshd, kind, shell, tmp_path):
    noise = "echo Welcome to the cluster\necho '<rproxy:0000>'\n"
    server = server_with(sshd, shell, noise)
    assert ("Welcome" in ssh(server, "true").stdout) == bool(SHELLS[shell])
    connector = ssh_connector(kind, server)
    assert connector.run("printf own").stdout == b"own"
    (tmp_path / "bytes").write_bytes(bytes(range(256)))
    connector.push(tmp_path / "bytes", str(server.home / "there"))
    connector.pull(str(server.home / "there"), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == bytes(range(256))
    with rproxy.connect(connector, python=sys.executable) as client:
        assert client.module("os").path.join("a", "b") == "a/b"


def test_an_rc_file_that_ends_the_shell_is_told(sshd, kind, channel, connect_ssh):
    server = server_with(sshd, "bash", "echo no such module: cuda\nexit 3\n")
    with pytest.raises(rproxy.ConnectorError, match=r"(?s)login shell.*3.*no such module: cuda"):
        connect_ssh(kind, server, channel)


def test_an_rc_file_that_fails_is_no_hindrance(sshd, kind, connect_ssh):
    server = server_with(sshd, "bash", "no_such_command\nfalse\n")
    assert connect_ssh(kind, server).module("os").path.join("a", "b") == "a/b"


#: The last is the longest command that a connector takes, of what takes the most room on its way.
TEXTS = {"short": "it's", "mixed": "x ü! %d \\ " * 2000, "odd": "ü" * 11_900}


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_long_commands_go_through_every_shell(sshd, shell, text):
    connector = ssh_connector("ssh", server_with(sshd, shell))
    try:
        command = f"printf %s {shlex.quote(text)} | cksum"
        assert len(command.encode()) <= connector.command_limit
        here = subprocess.run(["cksum"], input=text.encode(), check=True, capture_output=True, timeout=60)
        assert connector.run(command).stdout == here.stdout
    finally:
        connector.close()


@pytest.mark.parametrize("length", range(180, 200))
@pytest.mark.parametrize("rest", ["'", "'\\!é\n" * 90], ids=["one", "many"])
def test_every_command_is_run_with_its_mark_ahead_by_one_more_shell(shell, rest, length):
    text = "a" * length + rest
    command = for_any_shell(f"printf %s {shlex.quote(text)}")
    for marked in (for_any_shell(command, "<mark>"), for_any_shell(str(command), "<mark>")):
        done = subprocess.run([program(shell, shell), "-c", marked], check=True, capture_output=True, timeout=60)
        assert done.stdout == b"<mark>" + text.encode()
    assert for_any_shell(command, "<mark>").count("/bin/sh") == 1
