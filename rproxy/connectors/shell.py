"""Commands in a form that every login shell hands to /bin/sh.

A host runs a command by the user's login shell, which may be csh, tcsh or fish. They agree with sh on little
more than this: text between single quotes is passed on as it is, but for ``'``, ``\\``, ``!`` and line ends; and
csh knows no word of more than some 1000 bytes.
"""

import re

_UNLIKE = re.compile(rb"[^ -~]|['\\!]")
_WORD = re.compile(r"(?:\\0\d{3}|[^\\]){1,190}")


def for_any_shell(script: str) -> str:
    """The command that runs a script of POSIX sh, whatever shell the command goes through.

    What shells read differently is written as octal numbers, which ``printf`` of /bin/sh turns back, and joins.
    `script` may hold any character but NUL.
    """
    if "\0" in script:
        raise ValueError("a command cannot hold a NUL character")
    coded = _UNLIKE.sub(lambda found: b"\\0%03o" % found[0][0], script.encode("utf-8", "surrogateescape"))
    words = " ".join(f"'{word}'" for word in _WORD.findall(coded.decode("ascii")))
    return f'exec /bin/sh -c \'eval "$(printf %b "$@")"\' sh {words}'
