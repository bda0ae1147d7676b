"""The contract of connectors as checks: what docs/connectors.md promises of `run`, `push`, `pull`, `open`.

Rules: each check needs a POSIX shell there and nothing else; what a check makes it makes in a folder of its own,
which goes at the end; a transport is asked for no more than its attributes say it carries.
"""

import os
import shlex
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .connectors.base import Completed, Connector, Stream
from .errors import CallTimeout, ConnectorError

#: What a shell might take for something else.
ODD = 'it\'s "quoted" $HOME `id` $(id) \\n \\\\ ! !! * ? [a] {b} ~ # & ; | < > % %s\ttab\nline\n ü 漢 '
ALL_BYTES = bytes(range(256))
#: The most that is moved, in bytes.
LARGE = 8 << 20


class Broken(AssertionError):
    """A connector does not keep a promise."""


class Subject(NamedTuple):
    """What is checked: a connector, a folder there, a folder here."""

    connector: Connector
    there: str
    here: Path

    def run(self, command: str, **options: Any) -> Completed:
        return self.connector.run(command, **options)

    def text(self, command: str, **options: Any) -> str:
        """What a command prints, without the space around it, which services of text may change."""
        return self.run(command, **options).stdout.decode("ascii", "backslashreplace").strip()

    def file(self, data: bytes) -> Path:
        path = self.here / os.urandom(4).hex()
        path.write_bytes(data)
        return path

    def open(self, command: str) -> Stream:
        stream: Stream = self.connector.open(command)  # type: ignore[attr-defined]
        return stream


def check_connector(connector: Connector, patience: float = 60.0) -> list[str]:
    """Checks that a connector keeps the contract of connectors, and closes it.

    Args:
        connector: the connector.
        patience: how long one check may take, in seconds.

    Returns:
        The names of the checks that it passed: those of streams only if it has `open`.

    Raises:
        Broken: an AssertionError that names every promise that is not kept.
    """
    has_stream = getattr(connector, "open", None) is not None
    passed, failed = [], []
    try:
        with tempfile.TemporaryDirectory(prefix="rproxy-check-") as here:
            done = connector.run('umask 077; mktemp -d "${TMPDIR:-/tmp}/rproxy-check \'ü-XXXXXXXX"')
            there = done.stdout.decode("utf-8", "surrogateescape").strip()
            if done.returncode or not there.startswith("/"):
                raise Broken(f"{connector.target} makes no folder to check in: {done}")
            subject = Subject(connector, there, Path(here))
            try:
                for check in [*COMMANDS, *FILES, *(STREAMS if has_stream else ())]:
                    name = check.__name__.replace("_", " ")
                    trouble = _trouble(check, subject, patience)
                    if trouble:
                        failed.append(f"{name}: {trouble}")
                    else:
                        passed.append(name)
            finally:
                connector.run(f"rm -rf {shlex.quote(there)}")
    finally:
        connector.close()
        connector.close()
    if failed:
        raise Broken(f"{connector.target} breaks the contract of connectors:\n- " + "\n- ".join(failed))
    return passed


def _trouble(check: Callable[[Subject], None], subject: Subject, patience: float) -> str:
    """What a check finds, in words; nothing if all is well."""
    found = [f"it did not come to an end within {patience} s"]

    def run() -> None:
        try:
            check(subject)
            found.append("")
        except Exception as error:
            found.append(f"{type(error).__name__}: {error}")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(patience)
    return found[-1]


