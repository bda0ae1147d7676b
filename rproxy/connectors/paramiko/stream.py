"""A command's input and output over a channel.

Rules: bytes are copied once, whatever their number; standard error is taken from the host while anybody reads or
writes, and its end is kept; a command that does not end is killed where the host can do that.
"""

import contextlib
import math
import os
import threading
import time
import weakref
from collections.abc import Sequence
from typing import Any

import paramiko

from ..base import Completed, Silence
from .channels import abandon
from .link import Link

#: The end of standard error that a diagnosis tells, in bytes.
TAIL = 4000
#: What is sent as it is, in bytes.
_SMALL = 4096
#: How often somebody who waits looks after standard error, in seconds.
LOOK = 0.5
#: How long a command may take to end once its input has, in seconds: the endpoint gives what it started some.
GRACE = 8.0


class ChannelStream:
    """A command on a host, over a channel of its link. Raises ConnectorError if it cannot be started."""

    def __init__(self, link: Link, channel: Any, command: str, keep: int | None = TAIL) -> None:
        self._link, self._keep = link, keep
        self._channel = channel
        self._errors = bytearray()
        self._silence = math.inf  # how long to wait for something, in seconds
        self.moved = 0
        self._ending = weakref.finalize(self, _end, channel, link, os.getpid())
        _streams.add(self)
        try:
            # Its answer is not waited for, which would be a round trip: a refusal closes the channel.
            channel._event_pending()
            request(channel, "exec", True, command)
        except (paramiko.SSHException, EOFError, OSError) as error:
            self._ending()
            raise link.refused(error) from error
        channel.settimeout(LOOK)

    def watch_silence(self, seconds: float) -> None:
        self._silence = seconds

    def abort(self) -> None:
        self._link.close()  # whoever else needs it makes another

    def ready(self, timeout: float) -> bool:
        """Whether there is something to read, or the end has come, within that many seconds."""
        self._check_owner()
        until = time.monotonic() + timeout
        while not self._comes(min(LOOK, max(0, until - time.monotonic()))):
            self._drain()
            if time.monotonic() >= until:
                return False
        return True

    def readinto(self, buffer: memoryview) -> int:
        left = self._silence
        while True:
            self._check_owner()
            if not self._comes(LOOK):
                self._drain()
                left -= LOOK
                if left <= 0:
                    raise Silence
                continue
            try:
                data = self._channel.recv(len(buffer))
            except (paramiko.SSHException, EOFError) as error:
                raise self._lost(error) from error
            if not data:
                self._drain()
                self._check_link()
            buffer[: len(data)] = data
            return len(data)

    def _comes(self, seconds: float) -> bool:
        """Whether there is something to read, or the end, within so long."""
        inbox = self._channel.in_buffer
        if not inbox.is_ready():
            begin = time.monotonic()
            self._link.transport.lead(inbox.is_ready, seconds)
            seconds -= time.monotonic() - begin
        return bool(inbox.wait(max(0.0, seconds)))

    def write(self, pieces: Sequence[Any]) -> None:
        self._check_owner()
        total = sum(map(len, pieces)) if len(pieces) > 1 else 0
        if 0 < total <= paramiko.common.MIN_PACKET_SIZE:
            pieces = [b"".join(pieces)]
        for piece in pieces:
            # paramiko knows bytes at once, and tries all else before a view
            view = piece if type(piece) is bytes and len(piece) < _SMALL else memoryview(piece).cast("B")
            while view:
                view = view[self._send(view) :]

    def _send(self, view: Any) -> int:
        while True:
            if not self._link.transport.active:  # else paramiko would drop it, and say that it is sent
                self._check_link()
            try:
                sent: int = self._channel.send(view)
            except TimeoutError:
                self._drain()  # the command may wait to be heard before it reads on
                continue
            except (paramiko.SSHException, EOFError) as error:
                raise self._lost(error) from error
            except OSError:
                sent = 0  # the channel is closed
            if not sent:
                self._check_link()
                raise BrokenPipeError("the command has closed its input")
            self.moved += sent > _SMALL  # small ones always go: nobody there need take them
            return sent

    def end_input(self) -> None:
        """Ends the command's input; its output can still be read. Raises OSError."""
        self._check_owner()
        try:
            self._channel.shutdown_write()
        except (paramiko.SSHException, EOFError) as error:
            raise self._lost(error) from error

    def complete(self, input: bytes, until: float | None) -> Completed:
        """The command's whole output, when it has come to its end. Raises TimeoutError at that time, OSError."""
        if len(input) <= self._channel.out_window_size:
            self._give(input)
        else:
            threading.Thread(target=self._give, args=(input,), daemon=True).start()
        output = bytearray()
        while True:
            self._channel.settimeout(_wait(until))
            try:
                data = self._channel.recv(1 << 20)
            except TimeoutError:
                self._drain()
                continue
            if not data:
                break
            output += data
        while (code := self.exit_code(_wait(until))) is None:
            self._drain()
        self._check_link()
        return Completed(bytes(output), self.errors(), code)

    def _give(self, input: bytes) -> None:
        """Sends a command's whole input; one that ends before it has read all need not."""
        with contextlib.suppress(OSError):
            self.write([input])
            self.end_input()

    def _drain(self) -> None:
        """Takes what has come on standard error."""
        while self._channel.recv_stderr_ready():
            self._errors += self._channel.recv_stderr(1 << 20)
        if self._keep is not None:
            del self._errors[: -self._keep]

    def _check_owner(self) -> None:
        if self._link.owner != os.getpid():
            raise OSError("this connection belongs to the process that made it; connect again after a fork")

    def _check_link(self) -> None:
        if not self._link.alive and self._channel.exit_status == -1:
            raise self._lost()

    def _lost(self, error: BaseException | None = None) -> OSError:
        link = self._link
        return ConnectionResetError(f"the connection to {link.settings.address} is lost: {link.trouble(error)}")

    # -- the end ---------------------------------------------------------------------------------------

    def exit_code(self, timeout: float) -> int | None:
        """The command's exit code; -1 if it ended without one, None if it has not ended."""
        return self._channel.exit_status if self._channel.status_event.wait(timeout) else None

    def errors(self) -> bytes:
        """What is kept of standard error."""
        if self._link.owner == os.getpid():
            self._drain()
        return bytes(self._errors)

    def kill(self) -> None:
        """Ends the command by force, and the channel."""
        kill(self._channel)
        self._channel.close()

    def close(self) -> None:
        self._ending()

    def diagnosis(self) -> str:
        code = self.exit_code(2)
        if code is None:
            return "it still runs, but has closed its output"
        if code >= 0:
            how = f"exit code {code}"
        elif self._link.alive and not self._channel.event_ready:
            how = "the host starts no commands for this user"
        else:
            how = "killed, or closed by the host" if self._link.alive else self._link.trouble()
        tail = self.errors()[-TAIL:].decode("utf-8", "replace").strip()
        return f"{how}; it said:\n{tail}" if tail else how

    def abandon(self) -> None:
        """In a forked child."""
        self._ending.detach()
        abandon(self._channel)


