"""Where a host wants the endpoint: SRemote's file of self-discovery.

Rules: a file that is missing changes nothing; one that cannot be meant is an error that says what is wrong with it;
a route that is not absolute is below the user's home.
"""

import json
import os
import shlex
from collections.abc import Callable
from typing import Any, NamedTuple

from ..errors import ConnectorError
from .shell import for_any_shell

KEYS = ("sremote", "absolute_tmp", "relative_tmp")
_FOLDERS = ("", ".rproxy/", ".sremote/")


class Places(NamedTuple):
    """The folder of the endpoint, and the one for temporary files; None where the file names none."""

    endpoint: str | None
    tmp: str | None


def discover(run: Callable[[str], Any], target: str, file_name: str) -> Places | None:
    """What a file in the user's home says; None if there is none.

    `run` is the connector's. Raises ConnectorError for a file that is malformed.
    """
    if not isinstance(file_name, str):
        raise TypeError(f"the name of a file is a text, not {file_name!r}")
    if not file_name or "\0" in file_name:
        raise ValueError(f"{file_name!r} cannot be the name of a file")
    mark = f"<rproxy:{os.urandom(8).hex()}>"  # what login shells print is not of the file
    tests = " || ".join(
        f"{{ [ -f \"$HOME\"/{path} ] && printf %s '{mark}' && cat \"$HOME\"/{path} && printf %s '{mark}'; }}"
        for path in (shlex.quote(folder + file_name) for folder in _FOLDERS)
    )
    done = run(for_any_shell(f'[ "$HOME" ] || eval "HOME=~$(id -un)"\n{tests}'))
    _, *found = done.stdout.split(mark.encode())
    if not found:
        return None
    what = f"{file_name} in the home on {target}"
    if len(found) < 2:
        raise ConnectorError(f"cannot read {what}: {done.stderr.decode('utf-8', 'replace').strip()}")
    return parse(found[0], what)


def parse(text: bytes, what: str) -> Places:
    """The places that a file names. Raises ConnectorError."""
    try:
        told = json.loads(text)
    except ValueError as error:
        raise ConnectorError(f"{what} is not JSON: {error}") from error
    if not isinstance(told, dict):
        raise ConnectorError(f"{what} holds no JSON object with the keys {', '.join(KEYS)}")
    for key in KEYS:
        if key in told and (not isinstance(told[key], str) or not told[key] or "\0" in told[key]):
            raise ConnectorError(f"{what}: {key!r} is not a path: {told[key]!r}")
    if "absolute_tmp" in told and "relative_tmp" in told:
        raise ConnectorError(f"{what} names both absolute_tmp and relative_tmp; one place is enough")
    if not told.keys() & set(KEYS):
        raise ConnectorError(f"{what} has none of the keys {', '.join(KEYS)}")
    tmp = told.get("absolute_tmp", told.get("relative_tmp"))
    return Places(_below_home(told.get("sremote")), _below_home(tmp))


def _below_home(path: str | None) -> str | None:
    if path is None or path.startswith(("/", "~")):
        return path
    return f"~/{path}"
