"""The soak of `python -m tests.soak`, and that it finds what is wrong.

It takes RPROXY_SOAK_MINUTES, else two minutes in CI, and some seconds elsewhere.
"""

import os
import re
import subprocess
import sys

import pytest

from .conftest import IN_CI, REPOSITORY

MINUTES = float(os.environ.get("RPROXY_SOAK_MINUTES") or (2 if IN_CI else 0.1))

pytestmark = [pytest.mark.once, pytest.mark.timeout(MINUTES * 60 + 300)]


def test_random_calls_and_faults_leave_nothing_behind():
    command = [sys.executable, "-u", "-m", "tests.soak", str(MINUTES)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert re.search(r"^\d{3,} calls, and nothing was lost or left$", done.stdout, re.MULTILINE)
    assert done.stdout.count("its endpoint killed") >= 2
    assert done.stdout.count("closed") >= 2


LEAKS = {
    "memory of this process": ("kept.append(b'x' * (8 << 20))", "this process has grown"),
    "memory of the endpoint": ("self.client.call(leak)", "the endpoint has grown"),
    "a descriptor": ("kept.append(open('/dev/null'))", "descriptors are open"),
    "a call that is made twice": ("self.far_list.append(next(self.numbers))", "calls were lost, or were made twice"),
}

PROGRAM = """
import sys, tests.soak

kept = []

def leak():
    import builtins
    builtins.kept = getattr(builtins, "kept", []) + [b"x" * (8 << 20)]

def counted(self):
    {leak}

tests.soak.SHORTEST = 0.6
tests.soak.Work.counted = counted
tests.soak.main()
"""


@pytest.mark.parametrize("leak", LEAKS)
def test_the_soak_finds(leak):
    code, said = LEAKS[leak]
    command = [sys.executable, "-c", PROGRAM.format(leak=code), "0.01", "--seed", "1"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert said in done.stderr
