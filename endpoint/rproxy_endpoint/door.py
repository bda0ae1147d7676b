"""The entrance of a resident endpoint: a thread for each command that comes to its socket.

Rules: what a command brings is handed over whole, or not at all; a command waits for its own client's request, and
may come and go while that runs; a call for which no command has come for too long is interrupted. The time during
which machine code holds the interpreter's lock does not count: nobody could have come in.
"""

import select
import socket
import threading
from typing import List, Optional, Tuple

from .resident import Guest, Resident
from .wire import GONE, LATE, NEVER, hung_up, receive, send

#: How often to look whether commands are still there, in seconds.
LOOK = 0.1
#: How long a command may take to bring its request, and to take its answer, in seconds.
SLOWEST = 120.0
#: How long a call may take to end when its client has ended the session, in seconds.
TO_END = 3.0


class Door:
    """Lets commands in to a resident endpoint."""

    def __init__(self, resident: Resident) -> None:
        self._resident = resident
        threading.Thread(target=self._attend, name="rproxy door", daemon=True).start()

    def _attend(self) -> None:
        resident = self._resident
        poll = select.poll()
        poll.register(resident.listener, select.POLLIN)
        while True:
            with resident.changed:
                busy = [guest for guest in resident.guests.values() if _waits(guest)]
                looks = busy or resident.visitors  # who has come in may be about to ask for something
            if poll.poll(LOOK * 1000 if looks else None):
                connection, _ = resident.listener.accept()
                with resident.changed:
                    resident.visitors += 1
                threading.Thread(target=self._visit, args=(connection,), daemon=True).start()
                continue
            with resident.changed:
                for guest in busy:
                    self._miss(guest)
                resident.press()

    def _miss(self, guest: Guest) -> None:
        """Stops what a client asked for that has been gone for too long."""
        if guest.visitors or not _waits(guest):
            return
        guest.alone += LOOK
        if guest.alone > guest.patience:
            guest.alone = 0.0
            self._resident.stop(guest, guest.request)

    def _visit(self, connection: socket.socket) -> None:
        resident = self._resident
        leaves = False
        try:
            with connection:
                connection.settimeout(SLOWEST)
                data = receive(connection)
                if data is not None:
                    head, _, rest = data.partition(b"\n")
                    words = head.split()
                    leaves = words[1] == b"end"
                    answer = self._goodbye(words[0]) if len(words) == 2 else self._answer(connection, words, rest)
                    if answer is not None:
                        send(connection, answer)
        except OSError:
            pass  # the command is gone; its client may send another for the answer
        finally:
            with resident.changed:
                resident.visitors -= 1
                resident.changed.notify_all()
                if leaves:  # what was interrupted may have something to clean up
                    resident.changed.wait_for(resident.is_idle, TO_END)
            if leaves:
                resident.leave()

    def _goodbye(self, name: bytes) -> bytes:
        with self._resident.changed:
            guest = self._resident.guests.get(name)
            if guest is not None:
                self._resident.forget(guest)
        return b""

    def _answer(self, connection: socket.socket, words: List[bytes], rest: bytes) -> Optional[bytes]:
        """What answers the bytes of one command: ``CLIENT WHAT``, where `WHAT` is ``bye``, or ``end`` from a client
        whose session has no name; or ``CLIENT WHAT NUMBER PATIENCE``, where `WHAT` is ``new`` or ``more``, with parts
        after it, or ``again`` or ``stop``, for the request of that number. None if the command is gone."""
        resident = self._resident
        name, what, number, patience = words[0], words[1], int(words[2]), float(words[3])
        parts = _parts(rest)
        with resident.changed:
            guest = resident.guests.get(name)
            if guest is None:
                if what != b"new" or resident.over:
                    return GONE
                guest = resident.meet(name)
            guest.patience, guest.alone = patience, 0.0
            if what == b"stop":
                resident.stop(guest, number)
                return b""
            if number > guest.last:
                if what == b"again":
                    return NEVER
                resident.take(guest, number, [data for part, data in parts if part > guest.last])
            elif number != guest.request:
                return LATE
            return self._wait(connection, guest, number)

    def _wait(self, connection: socket.socket, guest: Guest, number: int) -> Optional[bytes]:
        """The answer to a client's request, once it is there."""
        guest.visitors += 1
        try:
            while guest.request == number and guest.answer is None:
                if guest not in self._resident.guests.values() or hung_up(connection, 0):
                    return None
                self._resident.changed.wait(LOOK)
        finally:
            guest.visitors -= 1
        return guest.answer if guest.request == number else LATE


def _waits(guest: Guest) -> bool:
    return guest.request > 0 and guest.answer is None


def _parts(data: bytes) -> List[Tuple[int, bytes]]:
    """Parts, each a line ``NUMBER SIZE`` and so many bytes, with their numbers."""
    found = []
    while data:
        head, _, rest = data.partition(b"\n")
        number, size = map(int, head.split())
        found.append((number, rest[:size]))
        data = rest[size:]
    return found
