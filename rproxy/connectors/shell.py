"""Commands in a form that every login shell hands to /bin/sh.

A host runs a command by the user's login shell, which may be csh, tcsh or fish. They agree with sh on little
more than this: text between single quotes is passed on as it is, but for ``'``, ``\\``, ``!`` and line ends; and
csh knows no word of more than some 1000 bytes.
"""

import re
from collections.abc import Iterator

_UNLIKE = re.compile(rb"[^ -~]|['\\!]")
_CODE = len(r"\0ooo")
_WORD = 190
_BEGIN = 'exec /bin/sh -c \'eval "$(printf %b "$@")"\' sh '
_MARKED = 'exec /bin/sh -c \'printf %s "$1";shift;eval "$(printf %b "$@")"\' sh '


class _ForAnyShell(str):
    """A command that has that form already."""

    __slots__ = ()


def for_any_shell(script: str, mark: str = "") -> str:
    """The command that prints a mark, without quotes in it, and runs a script of POSIX sh, whatever shell the command
    goes through.

    What shells read differently is written as octal numbers, which ``printf`` of /bin/sh turns back, and joins.
    `script` may hold any character but NUL; it may be such a command by itself, and no shell more is started for that.
    """
    if "\0" in script:
        raise ValueError("a command cannot hold a NUL character")
    found = script if isinstance(script, _ForAnyShell) else _ForAnyShell(_BEGIN + " ".join(_words(script)))
    return found if not mark else f"{_MARKED}'{mark}' {found.removeprefix(_BEGIN)}"


def _words(script: str) -> Iterator[str]:
    raw = script.encode("utf-8", "surrogateescape")
    coded, place = _UNLIKE.sub(lambda found: b"\\0%03o" % found[0][0], raw).decode("ascii"), 0
    while place < len(coded):
        end = place + _WORD
        cut = coded.find("\\", end - _CODE + 1, end)  # a code must stay whole
        if cut >= 0:
            end = cut
        yield f"'{coded[place:end]}'"
        place = end
