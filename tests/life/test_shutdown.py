"""A client's process that ends without a word: nothing is said, and nothing stays."""

import os
import signal
import subprocess
import sys
import time

import pytest

from ..ssh.conftest import KINDS
from ..ssh.sshd import command_of, descendants, wait_for
from ..test_life import ended

pytestmark = pytest.mark.once

PROGRAM = """
import os, sys, threading
import rproxy
client = rproxy.connect({target!r}, python=sys.executable, **{options!r})
child = client.module("subprocess").Popen(["sleep", "600"])
print(client.module("os").getpid(), child.pid, flush=True)
{end}
"""
#: How the process ends, with the exit code of that.
ENDS = {
    "falls off its end": ("", 0),
    "leaves a call in a thread": (
        "threading.Thread(target=client.module('time').sleep, args=(600,), daemon=True).start()", 0
    ),
    "leaves a copy in a thread": (
        "big = os.environ['TMPDIR'] + '/big'; open(big, 'wb').close(); os.truncate(big, 1 << 40); "
        "threading.Thread(target=client.push, args=(big, big + ' copied'), daemon=True).start(); "
        "begun = lambda: any(name[:8] == '.rproxy-' for name in os.listdir(os.environ['TMPDIR']))\n"
        "while not begun(): pass\nos.unlink(big)", 0
    ),
    "leaves a submitted call": ("future = client.submit(client.module('time').sleep, 600)", 0),
    "sys.exit": ("sys.exit(3)", 3),
    "raises": ("raise SystemExit(4)", 4),
    "os._exit": ("os._exit(5)", 5),
    "SIGKILL": ("import signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
    "SIGTERM": ("import signal; os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
    "SIGKILL under a call": (
        "import signal; threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGKILL)).start(); "
        "client.module('time').sleep(600)",
        -signal.SIGKILL,
    ),
}  # fmt: skip
#: Over ssh each costs a connection: those that differ there.
OVER_SSH = ["leaves a copy in a thread", "leaves a submitted call", "os._exit", "SIGKILL under a call"]
CASES = [*(("local", how) for how in ENDS), *((kind, how) for kind in KINDS for how in OVER_SSH)]


def options_of(way):
    server = way.server
    return {} if server is None else {
        "identity": server.keys["user"], "known_hosts": server.known_hosts, "ssh_config": server.keys.empty_config,
    }  # fmt: skip


@pytest.mark.parametrize(("any_way", "how"), CASES, indirect=["any_way"])
def test_a_client_that_ends_without_close_says_nothing_and_leaves_nothing(way, how, tmp_path):
    end, code = ENDS[how]
    target = "local://" if way.server is None else f"{way.name}://{way.server.address}"
    program = PROGRAM.format(target=target, options=options_of(way), end=end)
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60, env=environment
    )
    assert (done.returncode, done.stderr) == (code, "")
    for pid in map(int, done.stdout.split()):
        assert ended(pid, within=8)
    if way.server is not None:
        wait_for(lambda: [pid for pid in way.server.sessions() if command_of(pid) != "sshd"] == [])
    if code >= 0 and how != "os._exit":  # who is not asked to end cannot remove what is here
        assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == []


def test_a_program_that_a_shell_stops_and_goes_on_with_keeps_its_session():
    code = "import rproxy\nc = rproxy.connect(keepalive=0.3)\nprint(c.call(lambda: __import__('time').sleep(1.5) or 7))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        wait_for(lambda: len(descendants(process.pid)) > 0)
        time.sleep(0.4)
        process.send_signal(signal.SIGSTOP)
        time.sleep(1)
        process.send_signal(signal.SIGCONT)
        assert process.stdout.read() == "7\n"
