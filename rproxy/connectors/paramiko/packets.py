"""Who reads a connection's packets: paramiko's own thread, or the one that waits for what is in them.

Rules: a thread that waits for an answer reads small packets by itself where it can, as to be woken takes about as long
as the rest of a call; paramiko's thread rests meanwhile, and does all that is more than to hand out data: exchanges of
keys, ends of channels, signs of life. One thread reads at a time, from the beginning of a packet to what it means.
"""

import collections
import threading
import time
from collections.abc import Callable
from typing import Any

from paramiko.packet import NeedRekeyException, Packetizer

from ...interrupts import HeldBack
from .wire import Wire

#: How long paramiko's thread rests after another has read, in seconds: calls often follow each other.
REST = 0.002
#: How often paramiko's thread looks after the connection, in seconds, whatever comes.
TICK = 0.1


class SharedPacketizer(Packetizer):  # type: ignore[misc]
    """paramiko's, which other threads than paramiko's own may read packets of."""

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self._wire = connection if isinstance(connection, Wire) else None  # else it is a channel of another host
        self._trailer: int | None = None  # bytes of a packet beyond those that its first ones tell, if these are clear
        self._turn = threading.Lock()  # of the thread that reads
        self._has_turn = False  # whether that is paramiko's own
        self._passed: collections.deque[Any] = collections.deque()  # packets, or an error, that others have read for it
        self._leads = self._seen = 0  # how often another thread has begun to read, by now and when this was looked at
        self.leader: int | None = None  # which one does
        self._packet = b""  # what it has not used yet of its packet
        self._rouse = threading.Event()

    def set_inbound_cipher(  # by their names, or not: that has changed with paramiko's versions
        self, block_engine: Any, block_size: int, mac_engine: Any, mac_size: int, mac_key: Any, **more: Any
    ) -> None:
        super().set_inbound_cipher(block_engine, block_size, mac_engine, mac_size, mac_key, **more)
        clear = more.get("aead") or more.get("etm")
        self._trailer = mac_size if clear and self._wire is not None else None

    # -- paramiko's thread -----------------------------------------------------------------------------

    def read_message(self) -> Any:
        while True:
            if self._passed:
                passed = self._passed.popleft()
                if isinstance(passed, BaseException):
                    raise passed
                return passed
            try:
                return super().read_message()
            except _Passed:
                continue

    def read_all(self, count: int, check_rekey: bool = False) -> bytes:
        if self.leader == threading.get_ident():
            found, self._packet = self._packet[:count], self._packet[count:]
            return found
        if check_rekey and self._wire is not None:  # a packet begins
            self._wait_for_turn(self._wire)
        data: bytes = super().read_all(count, check_rekey)
        return data

    def _wait_for_turn(self, wire: Wire) -> None:
        """Waits until a packet has begun to come that no other thread reads."""
        if self._has_turn:  # until now, that nothing is left to do of the packet before
            if wire.buffered:
                return
            self._has_turn = False
            self._turn.release()
        while True:
            if self._turn.acquire(False):
                self._has_turn = True
                if self._passed:
                    raise _Passed
                if wire.is_readable(0):
                    return
                self._has_turn = False
                self._turn.release()
            self._rest(wire)
            if self.closed or self.handshake_timed_out():
                raise EOFError
            if self.need_rekey():
                raise NeedRekeyException
            self._check_keepalive()

    def _rest(self, wire: Wire) -> None:
        """Waits while others read, and then until something comes; not for longer than a tick."""
        until = time.monotonic() + TICK
        while self.leader is not None or self._leads != self._seen:
            step = REST if self._leads != self._seen else TICK  # who has read for as long rouses it
            self._seen = self._leads
            if self._rouse.wait(step):
                self._rouse.clear()
                return
            if self.need_rekey() or time.monotonic() > until:
                return
        wire.is_readable(TICK)

    # -- a thread that waits ---------------------------------------------------------------------------

    def lead(self, is_ready: Callable[[], bool], seconds: float, hand_out: Callable[[int, Any], bool]) -> None:
        """Reads packets in this thread until `is_ready()`, for at most so long, or until there is one that is not for
        `hand_out(kind, message)`, which says by False that it has left it alone; that one is for paramiko's thread."""
        if self._trailer is None or self._passed or not self._turn.acquire(False):
            return
        begin = time.monotonic()
        try:
            self._leads += 1
            self.leader = threading.get_ident()
            while not self._passed and not is_ready():
                left = begin + seconds - time.monotonic()
                if left <= 0 or not self._read_one(left, hand_out):
                    break
        finally:
            self.leader = None
            self._turn.release()
            if not is_ready() or time.monotonic() - begin > REST:  # else more such calls may follow at once
                self._rouse.set()

    def _read_one(self, seconds: float, hand_out: Callable[[int, Any], bool]) -> bool:
        """Whether this thread should go on after the next packet."""
        assert self._wire is not None and self._trailer is not None
        if not self._wire.has_come(seconds):
            return False
        with HeldBack():  # in the middle of a packet an interrupt would lose the connection
            try:
                self._packet = self._wire.take_packet(self._trailer)
                if not self._packet:
                    return False
                kind, message = super().read_message()
                if not hand_out(kind, message):
                    self._passed.append((kind, message))
            except Exception as error:  # what it means for the connection is not this thread's to say
                self._passed.append(error)
            except BaseException:  # raised from outside: nobody knows any more what has been read
                self._passed.append(EOFError("stopped in the middle of a packet"))
                raise
        return True


class _Passed(Exception):
    """Another thread has read something for paramiko's own."""
