"""Frames: bytes in, frames out, however the bytes are cut; and what is refused before it costs anything."""

import os
import subprocess
import sys
import textwrap
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rproxy_endpoint.protocol.errors import ProtocolFault, ValueFault
from rproxy_endpoint.protocol.frames import (
    HEADER,
    LENGTH,
    LIMITS,
    MAGIC,
    SCRATCH,
    Decoder,
    Limits,
    encode,
    marker,
)
from rproxy_endpoint.protocol.memory import LARGE

SMALL = Limits(frame=1000, buffers=3)


def packed(kind=16, call=1, body=b"body", buffers=()):
    return b"".join(encode(kind, call, [body], [memoryview(part) for part in buffers]))


def plain(frames):
    return [(frame.kind, frame.call, bytes(frame.body), [bytes(part) for part in frame.buffers]) for frame in frames]


SAMPLES = [
    (16, 1, b"", []),
    (18, 7, b"short", []),
    (16, 2, b"with buffers", [b"one", b"", b"three"]),
    (17, 2**32 - 1, b"x" * (SCRATCH + 5), [b"y" * (SCRATCH * 2)]),
    (1, 0, b"", [b""]),
    (2, 3, b"tail", []),
]
WHOLE = b"".join(packed(*sample) for sample in SAMPLES)


def test_frames_that_arrive_together_are_told_apart():
    assert plain(Decoder().feed(WHOLE)) == SAMPLES


def test_a_frame_may_be_cut_at_every_byte():
    data = packed(*SAMPLES[2]) + packed(*SAMPLES[1])
    for cut in range(len(data) + 1):
        decoder = Decoder()
        assert plain(decoder.feed(data[:cut]) + decoder.feed(data[cut:])) == [SAMPLES[2], SAMPLES[1]]
        assert decoder.idle


def test_frames_may_come_byte_by_byte():
    decoder = Decoder()
    data = packed(*SAMPLES[2]) + packed(*SAMPLES[0])
    assert plain([frame for place in range(len(data)) for frame in decoder.feed(data[place : place + 1])]) == [
        SAMPLES[2],
        SAMPLES[0],
    ]


@given(st.lists(st.integers(1, 9000), max_size=80))
def test_received_pieces_of_any_size_give_the_same_frames(sizes):
    decoder, place, frames = Decoder(), 0, []
    for size in [*sizes, *[SCRATCH] * 20]:
        room = decoder.buffer()
        assert len(room) > 0
        piece = WHOLE[place : place + min(size, len(room))]
        room[: len(piece)] = piece
        place += len(piece)
        frames += decoder.received(len(piece))
    assert plain(frames) == SAMPLES
    assert decoder.idle


def test_frames_that_fill_the_scratch_memory_again_and_again_are_whole():
    samples = [(16, number, b"x" * (number % 700), []) for number in range(1000)]
    data, decoder, frames = b"".join(packed(*sample) for sample in samples), Decoder(), []
    while data:
        room = decoder.buffer()
        count = min(len(room), len(data))
        room[:count], data = data[:count], data[count:]
        frames += decoder.received(count)
    assert plain(frames) == samples


def test_a_large_buffer_is_received_into_its_own_memory():
    decoder = Decoder()
    decoder.feed(packed(body=b"b", buffers=[b"z" * (1 << 20)])[: -(1 << 20)])
    room = decoder.buffer()
    memory = room.obj
    assert len(room) == 1 << 20
    room[:] = b"z" * (1 << 20)
    (frame,) = decoder.received(1 << 20)
    assert frame.buffers[0] is memory


def test_small_frames_come_as_bytes_and_buffers_as_writable_memory():
    frame, large = Decoder().feed(packed() + packed(buffers=[b"abc"]))
    assert type(frame.body) is bytes
    large.buffers[0][0] = 0


def test_a_decoder_is_idle_only_between_frames():
    decoder = Decoder()
    assert decoder.idle
    decoder.feed(packed()[:5])
    assert not decoder.idle
    decoder.feed(packed()[5:] + packed(buffers=[b"abc"])[:-1])
    assert not decoder.idle


def test_a_frame_of_the_largest_allowed_size_passes():
    data = b"".join(encode(16, 1, [b"x" * 600], [memoryview(b"y" * 400)], SMALL))
    assert plain(Decoder(SMALL).feed(data)) == [(16, 1, b"x" * 600, [b"y" * 400])]


def test_a_frame_over_the_limit_is_not_sent():
    with pytest.raises(ValueFault, match="1001 bytes are more than one message may have"):
        encode(16, 1, [b"x" * 601], [memoryview(b"y" * 400)], SMALL)


def test_a_frame_of_too_many_buffers_is_not_sent():
    with pytest.raises(ValueFault, match="4 buffers are more"):
        encode(16, 1, [b""], [memoryview(b"")] * 4, SMALL)


def test_the_size_of_a_frame_counts_bytes_and_not_elements():
    import array

    wide = memoryview(array.array("d", [0.0] * 200))
    with pytest.raises(ValueFault, match="1600 bytes"):
        encode(16, 1, [b""], [wide], SMALL)


def test_a_wrong_first_byte_is_no_frame():
    with pytest.raises(ProtocolFault, match="begins with byte 0x48 instead of 0xe7"):
        Decoder().feed(b"HTTP/1.1 400 Bad Request")


