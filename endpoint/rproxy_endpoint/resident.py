"""A resident endpoint: one process that keeps modules and objects between the commands of its clients.

Rules: requests run one at a time, in the order in which they come, each at most once: clients number what they
send, and what has a number that was met before is passed over; objects are each client's own, modules are shared
by those who asked for the same session; it ends when its only client says goodbye, or after some time without a
request; a call whose command is killed is interrupted.
"""

import os
import select
import signal
import socket
import threading
from typing import Any, Dict, List, Optional

from .ending import end
from .execute import Executor
from .letters import remove
from .objects import EndpointSide
from .protocol.errors import ProtocolFault
from .protocol.frames import Bytes
from .protocol.peer import Peer
from .serve import Server, facts
from .wire import GONE, LATE, hung_up, receive, send


class Guest:
    """What one client has here: the state of its conversation, its objects."""

    def __init__(self, server: Server) -> None:
        self.side = EndpointSide(True)
        self.side.ask = server.side.ask
        self.peer = Peer("endpoint", self.side)
        self.executor = Executor(self.side)
        self.last = 0  # the number of what it sent last
        self.chosen = False  # whether what its Hello asks for was done


class Resident:
    """Serves the clients that come to a listening socket."""

    def __init__(self, listener: socket.socket, path: str, idle: float) -> None:
        self._listener = listener
        self._path = path
        self._idle = idle
        self._guests: Dict[bytes, Guest] = {}
        self._pieces: List[Bytes] = []
        self._server = Server(live=True)
        self._server.write = self._pieces.extend
        self._goodbye = False

    def serve(self) -> None:
        """Answers requests until the end; then the socket is gone, and so is soon what calls have started."""
        signal.signal(signal.SIGINT, self._server.cancelling.on_signal)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the terminal, or the command, that has started it may go
        signal.signal(signal.SIGTERM, self._terminate)
        self._server.recorder.start()
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        while not self._goodbye and poll.poll(self._idle * 1000):
            connection, _ = self._listener.accept()
            with connection:
                try:
                    self._serve_one(connection)
                except OSError:
                    continue  # the command is gone: nobody waits for its answer
        self._leave()

    def _leave(self) -> None:
        remove(self._path)
        self._listener.close()
        end()

    def _terminate(self, number: int, frame: Any) -> None:
        self._leave()
        os._exit(0)

    def _serve_one(self, connection: socket.socket) -> None:
        data = receive(connection)
        if data is None:
            return
        watch = _Watch(connection)
        try:
            answer = self._answer(data)
        finally:
            watch.stop()
        send(connection, answer)

    def _answer(self, data: bytes) -> bytes:
        """What answers the bytes of one command: ``CLIENT WHAT``, and then segments. `WHAT` is ``new``, ``more``,
        ``bye``, or ``end`` from a client whose session has no name."""
        head, _, rest = data.partition(b"\n")
        name, what = head.split()
        if what in (b"bye", b"end"):
            self._guests.pop(name, None)
            self._goodbye = what == b"end"
            return b""
        guest = self._guests.get(name)
        if guest is None:
            if what != b"new":
                return GONE
            guest = self._guests[name] = Guest(self._server)
            self._pieces.extend(guest.peer.greet(facts()))
        try:
            return self._run(guest, rest)
        except ProtocolFault:
            del self._guests[name]
            raise OSError("the client does not speak the protocol")

    def _run(self, guest: Guest, segments: bytes) -> bytes:
        """Runs the segments that are new: ``NUMBER SIZE``, and frames. Others came before, by another command."""
        server, fresh = self._server, False
        server.side, server.peer, server._executor = guest.side, guest.peer, guest.executor
        while segments:
            head, _, rest = segments.partition(b"\n")
            number, size = map(int, head.split())
            data, segments = rest[:size], rest[size:]
            fresh = number > guest.last
            if fresh:
                guest.last = number
                server._chosen = guest.chosen
                for frame in guest.peer.feed(data):
                    server.handle(frame)
                guest.chosen = server._chosen
        if not fresh:
            return LATE
        with server.recorder.lock:
            answer = b"".join(self._pieces)
            del self._pieces[:]
        return answer


class _Watch:
    """Interrupts the call whose command is killed: by a cancelled task, a timeout, the user."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._over = threading.Event()
        self._thread: Optional[Any] = threading.Thread(target=self._run, name="rproxy watch", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.is_set():
            if hung_up(self._connection, 100):
                if not self._over.is_set():
                    os.kill(os.getpid(), signal.SIGINT)
                return

    def stop(self) -> None:
        self._over.set()
