"""Ends an endpoint whose client is gone without a word, in the middle of a call or of a request.

Rules: a client that waits for a call pings when nothing comes from here; so one that is not heard for many times as
long as it says, and takes nothing either, is gone: the link is open only at this end. Periods are counted, and not
time: while machine code holds the interpreter's lock nothing can be heard.
"""

import time
from typing import Callable

from .conversation import Conversation

#: So many times its keepalive may a client be silent.
PERIODS = 10


def end_in_silence(line: Conversation, keepalive: float, gone: Callable[[], None]) -> None:
    """Looks after a client that pings, with the seconds of its keepalive; calls `gone` when it is."""
    silent = 0
    while silent < PERIODS:
        time.sleep(keepalive)
        silent = silent + 1 if (line.busy or line.has_part()) and not line.active else 0
        line.active = False
    gone()