def expect(found: object, wanted: object, what: str) -> None:
    if found != wanted:
        raise Broken(f"{what} is {_short(found)}, and must be {_short(wanted)}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 300 else f"{text[:150]}...{text[-100:]} ({len(text)} characters)"


def _raises(kind: type[Exception], action: Callable[[], object], what: str) -> None:
    try:
        action()
    except kind:
        return
    raise Broken(f"{what} raises no {kind.__name__}")


def _at_once(action: Callable[[int], Any]) -> list[Any]:
    """What it returns for 0 to 3, in four threads; none of them keeps the interpreter from its end."""
    found: list[Any] = [None] * 4
    troubles: list[Exception] = []

    def run(number: int) -> None:
        try:
            found[number] = action(number)
        except Exception as error:
            troubles.append(error)

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if troubles:
        raise troubles[0]
    return found


#: Shows standard input as hexadecimal digits, which every transport brings back as they are.
_HEX = "od -An -v -tx1 | tr -d ' \\n'"

# -- commands ------------------------------------------------------------------------------------------


def output_and_errors_come_back_apart(on: Subject) -> None:
    done = on.run("printf out; printf oops >&2")
    if on.connector.text_only:
        expect(done.stdout.strip(), b"out", "standard output")
    else:
        expect(done[:2], (b"out", b"oops"), "(standard output, standard error)")


def exit_codes_come_back(on: Subject) -> None:
    for code in (0, 1, 77, 127, 255):
        expect(on.run(f"exit {code}").returncode, code, f"the exit code of `exit {code}`")


def a_command_may_hold_anything_but_nul(on: Subject) -> None:
    found = on.text(f"printf %s {shlex.quote(ODD)} | {_HEX}")
    expect(bytes.fromhex(found), ODD.encode(), "an argument of a command")


def a_command_may_have_many_lines(on: Subject) -> None:
    expect(on.text("set -e\nif true\nthen\n  cat <<'X'\na b\nX\nfi # end"), "a b", "the output of a script")


def commands_run_in_sh(on: Subject) -> None:
    expect(on.text("f() { echo \"$#:${1%b}\"; }; f 'ab' c 2>/dev/null"), "2:a", "the output of a function of sh")


def output_may_be_any_bytes(on: Subject) -> None:
    if not on.connector.text_only:
        octal = "".join(f"\\{byte:03o}" for byte in ALL_BYTES)
        expect(on.run(f"printf '{octal}'").stdout, ALL_BYTES, "output of all bytes")


def input_may_be_any_bytes(on: Subject) -> None:
    expect(bytes.fromhex(on.text(_HEX, input=ALL_BYTES * 8)), ALL_BYTES * 8, "input of all bytes")


def input_is_closed_after_its_end(on: Subject) -> None:
    expect(on.text("wc -c | tr -d ' '"), "0", "the size of no input")


def a_command_may_be_as_long_as_it_is_said(on: Subject) -> None:
    start = "printf ok # "
    command = start + "x" * (on.connector.command_limit - len(start))
    expect(on.text(command), "ok", f"the output of a command of {len(command)} bytes")


def output_may_be_as_long_as_it_is_said(on: Subject) -> None:
    size = min(on.connector.output_limit, LARGE)
    done = on.run(f"head -c {size} /dev/zero | tr '\\0' x")
    expect(len(done.stdout.strip()), size, "the size of a long output")


def a_command_that_fails_is_not_run_again(on: Subject) -> None:
    count = shlex.quote(on.there + "/count")
    on.run(f"echo run >>{count}; exit 1")
    expect(on.text(f"cat {count}"), "run", "what a command that fails has done")


def a_command_that_takes_too_long_raises(on: Subject) -> None:
    _raises(CallTimeout, lambda: on.run("sleep 5", timeout=1), "`sleep 5` with timeout=1")
    expect(on.text("printf ok"), "ok", "the output of the next command")


def commands_may_run_at_once(on: Subject) -> None:
    found = _at_once(lambda number: on.text(f"printf {number}"))
    expect(found, ["0", "1", "2", "3"], "the output of commands at once")


# -- files ---------------------------------------------------------------------------------------------


def _round_trip(on: Subject, data: bytes, name: str) -> None:
    remote, back = f"{on.there}/{name}", on.here / f"{os.urandom(4).hex()} back"
    on.connector.push(on.file(data), remote)
    size = on.text(f"wc -c <{shlex.quote(remote)} | tr -d ' '")
    expect(size, str(len(data)), f"the size of {name!r} there")
    on.connector.pull(remote, back)
    if back.read_bytes() != data:
        raise Broken(f"{name!r} comes back with other bytes: {len(data)} went, {back.stat().st_size} came")


def files_keep_their_bytes(on: Subject) -> None:
    for data in (b"", b"x", b"\n", ALL_BYTES, b"\r\n\x1a\x04" * 1000, b"no line end\n\n"):
        _round_trip(on, data, "file")


def files_may_have_odd_names(on: Subject) -> None:
    for name in ("with space", "it's", '"$HOME"', "-n", "back\\slash", "ü 漢", "line\nend", "*"):
        _round_trip(on, name.encode(), name)


def files_may_be_large(on: Subject) -> None:
    _round_trip(on, os.urandom(LARGE // 8) * 8, "large")


def a_file_replaces_another(on: Subject) -> None:
    _round_trip(on, b"long" * 1000, "again")
    _round_trip(on, b"short", "again")


def a_file_replaces_one_here(on: Subject) -> None:
    remote, back = f"{on.there}/replaced", on.file(b"long" * 1000)
    on.connector.push(on.file(b"short"), remote)
    on.connector.pull(remote, back)
    expect(back.read_bytes(), b"short", "a file that was there before")


def what_cannot_be_copied_raises(on: Subject) -> None:
    nowhere, missing, back = f"{on.there}/no/file", on.here / "missing", on.here / "never"
    _raises(
        ConnectorError, lambda: on.connector.push(on.file(b"x"), nowhere), "to push into a folder that is not there"
    )
    _raises(ConnectorError, lambda: on.connector.push(missing, f"{on.there}/x"), "to push a file that is not there")
    _raises(ConnectorError, lambda: on.connector.pull(nowhere, back), "to pull a file that is not there")
    expect(back.exists(), False, "whether a file is here that could not be pulled")


def files_may_be_copied_at_once(on: Subject) -> None:
    _at_once(lambda number: _round_trip(on, b"%d" % number * 10000, f"once {number}"))


# -- streams -------------------------------------------------------------------------------------------


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


COMMANDS = (
    output_and_errors_come_back_apart, exit_codes_come_back, a_command_may_hold_anything_but_nul,
    a_command_may_have_many_lines, commands_run_in_sh, output_may_be_any_bytes, input_may_be_any_bytes,
    input_is_closed_after_its_end, a_command_may_be_as_long_as_it_is_said, output_may_be_as_long_as_it_is_said,
    a_command_that_fails_is_not_run_again, a_command_that_takes_too_long_raises, commands_may_run_at_once,
)  # fmt: skip
FILES = (
    files_keep_their_bytes, files_may_have_odd_names, files_may_be_large, a_file_replaces_another,
    a_file_replaces_one_here, what_cannot_be_copied_raises, files_may_be_copied_at_once,
)  # fmt: skip
STREAMS = (
    a_stream_brings_each_byte_at_once, a_stream_takes_pieces_of_any_kind, a_stream_carries_much_both_ways_at_once,
    close_ends_the_input_and_waits_for_the_end, a_stream_ends_when_its_command_does,
    the_diagnosis_tells_standard_error, standard_error_makes_nobody_wait, streams_may_be_open_at_once,
    a_stream_may_be_closed_twice,
)  # fmt: skip
