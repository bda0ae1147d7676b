"""The server of these tests is a real one: proven with the system's own ssh."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from .accounts import account
from .sshd import command_of, program, wait_for

pytestmark = pytest.mark.once


def ssh(server, *words, **options):
    """What the system's ssh makes of it."""
    base = [program("ssh", "openssh-client"), "-F", "none", "-o", f"UserKnownHostsFile={server.known_hosts}"]
    base += ["-o", "BatchMode=yes", "-p", str(server.port), "-i", server.keys["user"], f"{server.user}@{server.host}"]
    return subprocess.run([*base, *words], capture_output=True, text=True, timeout=60, **options)


def test_a_login_has_a_home_of_its_own(shared_sshd):
    done = ssh(shared_sshd, 'echo "$HOME"')
    assert (done.stdout, done.returncode) == (f"{shared_sshd.home}\n", 0), done.stderr


def test_a_server_logs_who_comes(sshd):
    server = sshd()
    assert server.logins() == 0
    assert ssh(server, "true").returncode == 0
    assert server.logins() == 1


def test_a_login_shell_can_be_chosen(sshd):
    done = ssh(sshd(shell=program("bash", "bash")), "echo $0 $BASH_VERSION 'a  b'")
    assert done.stdout.startswith(program("bash", "bash")) and done.stdout.endswith(" a  b\n")


def test_a_server_can_be_cut_off(sshd):
    server = sshd()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(ssh, server, "sleep 60")
        wait_for(lambda: "sleep" in map(command_of, server.sessions()))
        server.cut()
        assert running.result().returncode == 255


def test_an_account_lives_as_long_as_its_block():
    with account() as user:
        assert os.path.isdir(user.home)
    assert not os.path.exists(user.home)


def test_a_server_ends_with_all_below_it(sshd):
    server = sshd()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(ssh, server, "sleep 60")
        wait_for(lambda: "sleep" in map(command_of, server.sessions()))
        below = server.sessions()
        server.close()
        assert running.result().returncode == 255
    wait_for(lambda: not any(map(command_of, below)))
