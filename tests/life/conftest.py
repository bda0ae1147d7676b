"""What the tests of links that end share.

Rules: no test here may hang: one that takes too long tells what every thread was doing, and ends the tests.
"""

import faulthandler
import sys
from collections.abc import Iterator

import pytest

from ..ssh.conftest import keys, no_agent, shared_sshd, sshd, start_sshd  # noqa: F401 - fixtures

#: No test here takes a tenth of this, in seconds.
TOO_LONG = 100


@pytest.fixture(autouse=True)
def watchdog() -> Iterator[None]:
    faulthandler.dump_traceback_later(TOO_LONG, exit=True, file=sys.__stderr__)
    yield
    faulthandler.cancel_dump_traceback_later()