def test_more_buffers_than_allowed_are_refused():
    with pytest.raises(ProtocolFault, match="announces 1001 buffers"):
        Decoder().feed(HEADER.pack(MAGIC, 16, LIMITS.buffers + 1, 1, 0))


@pytest.mark.parametrize(
    "head",
    [
        HEADER.pack(MAGIC, 16, 0, 1, 1 << 62),
        HEADER.pack(MAGIC, 16, 1, 1, 0) + LENGTH.pack(1 << 62),
        HEADER.pack(MAGIC, 16, 2, 1, 1 << 35) + LENGTH.pack(1 << 35) * 2,
    ],
    ids=["body", "buffer", "sum"],
)
def test_an_oversized_announcement_is_refused_before_memory_is_asked_for(head):
    decoder = Decoder()
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolFault, match="more than the limit"):
            decoder.feed(head)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


#: What a process of its own needs to receive frames and to tell how much memory it has.
RECEIVING = """
import resource
from rproxy_endpoint.protocol.frames import HEADER, LENGTH, MAGIC, Decoder

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

decoder = Decoder()
"""


def said_by(code):
    """What a new process prints that runs this."""
    if not Path("/proc/self/statm").exists():
        pytest.skip("install Linux, which tells in /proc how much memory a process has")
    words = [sys.executable, "-c", RECEIVING + textwrap.dedent(code)]
    path = os.pathsep.join(sys.path)
    return subprocess.run(words, check=True, stdout=-1, text=True, env={**os.environ, "PYTHONPATH": path}).stdout


def test_a_frame_for_which_there_is_no_memory_is_a_protocol_fault():
    most = Limits(frame=1 << 62, buffers=1)
    with pytest.raises(ProtocolFault, match="no memory for a frame with a part of 2305843009213693952 bytes"):
        Decoder(most).feed(HEADER.pack(MAGIC, 16, 1, 1, 0) + LENGTH.pack(1 << 61))


@pytest.mark.parametrize("parts", [[1 << 30], [LARGE - 1] * 1000], ids=["one part", "many parts"])
def test_who_only_announces_a_large_frame_gets_no_memory_for_it(parts):
    said = said_by(f"""
    parts = {parts!r}
    decoder.feed(HEADER.pack(MAGIC, 16, 1, 1, 0) + LENGTH.pack(1 << 22))  # what loads mmap
    decoder = Decoder()
    before = resident()
    decoder.feed(HEADER.pack(MAGIC, 16, len(parts), 1, 0) + b"".join(map(LENGTH.pack, parts)))
    print(len(decoder.buffer()), resident() - before)
    """)
    room, taken = map(int, said.split())
    assert room == parts[0]
    assert taken < 2 * LARGE


def test_a_large_part_takes_its_own_memory_and_no_more():
    said = said_by("""
    before, size = resident(), 64 << 20
    decoder.feed(HEADER.pack(MAGIC, 16, 1, 1, 0) + LENGTH.pack(size))
    piece = b"x" * 100_000
    while not decoder.idle:
        frames = decoder.feed(piece[: min(len(piece), len(decoder.buffer()))])
    with open("/proc/self/status") as file:
        most = next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    assert bytes(frames[0].buffers[0][:3]) == b"xxx"
    print(most - before - size)
    """)
    assert int(said) < 2 * LARGE


def test_the_memory_of_a_large_part_is_its_owners_alone():
    (frame,) = Decoder().feed(packed(buffers=[b"z" * LARGE]))
    frame.buffers[0].close()  # BufferError if anybody still looks at it
    assert frame.buffers[0].closed


def test_a_forked_child_does_not_write_to_a_large_part_of_its_parent():
    said = said_by(f"""
    import os
    (frame,) = decoder.feed(HEADER.pack(MAGIC, 16, 1, 1, 0) + LENGTH.pack({LARGE}) + b"z" * {LARGE})
    child = os.fork()
    if not child:
        frame.buffers[0][0] = 0
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    print(chr(frame.buffers[0][0]))
    """)
    assert said == "z\n"


def test_parts_of_every_size_are_whole_and_may_be_written_to():
    sizes = [0, 1, SCRATCH, LARGE - 1, LARGE, 0, LARGE + 1, 2]
    parts = [bytes([number]) * size for number, size in enumerate(sizes)]
    (frame,) = Decoder().feed(packed(body=b"x" * LARGE, buffers=parts))
    assert [len(part) for part in frame.buffers] == sizes
    assert [bytes(part) for part in frame.buffers] == parts
    assert bytes(frame.body) == b"x" * LARGE
    for part in filter(len, frame.buffers):
        part[0] = 255


def test_the_marker_is_the_token_reversed():
    assert marker("abc") == b"\n<rproxy:cba>"


@given(st.binary(max_size=300))
def test_garbage_gives_frames_or_a_protocol_fault(data):
    try:
        frames = Decoder(SMALL).feed(bytes([MAGIC]) + data)
    except ProtocolFault:
        return
    sizes = [HEADER.size + len(frame.body) + sum(LENGTH.size + len(part) for part in frame.buffers) for frame in frames]
    assert sum(sizes) <= 1 + len(data)
