"""A small process that outlives the endpoint by a moment, and ends what is left of it.

Rules: it knows when the endpoint has ended, however that came, and then ends what calls have started; it knows when
the client is gone, and ends an endpoint that does not: one that was stopped by a signal, or is in machine code that
holds the interpreter's lock. Nobody waits for it, it is nobody's child, and nothing that means the endpoint's group
means it.
"""

import _signal as signal  # `signal` itself makes enumerations: a tenth of an endpoint's start
import os
import select
import sys
import time

from .ending import GRACE, guarded, others, send

#: How much longer than what it has started an endpoint may take to end, in seconds.
MORE = 1.0
#: When it compiles what was deployed for this session, in seconds: the first calls go first.
SETTLED = 0.3


def lead_group(client: int = -1) -> int:
    """Makes this process the leader of a group, so that its children can be ended with it, and has it guarded.

    `client` is the descriptor whose end means that the client is gone, if there is one. Returns what `settle` takes.
    """
    try:
        if os.getpgrp() != os.getpid():
            os.setpgid(0, 0)
        return _start(client)
    except OSError:  # no right to, so children that outlive the client are theirs who forbade it; or to more processes
        return 0


def settle(child: int) -> None:
    """Waits until the guard has started: who waits for all of its children must not wait for that."""
    if child:
        os.waitpid(child, 0)


def _start(client: int) -> int:
    """Forks twice, so that the guard is nobody's child."""
    reading, writing = os.pipe()
    own = os.getpid()
    child = os.fork()
    if not child:
        try:
            os.setsid()
            if not os.fork():
                _guard(own, reading, client)
        finally:
            os._exit(0)
    os.close(reading)
    guarded.append(writing)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_let_go)
    return child


def _let_go() -> None:
    """In a forked child, whose life is not that of the endpoint."""
    while guarded:
        os.close(guarded.pop())


def _compile() -> None:
    """Compiles the endpoint's modules for its next start, if this was the first, which could not wait for that."""
    import fcntl

    sys.dont_write_bytecode = False  # this process's own
    try:
        with open(os.path.join(os.path.dirname(os.path.dirname(__file__)), "contents")) as contents:
            fcntl.flock(contents, fcntl.LOCK_SH | fcntl.LOCK_NB)  # who removes the endpoint waits for us
            if os.fstat(contents.fileno()).st_nlink:
                for name in [name for name in sys.modules if name.startswith("rproxy_endpoint")]:
                    spec = sys.modules[name].__spec__
                    if spec and spec.cached and hasattr(spec.loader, "set_data") and not os.path.exists(spec.cached):
                        spec.loader.get_code(name)  # type: ignore[union-attr]
    except OSError:
        pass  # from memory, being removed, or on a file system without locks


def _guard(group: int, reading: int, client: int) -> None:
    """Waits for the end of the process that leads a group, and ends what is left of that."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    kept = sorted({reading, client} - {-1})
    low = 0
    for high in kept + [4096]:  # nobody must wait for an end of file because of it
        if low < high:
            os.closerange(low, high)
        low = high + 1
    poll = select.poll()
    for descriptor in kept:
        poll.register(descriptor, 0)  # tells only when the other end is closed
    if not poll.poll(SETTLED * 1000):
        _compile()
    over = reading in dict(poll.poll())
    if client >= 0:  # whose end may have to be nobody's, to be seen at the other one
        poll.unregister(client)
        os.close(client)
    if not over and not poll.poll((GRACE + MORE) * 1000):
        send(group, signal.SIGKILL)
    os.set_blocking(reading, False)  # where a child that was forked by C keeps the other end open
    try:
        asked = os.read(reading, 10)
    except BlockingIOError:
        asked = b""
    if not asked:
        for member in others(group):
            send(member, signal.SIGTERM)
    until = time.time() + GRACE
    while others(group) and time.time() < until:
        time.sleep(0.02)
    for member in others(group):
        send(member, signal.SIGKILL)
