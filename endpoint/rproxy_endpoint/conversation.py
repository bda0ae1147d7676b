"""Reading from the client, by the main thread or by whoever waits for an answer of the client's.

Rules: the main thread's requests wait their turn, in order; what the client asks from within an answer that a
thread waits for runs in that thread at once; one thread reads at a time, and hands the others what is theirs.
While a call runs long a watching thread looks for what the client wants of it, and reads ahead no more than so much.
While no thread asks the client anything and none watches, the main thread reads without any of this.
"""

import collections
import os
import select
import threading
import time
from typing import Any, Callable, Deque, Dict, List

from .cancelling import clock
from .protocol.errors import ProtocolFault
from .protocol.frames import Frame
from .protocol.messages import ANSWERS, BARE, NOTICES, REQUESTS
from .protocol.peer import Peer

#: How long to wait for the next message without sleeping, in seconds: longer than a call takes over a link of the same
#: machine with all asleep, since who has slept once would keep the other side from finding it awake.
AWAKE = 8e-4
#: Whoever comes back from giving way so late has given it to somebody who needs it, in seconds.
LATE = 1e-4
#: Who has as much room for what is to come waits asleep, in bytes.
BULK = 1 << 20
#: How often the watching thread looks, in seconds, while calls run.
TICK = 0.05
#: How soon more follows what the watching thread has read, if more was sent at once, in milliseconds.
FOLLOWS = 5
#: How much may wait for its turn behind the next request, in bytes: a client that sends more has to wait.
AHEAD = 1 << 25
#: A request, after the notices that came ahead of it.
Group = List[Frame]


class _Asked:
    """A question to the client, and what has come for the thread that waits for its answer."""

    def __init__(self) -> None:
        self.answer: List[Frame] = []
        self.nested: Deque[Group] = collections.deque()

    def ready(self) -> bool:
        return bool(self.answer or self.nested)


