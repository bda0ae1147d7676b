"""What must not stay behind: the processes that calls have started.

Rules: they get a moment to end by themselves; this process does not wait for it, since some of them (the helpers of
multiprocessing) only end when it is gone; who is still there after the grace is killed by the guard.
"""

import _signal as signal  # `signal` itself makes enumerations: a tenth of an endpoint's start
import os
import threading
import time
from typing import List

#: How long what a client started may take to end once the client is gone, in seconds.
GRACE = 3.0
#: The descriptors whose end tells the guard that this process has ended: at most one.
guarded: List[int] = []


def end() -> None:
    """Asks what was started here to end, and sees to it that this process does not stay for long."""
    for member in others():
        send(member, signal.SIGTERM)
    for descriptor in guarded:
        os.write(descriptor, b"asked")
    threading.Thread(target=_after_grace, daemon=True).start()


def _after_grace() -> None:
    time.sleep(GRACE)
    os._exit(1)


def others(group: int = 0) -> List[int]:
    """The other processes of a group: of the one that this process leads, if none is named."""
    own = os.getpid()
    if not group and os.getpgrp() != own:
        return []
    try:
        running = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []  # no /proc here: children get a hangup of their output at the least
    return [member for member in running if member != own and _group(member) == (group or own)]


def started_since(since: float) -> List[int]:
    """Those among the other processes of this one's group that began after that time, in seconds since the system's
    start."""
    earliest = int(since * os.sysconf("SC_CLK_TCK")) - 1
    return [member for member in others() if int((_stat(member) or [b"0"] * 20)[19]) >= earliest]


def _group(member: int) -> int:
    found = _stat(member)
    return int(found[2]) if found and found[0] != b"Z" else 0


def _stat(member: int) -> List[bytes]:
    """What /proc/N/stat tells of a process from its state on; nothing if it has ended meanwhile."""
    try:
        with open("/proc/%d/stat" % member, "rb") as file:
            return file.read().rpartition(b") ")[2].split()
    except OSError:
        return []


def send(member: int, number: int) -> None:
    """Sends a signal to a process."""
    try:
        os.kill(member, number)
    except OSError:
        pass  # it has ended meanwhile, or runs as somebody else
