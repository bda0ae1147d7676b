"""What an endpoint says by itself to a client that waits while something large arrives. It is spoken to as the protocol
says, by a client that reads when it wants."""

import array
import fcntl
import os
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rproxy_endpoint.protocol.frames import marker
from rproxy_endpoint.protocol.messages import PONG, Call, Reply
from rproxy_endpoint.protocol.peer import Peer
from rproxy_endpoint.protocol.values import Side

from ..ssh.sshd import wait_for

pytestmark = pytest.mark.once

ENDPOINT = Path(__file__).resolve().parents[2] / "endpoint"
TOKEN = "0123456789abcdef"
PATIENCE = 20.0  # seconds; nothing here takes one
#: More than an endpoint reads ahead, and all that lies between holds, in bytes.
MUCH = 48 << 20


class Spoken:
    """An endpoint, and this side of a session with it."""

    def __init__(self, keepalive: float | None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rproxy_endpoint", "session", TOKEN], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ENDPOINT)}, bufsize=0, start_new_session=True,
        )  # fmt: skip
        assert self.process.stdin is not None and self.process.stdout is not None
        self.input, self.output = self.process.stdin.fileno(), self.process.stdout.fileno()
        os.set_blocking(self.input, False)
        self._peer = Peer("client", Side())
        assert os.read(self.output, len(marker(TOKEN))) == marker(TOKEN)
        self.send(b"".join(self._peer.greet({"serializer": "json", "keepalive": keepalive})))

    def request(self, path: str, *arguments: object) -> bytes:
        """The bytes of a call, under the next number."""
        call = Call("builtins", path, arguments, {}, None, False)
        return b"".join(self._peer.send(call, self._peer.number()))

    def send(self, data: bytes) -> None:
        assert self.take(data) == b""

    def take(self, data: bytes, seconds: float = PATIENCE) -> bytes:
        """What is left of the data when the endpoint has taken nothing for so long."""
        rest = memoryview(data)
        while rest and select.select([], [self.input], [], seconds)[1]:
            rest = rest[os.write(self.input, rest) :]
        return bytes(rest)

    def hear(self, seconds: float = PATIENCE) -> list[object]:
        """The next answers, or PONG for each that comes; nothing if it is silent."""
        heard: list[object] = []
        while not heard and select.select([self.output], [], [], seconds)[0]:
            frames = self._peer.feed(os.read(self.output, 1 << 20))
            heard = [PONG if frame.kind == PONG else self._peer.read(frame) for frame in frames]
        return heard

    def hear_until(self, last: object) -> list[object]:
        """All that comes until that answer."""
        heard: list[object] = []
        while last not in heard:
            news = self.hear()
            assert news != []
            heard += news
        return heard

    def close(self) -> None:
        self.process.stdin.close()  # type: ignore[union-attr]
        if select.select([self.output], [], [], 0)[0] or self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()  # type: ignore[union-attr]


@pytest.fixture
def speak() -> Iterator[Callable[..., Spoken]]:
    """`speak(keepalive)` starts an endpoint."""
    made: list[Spoken] = []

    def start(keepalive: float | None) -> Spoken:
        made.append(Spoken(keepalive))
        return made[-1]

    yield start
    for endpoint in made:
        endpoint.close()


def test_a_request_that_arrives_bit_by_bit_is_reassured_of_from_the_first_one_on(speak):
    endpoint = speak(0.6)
    data = endpoint.request("len", "x" * 100_000)
    parts = [data[at : at + 20_000] for at in range(0, len(data), 20_000)]
    for part in parts[:-1]:
        time.sleep(0.2)  # twice as long as one sign of life is enough for
        endpoint.send(part)
        assert set(endpoint.hear()) == {PONG}
    endpoint.send(parts[-1])
    endpoint.hear_until(Reply(100_000))


def test_there_are_few_signs_of_life_for_much_that_comes_soon(speak):
    endpoint = speak(60.0)
    data = endpoint.request("len", "x" * 5_000_000)
    endpoint.send(data)
    heard = endpoint.hear_until(Reply(5_000_000))
    assert heard == [PONG, Reply(5_000_000)]  # the first is due at once


def test_a_client_that_told_no_keepalive_is_reassured_of_nothing(speak):
    endpoint = speak(None)
    data = endpoint.request("len", "x" * 100_000)
    endpoint.send(data[:50_000])
    assert endpoint.hear(0.5) == []
    endpoint.send(data[50_000:])
    assert endpoint.hear() == [Reply(100_000)]


def test_a_client_that_has_to_wait_behind_a_call_is_reassured_as_long_as_that_takes(speak, tmp_path):
    endpoint, end = speak(0.3), tmp_path / "end"
    code = f"import os, time\nwhile not os.path.exists({str(end)!r}): time.sleep(0.01)"
    endpoint.send(endpoint.request("exec", code))
    small, large = endpoint.request("len", ""), endpoint.request("len", "x" * MUCH)
    rest = endpoint.take(small + large, 1.0)
    assert rest != b""  # it reads no more
    while endpoint.hear(0):
        pass  # what was said before
    for _ in range(10):
        assert set(endpoint.hear()) == {PONG}
    end.touch()
    endpoint.send(rest)
    heard = endpoint.hear_until(Reply(MUCH))
    assert [answer for answer in heard if answer != PONG] == [Reply(None), Reply(0), Reply(MUCH)]


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="install Linux, where a pipe's size can be set")
def test_a_client_that_takes_nothing_while_it_sends_is_read_all_the_same(speak):
    endpoint = speak(0.6)
    endpoint.send(endpoint.request("len", ""))
    assert endpoint.hear() == [Reply(0)]
    page = fcntl.fcntl(endpoint.output, fcntl.F_SETPIPE_SZ, 1)
    around = sum(map(len, Peer("endpoint", Side()).send(Reply(""))))
    endpoint.send(endpoint.request("str.ljust", "", page - around))
    wait_for(lambda: unread(endpoint.output) == page)  # not one byte more can be written, and nobody tries
    time.sleep(0.2)  # the next sign of life is due
    endpoint.send(endpoint.request("len", "x" * (16 << 20)))
    heard = endpoint.hear_until(Reply(16 << 20))
    assert [answer for answer in heard if answer != PONG] == [Reply(" " * (page - around)), Reply(16 << 20)]


def unread(pipe: int) -> int:
    """How many bytes a pipe holds."""
    found = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, found)
    return found[0]