def _wait(until: float | None) -> float:
    """How long to wait for what comes next. Raises TimeoutError if the time has come."""
    if until is None:
        return LOOK
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return min(LOOK, left)


_streams: "weakref.WeakSet[ChannelStream]" = weakref.WeakSet()


def _forked() -> None:
    for stream in list(_streams):
        stream.abandon()


os.register_at_fork(after_in_child=_forked)


def kill(channel: Any) -> None:
    """Asks the host to kill what runs on a channel; hosts that cannot, such as sshd for root, pass over it."""
    if not channel.closed:
        request(channel, "signal", False, "KILL")


def request(channel: Any, kind: str, answer: bool, text: str) -> None:
    """Sends a request for which paramiko has no call, or one that waits for the answer."""
    message = paramiko.Message()
    message.add_byte(paramiko.common.cMSG_CHANNEL_REQUEST)
    message.add_int(channel.remote_chanid)
    message.add_string(kind)
    message.add_boolean(answer)
    message.add_string(text)
    channel.transport._send_user_message(message)


def _end(channel: Any, link: Link, owner: int) -> None:
    """Ends a command's input, waits for its end while it still says something, and forces it if that does not
    come."""
    if os.getpid() != owner:
        return
    if channel.transport.is_read_here():  # who reads collects garbage too, and must not wait for itself
        threading.Thread(target=_end, args=(channel, link, owner), daemon=True).start()
        return
    try:
        channel.shutdown_write()
        until = time.monotonic() + GRACE
        while not channel.status_event.wait(0.05) and time.monotonic() < until:
            while channel.recv_ready():
                channel.recv(1 << 20)
            while channel.recv_stderr_ready():
                channel.recv_stderr(1 << 20)
        if not channel.status_event.is_set():
            kill(channel)
        channel.close()
    except (paramiko.SSHException, EOFError, OSError):
        return  # the connection has ended, and the command's input with it
