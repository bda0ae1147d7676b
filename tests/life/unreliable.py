"""A host whose commands get lost, at a chosen stage."""

import contextlib
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import rproxy
from rproxy.connectors import Completed
from rproxy.connectors.local import LocalConnector

from ..ssh.sshd import wait_for

Run = Callable[[], Completed]


class Unreliable(LocalConnector):
    """This machine, by commands; `faults` are what happens to the next ones, each a function that gets a command's
    own run and returns or raises in its place."""

    open = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self.faults: list[Callable[[Run], Completed]] = []
        self.commands: list[str] = []
        self.times: list[float | None] = []

    def run(self, command: str, *, input: bytes = b"", timeout: float | None = None) -> Completed:
        self.commands.append(command)
        self.times.append(timeout)
        fault = self.faults.pop(0) if self.faults else None

        def run() -> Completed:
            return LocalConnector.run(self, command, input=input, timeout=timeout)

        return run() if fault is None else fault(run)


def never_starts(run: Run) -> Completed:
    """The link goes before the command is there, and nobody can know."""
    raise rproxy.ConnectionLost("the link is gone; whether the command has run is unknown")


def loses_the_answer(run: Run) -> Completed:
    run()
    raise rproxy.ConnectionLost("the link is gone; whether the command has run is unknown")


def says_nothing(run: Run) -> Completed:
    return run()._replace(stdout=b"")


def cuts_the_answer(run: Run) -> Completed:
    done = run()
    return done._replace(stdout=done.stdout[: len(done.stdout) // 2])


def runs_twice(run: Run) -> Completed:
    run()
    return run()


def takes_too_long(run: Run) -> Completed:
    run()
    raise rproxy.CallTimeout("a command on local:// took longer than 90 s")


def is_out_of_reach(run: Run) -> Completed:
    raise rproxy.ConnectorError("cannot reach local://: no route to host")


def killed_when(condition: Callable[[], object]) -> Callable[[Run], Completed]:
    """The command dies while its call runs, as with the ssh that has brought it."""

    def is_killed(run: Run) -> Completed:
        before = set(relays())
        with ThreadPoolExecutor(1) as pool:
            job = pool.submit(run)
            wait_for(lambda: set(relays()) - before and condition())
            for pid in set(relays()) - before:
                with contextlib.suppress(ProcessLookupError):  # it has just come to its end
                    os.kill(pid, signal.SIGKILL)
            return job.result()

    return is_killed


is_killed = killed_when(lambda: True)


def relays() -> list[int]:
    """The commands of this process's clients that wait for a resident endpoint."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])
        except OSError:
            continue
        if b"relay" in words and parent == os.getpid():
            found.append(int(pid))
    return found
