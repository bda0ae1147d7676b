"""Commands for hosts whose login shell may be any.

Rules: a command is for a POSIX shell, and reaches one, as it is, from sh, csh and fish alike. These agree on what
single quotes mean, but for a few characters, which are sent as numbers.
"""

import re
import shlex

_PLAIN = re.compile(r"[^'!\\\n\r\0]*")
_UNSAFE = re.compile(rb"[^A-Za-z0-9 _./:=,@%+~^{}\[\]<>()*?;&|#-]")


def for_any_shell(command: str) -> str:
    """The command line that makes any login shell hand a command to /bin/sh."""
    if _PLAIN.fullmatch(command):
        return f"exec /bin/sh -c '{command}'"
    data = command.encode("utf-8", "surrogateescape")
    numbered = _UNSAFE.sub(lambda found: b"\\0%03o" % found.group()[0], data).decode("ascii")
    # A point at the end keeps newlines there, which $() takes away.
    return f"exec /bin/sh -c 'command=$(printf %b \"{numbered}.\"); eval \"${{command%.}}\"'"


def quoted(path: str) -> str:
    """A path as a word of a POSIX shell, which no program takes for an option."""
    return shlex.quote(path if path.startswith("/") else f"./{path}")
