"""A resident endpoint over links that really break: ssh that is killed, services that lose answers."""

import os
import signal
import sys
import threading
from collections import Counter

import pytest

import rproxy
from rproxy.testing import command_only

from ..rest.conftest import PYTHON, newt_options, sfapi_options
from ..services.process import Double
from ..ssh.conftest import KINDS, ssh_connector
from ..ssh.sshd import command_of, wait_for

pytestmark = pytest.mark.once

CALLS, SEED = 12, 4
#: The share of the requests that fail in each of three stages: a command is one to NEWT, and several to the other.
SERVICES = [("newt", "newt://edison", 0.12), ("sfapi", "sfapi://perlmutter", 0.05)]


def work(path, number, seconds=0.0):
    import os
    import time

    line = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(line, b"%d\n" % number)
    os.close(line)
    time.sleep(seconds)
    return os.getpid(), number


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_goes_on_when_its_ssh_is_cut(kind, sshd, tmp_path):
    server = sshd()
    with rproxy.connect(command_only(ssh_connector(kind, server)), python=sys.executable, resident=True) as client:
        counter = client.module("itertools").count(5)
        pid = client.call(work, "/dev/null", 0)[0]
        path = tmp_path / "runs"
        cutter = threading.Thread(target=lambda: (wait_for(path.exists), server.cut()))
        cutter.start()
        assert client.call(work, str(path), 1, 1.0) == (pid, 1)
        cutter.join()
        assert path.read_text() == "1\n"
        assert next(counter) == 5
    wait_for(lambda: not command_of(pid))


def test_a_call_goes_on_when_the_ssh_that_all_share_is_killed(sshd, tmp_path):
    server, path = sshd(), tmp_path / "runs"
    connector = ssh_connector("ssh", server)
    with rproxy.connect(command_only(connector), python=sys.executable, resident=True) as client:
        client.call(work, "/dev/null", 0)

        def kill():
            wait_for(path.exists)
            os.kill(connector._link._master.popen.pid, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        assert client.call(work, str(path), 1, 1.0)[1] == 1
        killer.join()
    assert path.read_text() == "1\n"


@pytest.mark.parametrize(("service", "target", "share"), SERVICES)
def test_over_a_service_that_fails_each_call_runs_once_and_returns(service, target, share, tmp_path):
    returned, not_run, told = [], [], []
    with Double(service) as double:
        options = newt_options(double) if service == "newt" else sfapi_options(double)
        with rproxy.connect(target, python=PYTHON, resident=True, **options) as client:
            client._connector.poll_interval = 0.02
            client.call(work, "/dev/null", 0)
            double.modes(faults={"share": share, "seed": SEED})
            for number in range(CALLS):
                try:
                    returned.append(client.call(work, str(tmp_path / "runs"), number)[1])
                except rproxy.ConnectorError as error:  # refused before it ran: a lost one would be asked again
                    not_run.append(number)
                    told.append(getattr(error, "may_have_run", False))
            faults = double.faults()
            double.reset()
    runs = Counter(map(int, (tmp_path / "runs").read_text().split()))
    assert runs == Counter(returned)
    assert not any(told)
    assert sorted(returned + not_run) == list(range(CALLS))
    assert faults.get("during", 0) + faults.get("after", 0) > 0, faults
