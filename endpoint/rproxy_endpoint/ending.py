"""What must not stay behind: the processes that calls have started.

Rules: they get a moment to end by themselves; this process does not wait for it, since some of them (the
helpers of multiprocessing) only end when it is gone; who is still there after the grace is killed.
"""

import os
import signal
import threading
import time
from typing import List

#: How long what a client started may take to end once the client is gone, in seconds.
GRACE = 3.0


def lead_group() -> None:
    """Makes this process the leader of a group, so that its children can be ended with it."""
    if os.getpgrp() != os.getpid():
        try:
            os.setpgid(0, 0)
        except OSError:
            pass  # no right to: then children that outlive the client are theirs who forbade it


def end() -> None:
    """Asks what was started here to end, and sees to it that nothing of it, nor this process, stays for long."""
    started = others()
    for member in started:
        _signal(member, signal.SIGTERM)
    if started and not os.fork():
        _guard(os.getpgrp())
    threading.Thread(target=_after_grace, daemon=True).start()


def _after_grace() -> None:
    time.sleep(GRACE)
    os._exit(1)


def _guard(group: int) -> None:
    """What a small process does that outlives this one: it kills who is still there after the grace."""
    os.closerange(0, 4096)  # nobody must wait for an end of file because of it
    until = time.time() + GRACE
    while others(group) and time.time() < until:
        time.sleep(0.02)
    for member in others(group):
        _signal(member, signal.SIGKILL)
    os._exit(0)


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


def _signal(member: int, number: int) -> None:
    try:
        os.kill(member, number)
    except OSError:
        pass  # it has ended meanwhile, or runs as somebody else
