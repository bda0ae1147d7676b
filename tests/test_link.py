"""The proxy that makes links long and breaks them, in front of a server that sends back what it gets."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from .services.link import Link

pytestmark = pytest.mark.once

PATIENCE = 20.0  # seconds; nothing here takes one


@pytest.fixture(scope="module")
def echo() -> Iterator[tuple[str, int]]:
    """The address of a server that sends back what it gets."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(end: socket.socket) -> None:
        with end, contextlib.suppress(OSError):  # the link was cut, which is what the test wants
            while data := end.recv(1 << 16):
                end.sendall(data)

    def accept() -> None:
        with contextlib.suppress(OSError):  # the listener is closed
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@pytest.fixture
def link(echo) -> Iterator[Link]:
    with Link(*echo) as link:
        yield link


@pytest.fixture
def dial(link) -> Iterator[Callable[[], socket.socket]]:
    """`dial()` connects to the server over the link, and has heard from it."""
    with contextlib.ExitStack() as stack:

        def dial() -> socket.socket:
            end = stack.enter_context(socket.create_connection((link.host, link.port), timeout=PATIENCE))
            end.sendall(b"x")
            assert received(end, 1) == b"x"
            return end

        yield dial


def received(end: socket.socket, count: int) -> bytes:
    """So many bytes, or fewer if the connection ends before."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while len(data) < count and (more := end.recv(count - len(data))):
            data += more
    return data


def is_silent(end: socket.socket) -> bool:
    """Whether nothing comes, and no end either."""
    end.settimeout(0.2)
    try:
        end.recv(1)
    except TimeoutError:
        return True
    finally:
        end.settimeout(PATIENCE)
    return False


def test_all_bytes_arrive_in_order(dial):
    end, data = dial(), bytes(range(256)) * 8192
    threading.Thread(target=end.sendall, args=(data,), daemon=True).start()
    assert received(end, len(data)) == data


def test_an_end_arrives_after_the_last_byte(dial):
    end = dial()
    end.sendall(b"last")
    end.shutdown(socket.SHUT_WR)
    assert received(end, 100) == b"last"


def test_nothing_arrives_before_its_time(link, dial):
    end = dial()
    link.tell("delay 0.05")
    begin = time.monotonic()
    end.sendall(b"x")
    assert received(end, 1) == b"x" and time.monotonic() - begin >= 0.1


@pytest.mark.parametrize("count", [1, 3])
def test_so_many_bytes_arrive_in_a_second_over_all_connections(link, dial, count):
    ends = [dial() for _ in range(count)]
    link.tell("rate 150000")
    begin = time.monotonic()
    for end in ends:
        end.sendall(bytes(60_000 // count))
    assert all(received(end, 60_000 // count) == bytes(60_000 // count) for end in ends)
    assert time.monotonic() - begin >= 60_000 / 150_000


def test_what_is_frozen_arrives_when_it_thaws(link, dial):
    end = dial()
    link.tell("freeze")
    end.sendall(b"patience")
    assert is_silent(end)
    link.tell("thaw")
    assert received(end, 8) == b"patience"


def test_what_is_dropped_never_arrives_and_nobody_is_told(link, dial):
    end = dial()
    link.tell("drop")
    end.sendall(b"lost")
    assert is_silent(end)
    link.tell("thaw")
    end.sendall(b"as well: there are no holes")
    assert is_silent(end)


def test_new_connections_are_whole_after_a_loss(link, dial):
    dial()
    link.tell("drop")
    link.tell("thaw")
    end = dial()
    end.sendall(b"whole")
    assert received(end, 5) == b"whole"


def test_all_connections_can_be_cut(link, dial):
    ends = [dial(), dial()]
    link.tell("cut")
    assert [received(end, 1) for end in ends] == [b"", b""]


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_a_cut_on_the_way_down_lets_exactly_so_many_bytes_arrive(link, dial, count):
    end = dial()
    link.tell(f"cut down {count}")
    with contextlib.suppress(OSError):  # it may be cut already
        end.sendall(b"y" * 5000)
    assert received(end, 5000) == b"y" * count


def test_a_cut_on_the_way_up_lets_exactly_so_many_bytes_arrive(link, dial):
    end = dial()
    link.tell("cut up 1000")
    end.sendall(b"y" * 5000)
    assert received(end, 5000) in [b"y" * count for count in range(1001)]
    assert link.arrived()[0] == 1001


def test_what_has_arrived_is_counted_in_both_directions(link, dial):
    end = dial()
    end.sendall(b"x" * 300)
    assert received(end, 300) == b"x" * 300
    assert link.arrived() == (301, 301)


def test_a_server_that_refuses_is_refused_for(echo):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with Link("127.0.0.1", port) as link, socket.create_connection((link.host, link.port), timeout=PATIENCE) as end:
        assert received(end, 1) == b""


def test_an_order_that_is_not_understood_is_an_error(link):
    with pytest.raises(ValueError, match="cut sideways"):
        link.tell("cut sideways 3")
