"""What docs/connectors.md promises of `open`."""

import os
import shlex
import threading
from collections.abc import Sequence
from typing import Any

from ..connectors.base import Stream
from .subject import ALL_BYTES, LARGE, Broken, Subject, expect


def _read(stream: Stream, size: int | None = None) -> bytes:
    """As many bytes, or all until the end."""
    data, buffer = bytearray(), memoryview(bytearray(1 << 16))
    while size is None or len(data) < size:
        count = stream.readinto(buffer[: 1 << 16 if size is None else min(1 << 16, size - len(data))])
        if not count:
            break
        data += buffer[:count]
    return bytes(data)


class _Opened:
    """A stream past what its host's login shell printed, closed at the end of the block."""

    def __init__(self, on: Subject, command: str) -> None:
        mark = f"<{os.urandom(8).hex()}>"
        self.stream = on.open(f"printf '%s' '{mark}'\n{command}")
        said = b""
        while not said.endswith(mark.encode()):
            more = _read(self.stream, 1)
            if not more:
                self.stream.close()
                raise Broken(f"{command!r} ends at once: {self.stream.diagnosis()}")
            said += more

    def __enter__(self) -> Stream:
        return self.stream

    def __exit__(self, *_: object) -> None:
        self.stream.close()


def a_stream_brings_each_byte_at_once(on: Subject) -> None:
    with _Opened(on, "exec cat") as stream:
        for byte in (b"a", b"\0", b"\n", b"\xff"):
            stream.write([byte])
            expect(_read(stream, 1), byte, "the echo of a byte")


def a_stream_takes_pieces_of_any_kind(on: Subject) -> None:
    pieces: Sequence[Any] = [b"a", b"", bytearray(b"b"), memoryview(b"cd").cast("H"), memoryview(ALL_BYTES)]
    with _Opened(on, "exec cat") as stream:
        stream.write(pieces)
        expect(_read(stream, 260), b"abcd" + ALL_BYTES, "the echo of pieces")


def a_stream_carries_much_both_ways_at_once(on: Subject) -> None:
    data = os.urandom(LARGE // 8) * 8
    with _Opened(on, "exec cat") as stream:
        writer = threading.Thread(target=stream.write, args=([memoryview(data)],), daemon=True)
        writer.start()
        found = _read(stream, len(data))
        writer.join()
    if found != data:
        raise Broken(f"a large echo comes back with other bytes: {len(data)} went, {len(found)} came")


def close_ends_the_input_and_waits_for_the_end(on: Subject) -> None:
    path = shlex.quote(on.there + "/ended")
    with _Opened(on, f"cat >/dev/null; sleep 0.2; printf ended >{path}"):
        pass
    expect(on.text(f"cat {path}"), "ended", "what a command does after the end of its input")


def an_input_that_is_ended_leaves_the_output(on: Subject) -> None:
    with _Opened(on, "wc -c | tr -d ' '") as stream:
        if getattr(stream, "end_input", None) is not None:  # a stream need not have it
            stream.write([ALL_BYTES])
            stream.end_input()  # type: ignore[attr-defined]
            expect(_read(stream).strip(), b"256", "the output after the end of the input")


def a_stream_ends_when_its_command_does(on: Subject) -> None:
    with _Opened(on, "printf all; exit 5") as stream:
        expect(_read(stream), b"all", "what a stream brings before its end")
        expect(stream.readinto(memoryview(bytearray(1))), 0, "what comes after the end")
        expect("5" in stream.diagnosis(), True, "whether the diagnosis tells the exit code 5")


def the_diagnosis_tells_standard_error(on: Subject) -> None:
    with _Opened(on, "echo 'why it ended' >&2; exit 1") as stream:
        expect(_read(stream), b"", "the output of a command that prints nothing")
        expect("why it ended" in stream.diagnosis(), True, "whether the diagnosis tells standard error")


def standard_error_makes_nobody_wait(on: Subject) -> None:
    with _Opened(on, "head -c 1000000 /dev/zero | tr '\\0' x >&2; printf ok") as stream:
        expect(_read(stream), b"ok", "what comes after much on standard error")


def streams_may_be_open_at_once(on: Subject) -> None:
    with _Opened(on, "exec cat") as one, _Opened(on, "exec cat") as other:
        expect(on.text("printf ok"), "ok", "the output of a command beside two streams")
        one.write([b"one"])
        other.write([b"other"])
        expect((_read(other, 5), _read(one, 3)), (b"other", b"one"), "the echoes of two streams")
        one.close()
        other.write([b"still"])
        expect(_read(other, 5), b"still", "the echo of a stream after another was closed")


def a_stream_may_be_closed_twice(on: Subject) -> None:
    with _Opened(on, "exec cat") as stream:
        stream.close()


STREAMS = (
    a_stream_brings_each_byte_at_once, a_stream_takes_pieces_of_any_kind, a_stream_carries_much_both_ways_at_once,
    close_ends_the_input_and_waits_for_the_end,
    an_input_that_is_ended_leaves_the_output, a_stream_ends_when_its_command_does,
    the_diagnosis_tells_standard_error, standard_error_makes_nobody_wait, streams_may_be_open_at_once,
    a_stream_may_be_closed_twice,
)  # fmt: skip
