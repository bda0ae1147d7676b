"""The connections of an ssh that connects are set from outside, and left to it."""

import os
import socket
import subprocess
import sys
import time

import pytest

from rproxy.connectors.openssh import undelayed
from rproxy.connectors.openssh.undelayed import Undelayed
from rproxy.errors import HostKeyError

from .conftest import ssh_connector

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(sys.platform != "linux", reason="install Linux: other systems have no pidfd_getfd"),
]


@pytest.fixture(scope="module", autouse=True)
def descriptors_can_be_had():
    with socket.socket() as connection, subprocess.Popen(["sleep", "60"], stdin=connection) as child:
        try:
            undelayed._taken(child.pid, 0).close()
        except PermissionError:
            pytest.skip("install what lets a process have its child's descriptors: a container needs SYS_PTRACE for it")
        finally:
            child.kill()


@pytest.fixture
def ssh(shared_sshd, write_config):
    """`ssh(*words)` starts an ssh that logs in as `near`, or as `far` over that, and waits for its input to end."""
    started = []
    config = write_config(shared_sshd.host_lines("near"), shared_sshd.host_lines("far", "ProxyJump near"))

    def start(host):
        words = ["ssh", "-F", str(config), "-o", "BatchMode=yes", host, "cat"]
        started.append(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("host", ["near", "far"])
def test_what_ssh_sends_is_not_held_back(ssh, host):
    process = ssh(host)
    of_ssh = Undelayed(process.pid)
    while not of_ssh.connections:
        assert of_ssh.hurry(), "it was given up"
        time.sleep(0.001)
    options = [one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for one in of_ssh.connections]
    of_ssh.close()
    assert all(options)
    assert not of_ssh.hurry()
    assert not of_ssh.connections
    assert process.communicate(b"it goes on")[0] == b"it goes on"


def test_a_session_begins_with_no_connection_in_this_process(shared_sshd, monkeypatch):
    found = []

    class Noting(Undelayed):
        def close(self):
            found.extend(one.getpeername()[1] for one in self.connections)
            super().close()

    monkeypatch.setattr("rproxy.connectors.openssh.link.Undelayed", Noting)
    before = sockets()
    connector = ssh_connector("ssh", shared_sshd)
    try:
        stream = connector.open("cat")
        now = sockets()
        stream.close()
    finally:
        connector.close()
    assert found == [shared_sshd.port]
    assert not {name for name in now - before if is_tcp(name)}


def test_a_login_that_fails_leaves_no_connection(shared_sshd, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(
        "rproxy.connectors.openssh.link.Undelayed", lambda process: made.append(Undelayed(process)) or made[-1]
    )
    (tmp_path / "none").touch()
    connector = ssh_connector("ssh", shared_sshd, known_hosts=tmp_path / "none")
    with pytest.raises(HostKeyError):
        connector.open("cat")
    connector.close()
    assert [one.connections for one in made] == [[]]
    assert not made[0].hurry()


def test_where_descriptors_cannot_be_had_nothing_is_done(ssh, monkeypatch):
    monkeypatch.setattr(undelayed, "_PIDFD_GETFD", 100_000)  # no system call has that number
    process = ssh("near")
    of_ssh = Undelayed(process.pid)
    while of_ssh.hurry():
        time.sleep(0.001)
    assert not of_ssh.connections
    assert process.communicate(b"it goes on")[0] == b"it goes on"


def sockets():
    names = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            name = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:  # what lists them
            continue
        names |= {name} if name.startswith("socket:") else set()
    return names


def is_tcp(name):
    inode = name[len("socket:[") : -1]
    with open("/proc/self/net/tcp") as table:
        return any(line.split()[9] == inode for line in list(table)[1:])