class Conversation:
    """Hands out the client's messages.

    `source` is the descriptor that they come from; `heed` takes frames that are no part of a request; `reassure` is
    called again and again while something takes long to arrive.
    """

    def __init__(
        self, peer: Peer, source: int, heed: Callable[[Frame], None], reassure: Callable[[], None]
    ) -> None:
        self._peer = peer
        self._source = source
        self._heed = heed
        self._reassure = reassure
        self._vigil = Vigil(poll_of(source))
        self.pending: Deque[Group] = collections.deque()  # requests that have come, and wait for the main thread
        self._group: Group = []  # notices whose request has not come yet
        self._asked: Dict[int, _Asked] = {}
        self._changed = threading.Condition()
        self._reading = False  # whether a thread reads, once others ask
        self._over: Any = None  # why there will be no more: an exception
        self.busy = False  # whether the main thread runs a request
        self._turn = 0  # how many it has had
        self.since = 0.0  # when the request that runs now had not begun yet: a time of `clock()`
        self.active = False  # whether something has come from the client, or was taken by it; others set it back
        self._ahead = 0  # bytes that were read behind the next request, since it last waited
        self._resting = False  # whether the watching thread waits for a request
        self._rouse = threading.Event()

    # -- the main thread -------------------------------------------------------------------------------

    def next_group(self) -> Group:
        """The next request and its notices; empty at the end. Raises ProtocolFault."""
        self.busy = False
        while not self.pending and self._over is None:
            self._ahead = 0
            if self._asked:
                self._take_turns(lambda: bool(self.pending) or not self._asked)
            elif self._reading:
                self._take_turns(lambda: bool(self.pending))
            else:  # nobody can begin to ask, or to watch, while no request runs
                self._read()
        if self.pending:
            group = self.pending.popleft()
            self.busy = True
            self._turn += 1
            if self._resting:
                self._rouse.set()
            return group
        if isinstance(self._over, ProtocolFault):
            raise self._over
        return []

    def has_part(self) -> bool:
        """Whether some of a message has come, and not all."""
        return not self._peer.idle

    # -- any thread ------------------------------------------------------------------------------------

    def open(self, number: int) -> None:
        """A question of that number is about to be sent."""
        self._asked[number] = _Asked()

    def answer(self, number: int, run: Callable[[Group], None]) -> Frame:
        """The answer to a question; meanwhile runs what the client asks from within it.

        Raises EOFError where it will not come.
        """
        asked = self._asked[number]
        try:
            while True:
                while asked.nested:
                    run(asked.nested.popleft())
                if asked.answer:
                    return asked.answer[0]
                if self._over is not None:
                    raise EOFError("the client has ended its session")
                self._take_turns(asked.ready)
        finally:
            with self._changed:
                del self._asked[number]
                # What was asked too late to be nested is a request as others are.
                self.pending.extend(asked.nested)
                self._changed.notify_all()

    def _take_turns(self, done: Callable[[], bool]) -> None:
        """Reads, or lets another thread read, until something has come for this one."""
        with self._changed:
            while self._reading and not done() and self._over is None:
                self._changed.wait()
            if done() or self._over is not None:
                return
            self._reading = True
        try:
            self._read()
        finally:
            with self._changed:
                self._reading = False
                self._changed.notify_all()

    # -- the watching thread ---------------------------------------------------------------------------

    def watch(self, tick: Callable[[], None]) -> None:
        """Reads what comes while the same call runs for long; calls `tick` again and again while any runs."""
        ready, turn, looked, reads = poll_of(self._source), -1, clock(), False
        while self._over is None:
            if not (reads and ready.poll(FOLLOWS)):
                time.sleep(TICK)
            reads = False
            if not self.busy:
                self._rest()
                looked = clock()
            if turn != self._turn:
                turn, self.since = self._turn, looked
            elif ready.poll(0):
                self.active = True
                reads = self._ahead < AHEAD and self._read_meanwhile(turn)
                self._reassure()  # also where no more is read ahead: pings wait behind that
            tick()
            looked = clock()

    def _rest(self) -> None:
        """Waits until the main thread runs a request."""
        self._resting = True
        if not self.busy:
            self._rouse.wait()
        self._resting = False
        self._rouse.clear()

    def _read_meanwhile(self, turn: int) -> bool:
        """Reads once while the main thread runs that request, unless others read already; returns whether it did."""
        with self._changed:
            if self._reading:
                return False
            self._reading = True
        try:
            runs = self.busy and self._turn == turn  # else it may be reading by now
            if runs:
                self._read(0.0)
            return runs
        finally:
            with self._changed:
                self._reading = False
                self._changed.notify_all()

    # -- reading ---------------------------------------------------------------------------------------

    def _read(self, awake: float = AWAKE) -> None:
        """Reads once, and sorts what has come."""
        try:
            room = self._peer.buffer()
            if awake and len(room) < BULK:  # else the processor is for those who bring it
                self._vigil.keep()
            count = os.readv(self._source, [room])
            if not count:
                self._peer.ended()
                self._over = EOFError()
                return
            if self.pending:  # else a large request would keep back the word to stop the call that it waits for
                self._ahead += count
            self.active = True
            frames = self._peer.received(count)
            if self._asked:
                with self._changed:
                    self._sort(frames)
            elif len(frames) == 1 and not self._group and frames[0].kind in REQUESTS:
                self.pending.append(frames)  # the most frequent case by far
            else:
                self._sort(frames)
            if not frames:  # there is more to come of one
                self._reassure()
        except (ProtocolFault, OSError) as fault:
            self._over = fault

    def _sort(self, frames: List[Frame]) -> None:
        for frame in frames:
            if frame.kind in BARE:
                self._heed(frame)
                continue
            if frame.kind in ANSWERS:
                asked = self._asked[frame.call]
                asked.nested.append(self._group)  # what the answer needs comes before it
                asked.answer.append(frame)
                self._group = []
                continue
            self._group.append(frame)
            if frame.kind not in NOTICES:
                nesting = self._asked.get(frame.within) if frame.within else None
                (self.pending if nesting is None else nesting.nested).append(self._group)
                self._group = []


def poll_of(source: int) -> Any:
    ready = select.poll()
    ready.register(source, select.POLLIN)
    return ready


class Vigil:
    """Waits a moment for the next message without sleeping: they often follow each other, and to wake a sleeping
    processor takes longer than most of them. Whoever has waited so in vain, or had to wait for the processor, sleeps at
    once the next times, up to 256 of them, until a message comes in time again: others may want the processor."""

    def __init__(self, ready: Any) -> None:
        self._ready = ready
        self._rests = 0  # how often it still sleeps at once
        self._next = 1

    def keep(self) -> None:
        if self._ready.poll(0):
            return
        if self._rests:
            self._rests -= 1
            return
        now = time.perf_counter()
        until = now + AWAKE
        while now < until:
            os.sched_yield()
            before, now = now, time.perf_counter()
            if now - before > LATE:
                break
            if self._ready.poll(0):
                self._next = 1
                return
        self._rests, self._next = self._next, min(2 * self._next, 256)
