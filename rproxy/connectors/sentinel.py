"""Commands of services that tell no exit code, or one that cannot be relied on.

Rules: the command goes as one line that begins with an absolute path and has no character that any shell
would change, so that it means the same to a POSIX shell, to csh and to a service that splits words; a word
that nobody can guess ends its output, with the exit code. Without that word it is not proven to have ended.
"""

import re
from typing import NamedTuple

#: `$0` is the command, `$1` the word, `$2` the input, where it comes along.
_FRAME = '/bin/sh -c \'{before}(eval "$(printf %b "$0")"){after}; printf "\\n<rproxy-exit:%s:%s>" "$1" "$?"\' {words}'


class Enclosed(NamedTuple):
    """A command on its way: its one line, and the word that ends its output."""

    line: str
    token: str


def enclose(command: str, token: str, input: bytes = b"", source: str = "/dev/null") -> Enclosed:
    """The command as one line; it reads `input`, which goes along, or else the file `source`."""
    words = [_escaped(command.encode("utf-8", "surrogateescape")), token]
    if input:
        before, after = 'printf %b "$2" | ', ""
        words.append(_escaped(input))
    else:
        before, after = "", f' <"$(printf %b "{_doubled(source)}")"'
    return Enclosed(_FRAME.format(before=before, after=after, words=" ".join(f"'{word}'" for word in words)), token)


def opened(output: str, token: str) -> tuple[str, int] | None:
    """What the command itself has printed, and its exit code; None if it is not proven to have ended."""
    found = re.search(rf"\n<rproxy-exit:{token}:(\d+)>", output)
    return None if found is None else (output[: found.start()], int(found.group(1)))


def _escaped(data: bytes) -> str:
    """Bytes as `printf %b` takes them: printable ASCII as it is, but for what some shell would read itself."""
    return "".join(_PLAIN.get(byte) or f"\\0{byte:03o}" for byte in data)


def _doubled(path: str) -> str:
    """The same, between double quotes inside the single quotes of the frame."""
    return re.sub(r'[$`"\\]', lambda found: f"\\{found.group()}", _escaped(path.encode("utf-8", "surrogateescape")))


_PLAIN = {byte: chr(byte) for byte in range(32, 127) if chr(byte) not in "'!\\"} | {10: "\\n", 92: "\\\\"}
