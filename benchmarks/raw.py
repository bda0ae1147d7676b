"""The limits: bytes there and back, with nothing around them.

Rules: what runs there is cat, or a few lines that do no more than read, write, and where it is said, pickle; what runs
here are the system calls, or plain paramiko.
"""

import contextlib
import importlib
import multiprocessing
import os
import pickle
import socket
import subprocess
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any, Protocol

from .places import Place
from .turns import Ask

QUESTION = ("os", "getenv", ("HOME",))
#: As long as a request for that.
MESSAGE = b"x" * 64
PIECE = 1 << 20
#: What goes into a pipe while nobody reads.
_AT_ONCE = 32768


class Wire(Protocol):
    """A command's input and output."""

    def send(self, data: Any) -> None: ...
    def receive(self, buffer: memoryview) -> int: ...


class ProcessWire:
    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None and process.stdout is not None
        self._to, self._back = process.stdin.fileno(), process.stdout.fileno()

    def send(self, data: Any) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._to, view) :]

    def receive(self, buffer: memoryview) -> int:
        return os.readv(self._back, [buffer])


class ParamikoWire:
    def __init__(self, channel: Any) -> None:
        self._channel = channel

    def send(self, data: Any) -> None:
        self._channel.sendall(memoryview(data))  # which it slices without copying, unlike bytes

    def receive(self, buffer: memoryview) -> int:
        data = self._channel.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)


@contextlib.contextmanager
def wire(place: Place, command: str) -> Iterator[Wire]:
    """A running command, raw: over pipes, over ssh's own connection, or over plain paramiko."""
    if place.kind == "paramiko":
        with _paramiko(place) as client:
            channel = client.get_transport().open_session()
            channel.exec_command(command)
            yield ParamikoWire(channel)
            channel.close()
    elif place.kind == "other":
        raise LookupError(f"what {place.target} can do raw is not known here")
    else:
        with subprocess.Popen(place.command(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as made:
            yield ProcessWire(made)
            assert made.stdin is not None
            made.stdin.close()


@contextlib.contextmanager
def _paramiko(place: Place) -> Iterator[Any]:
    paramiko = importlib.import_module("paramiko")
    found = paramiko.SSHConfig.from_path(place.config or os.path.expanduser("~/.ssh/config"))
    host = found.lookup(place.words[-1])
    given = dict(zip(place.words[:-1:2], place.words[1:-1:2], strict=True))
    client = paramiko.SSHClient()
    for known in host.get("userknownhostsfile", "~/.ssh/known_hosts").split():
        if os.path.exists(os.path.expanduser(known)):
            client.load_host_keys(os.path.expanduser(known))
    client.connect(
        host["hostname"], int(given.get("-p", host.get("port", 22))), given.get("-l", host.get("user")),
        key_filename=host.get("identityfile"),
    )  # fmt: skip
    try:
        # A question is not held back until what went before it is acknowledged.
        client.get_transport().sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield client
    finally:
        client.close()


# -- an echo -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def echo(place: Place) -> Iterator[Any]:
    """A function that sends bytes and waits until they are back."""
    with wire(place, "exec cat") as found:
        buffer = memoryview(bytearray(PIECE))

        def ask(data: bytes = MESSAGE) -> None:
            if len(data) > _AT_ONCE:
                threading.Thread(target=found.send, args=(data,)).start()
            else:
                found.send(data)
            left = len(data)
            while left:
                count = found.receive(buffer)
                if not count:
                    raise EOFError("the echo has ended")
                left -= count

        ask()  # once it runs
        yield ask


# -- one way -------------------------------------------------------------------------------------------

#: Reads as many bytes as it is told, or writes them; or unpickles what it reads, or pickles that again.
_PUMP = """
import os, pickle
kept = None
def read(count, view):
    while count:
        got = os.readv(0, [view[:count]])
        if not got:
            raise SystemExit
        count -= got
        if keep:
            view = view[got:]
def write(data):
    view = memoryview(data)
    while view:
        view = view[os.write(1, view):]
some = bytearray(1 << 20)
while True:
    line = b""
    while not line.endswith(b"\\n"):
        got = os.read(0, 1)
        if not got:
            raise SystemExit
        line += got
    what, count = line.split()
    count, keep = int(count), what == b"load"
    if what == b"up":
        read(count, memoryview(some))
        write(b"\\n")
    elif what == b"down":
        while count:
            write(memoryview(some)[:count])
            count -= min(count, len(some))
    elif what == b"load":
        whole = bytearray(count)
        read(count, memoryview(whole))
        kept = pickle.loads(whole)
        write(b"\\n")
    elif what == b"dump":
        whole = pickle.dumps(kept, min(pickle.HIGHEST_PROTOCOL, 5))
        write(b"%16d" % len(whole))
        write(whole)
"""


class Pump:
    """Moves bytes or pickles one way, and returns when they have arrived."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._buffer = memoryview(bytearray(PIECE))

    def up(self, data: Any) -> None:
        self._wire.send(b"up %d\n" % len(data))
        self._wire.send(data)
        self._read(memoryview(bytearray(1)))

    def down(self, count: int) -> None:
        self._wire.send(b"down %d\n" % count)
        while count:
            count -= self._some(self._buffer[:count])

    def load(self, value: Any) -> None:
        data = pickle.dumps(value, 5)
        self._wire.send(b"load %d\n" % len(data))
        self._wire.send(data)
        self._read(memoryview(bytearray(1)))

    def dump(self) -> Any:
        """What was loaded there last."""
        self._wire.send(b"dump 0\n")
        size = bytearray(16)
        self._read(memoryview(size))
        data = bytearray(int(size))
        self._read(memoryview(data))
        return pickle.loads(data)

    def _read(self, view: memoryview) -> None:
        while view:
            view = view[self._some(view) :]

    def _some(self, view: memoryview) -> int:
        count = self._wire.receive(view)
        if not count:
            raise EOFError("the pump has ended")
        return count


@contextlib.contextmanager
def pump(place: Place) -> Iterator[Pump]:
    with wire(place, f"exec {place.python} -c '{_PUMP}'") as found:
        made = Pump(found)
        made.up(b"x")  # once it runs
        yield made


# -- what the standard library offers ------------------------------------------------------------------


def answer_all(end: Connection) -> None:
    """What the child behind a multiprocessing.Pipe does: the same look-up and the same call."""
    while (request := end.recv()) is not None:
        module, function, args = request
        end.send(getattr(importlib.import_module(module), function)(*args))


@contextlib.contextmanager
def standard_pipe() -> Iterator[Ask]:
    """A question by multiprocessing.Pipe: pickles over a pipe, and no more."""
    processes = multiprocessing.get_context("spawn")
    own, other = processes.Pipe()
    child = processes.Process(target=answer_all, args=(other,))
    child.start()
    other.close()  # so that its end is seen here

    def ask() -> Any:
        own.send(QUESTION)
        return own.recv()

    try:
        yield ask
    finally:
        own.send(None)
        child.join()
