"""What docs/connectors.md promises of `run`."""

import shlex

from ..errors import CallTimeout
from .subject import ALL_BYTES, LARGE, ODD, Subject, at_once, expect, raises

#: Shows standard input as hexadecimal digits, which every transport brings back as they are.
_HEX = "od -An -v -tx1 | tr -d ' \\n'"


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
        data = b" \n" + ALL_BYTES + b"\r\n \n"
        octal = "".join(f"\\{byte:03o}" for byte in data)
        expect(on.run(f"printf '{octal}'").stdout, data, "output of all bytes")


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
    raises(CallTimeout, lambda: on.run("sleep 5", timeout=1), "`sleep 5` with timeout=1")
    expect(on.text("printf ok"), "ok", "the output of the next command")


def commands_may_run_at_once(on: Subject) -> None:
    found = at_once(lambda number: on.text(f"printf {number}"))
    expect(found, ["0", "1", "2", "3"], "the output of commands at once")


COMMANDS = (
    output_and_errors_come_back_apart, exit_codes_come_back, a_command_may_hold_anything_but_nul,
    a_command_may_have_many_lines, commands_run_in_sh, output_may_be_any_bytes, input_may_be_any_bytes,
    input_is_closed_after_its_end, a_command_may_be_as_long_as_it_is_said, output_may_be_as_long_as_it_is_said,
    a_command_that_fails_is_not_run_again, a_command_that_takes_too_long_raises, commands_may_run_at_once,
)  # fmt: skip
