"""A resident endpoint: one process that keeps modules and objects between the commands of its clients.

Rules: requests run one at a time, in the order in which they come, each at most once: clients number what they
send, and what has a number that was met before does not run again; objects are each client's own, modules are
shared by those who asked for the same session. It ends when its only client says goodbye, after some time
without a request, or when its folder is removed.

A command that is lost ends nothing: the call goes on, and its answer is kept until the client's next request, for
a command that asks again. A call for which nobody asks any more is interrupted, and so is one that is cancelled.
"""

import collections
import os
import signal
import socket
import threading
import time
from typing import Any, Deque, Dict, List, NamedTuple, Optional

from . import holding
from .cancelling import Cancelling, clock
from .ending import end
from .execute import Executor
from .greeting import facts
from .letters import remove
from .objects import EndpointSide
from .protocol.errors import ProtocolFault
from .protocol.frames import Bytes
from .protocol.peer import Peer
from .serve import Server
from .wire import LATE

#: How long it stays when its folder is to go, in seconds.
LEAVING = 0.2


class Guest:
    """What one client has here: the state of its conversation, its objects, the answer that it may not have got."""

    def __init__(self, server: Server) -> None:
        self.side = EndpointSide(True)
        self.side.ask = server.side.ask
        self.peer = Peer("endpoint", self.side)
        self.executor = Executor(self.side)
        self.cancelling = Cancelling(server._calls, self.peer.waiting, server._refuse)
        self.met = False  # whether it was greeted
        self.chosen = False  # whether what its Hello asks for was done
        self.last = 0  # the number of what it sent last
        self.request = 0  # of its last request
        self.answer: Optional[bytes] = None  # to that request; None while there is none
        self.unwanted = 0  # the number of the last one that is to stop
        self.patience = 0.0  # how long to go on while no command waits for the answer, in seconds
        self.alone = 0.0  # how long none has waited
        self.visitors = 0  # commands that wait for it now


Job = NamedTuple("Job", [("guest", Guest), ("number", int), ("parts", List[bytes])])


class Resident:
    """Runs requests on the main thread; `door.Door` brings them, and takes the answers."""

    def __init__(self, listener: socket.socket, path: str, idle: float) -> None:
        self.listener = listener
        self.guests: Dict[bytes, Guest] = {}
        self.changed = threading.Condition()  # whose lock is held by whoever reads or writes any of this
        self.visitors = 0
        self.over = False
        self._path = path
        self._idle = idle
        self._jobs: Deque[Job] = collections.deque()
        self._running: Optional[Job] = None
        self._since = 0.0  # when that began
        self._pieces: List[Bytes] = []
        self._server = Server(live=True)
        self._server.write = self._pieces.extend

    def serve(self) -> None:
        """Answers requests until the end; then the socket is gone, and so is soon what calls have started."""
        signal.signal(signal.SIGINT, self._interrupt)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the terminal, or the command, that has started it may go
        signal.signal(signal.SIGTERM, self._terminate)
        self._server.recorder.start()
        job = self._next()
        while job is not None:
            answer = self._run(job)
            with self.changed:
                self._running = None
                if job.guest.request == job.number:
                    job.guest.answer = answer
                self.changed.notify_all()
            job = self._next()
        self.leave()

    def _next(self) -> Optional[Job]:
        """The next request; None after too long a time without one."""
        until = time.monotonic() + (LEAVING if holding.is_left() else self._idle)
        with self.changed:
            while not self._jobs:
                left = until - time.monotonic()
                if left <= 0 and not self.visitors:
                    self.over = True
                    return None
                self.changed.wait(left if left > 0 else None)  # visitors tell when they leave, and do not count
            self._running, self._since = self._jobs.popleft(), clock()
            return self._running

    def is_idle(self) -> bool:
        return self._running is None

    def leave(self) -> None:
        """Ends what was started here, and this process."""
        remove(self._path)
        self.listener.close()
        end()
        os._exit(0)

    def _terminate(self, number: int, frame: Any) -> None:
        self.leave()

    def _interrupt(self, number: int, frame: Any) -> None:
        self._server.cancelling.on_signal(number, frame)

    def _run(self, job: Job) -> bytes:
        """What answers the parts of one request."""
        server, guest = self._server, job.guest
        server.side, server.peer, server._executor = guest.side, guest.peer, guest.executor
        server.cancelling, server._chosen = guest.cancelling, guest.chosen
        if not guest.met:
            guest.met = True
            self._pieces.extend(guest.peer.greet(facts()))
        try:
            with self.changed:
                frames = [frame for data in job.parts for frame in guest.peer.feed(data)]
                if guest.unwanted == job.number:
                    self._cancel(guest)
            while frames:
                server.handle(frames.pop(0))
        except ProtocolFault:
            with self.changed:
                self.forget(guest)
        guest.chosen = server._chosen
        with server.recorder.lock:
            answer = b"".join(self._pieces)
            del self._pieces[:]
        return answer

    # -- for the door, with the lock of `changed` ------------------------------------------------------

    def meet(self, name: bytes) -> Guest:
        """A client that is new here."""
        guest = self.guests[name] = Guest(self._server)
        return guest

    def forget(self, guest: Guest) -> None:
        """Takes note that a client comes no more."""
        self.stop(guest, guest.request)
        for name in [name for name, other in self.guests.items() if other is guest]:
            del self.guests[name]
        self.changed.notify_all()

    def take(self, guest: Guest, number: int, parts: List[bytes]) -> None:
        """Has a request run when it is its turn. What answered those before it is needed no more."""
        guest.last = guest.request = number
        guest.answer = None
        self._jobs.append(Job(guest, number, parts))
        self.changed.notify_all()

    def stop(self, guest: Guest, number: int) -> None:
        """Interrupts a request if it runs; one that has not begun, or has not even come, never will."""
        guest.last, guest.unwanted = max(guest.last, number), number
        running = self._running
        if running is not None and running.guest is guest and running.number == number:
            self._cancel(guest)
        for job in [job for job in self._jobs if job.guest is guest and job.number == number]:
            self._jobs.remove(job)
            guest.answer = LATE
            self.changed.notify_all()

    def _cancel(self, guest: Guest) -> None:
        """Stops what the running request asks for; the last call first, so that none begins meanwhile."""
        for call in sorted(guest.peer.waiting, reverse=True):
            guest.cancelling.cancel(call, self._since)

    def press(self) -> None:
        """Has the main thread look again whether it is to be interrupted."""
        if self._running is not None:
            self._running.guest.cancelling.press()
