"""The contract of connectors as checks: what docs/connectors.md promises of `run`, `push`, `pull`, `open`.

Rules: each check needs a POSIX shell there and nothing else; what a check makes it makes in a folder of its own,
which goes at the end; a transport is asked for no more than its attributes say it carries; whatever a connector does
not bring to an end, the checks come to theirs.
"""

import shlex
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..connectors.base import Connector
from .commands import COMMANDS
from .files import FILES
from .streams import STREAMS
from .subject import Broken, Subject


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
    passed: list[str] = []
    failed: list[str] = []
    try:
        with tempfile.TemporaryDirectory(prefix="rproxy-check-") as here:
            there = _within(patience, lambda: _folder_of(connector), "the first command")
            try:
                subject = Subject(connector, there, Path(here))
                _check(subject, patience, passed, failed)
            finally:
                _within(patience, lambda: connector.run(f"rm -rf {shlex.quote(there)}"), "the last command")
    finally:
        for number in ("first", "second"):
            trouble = _trouble(connector.close, patience)
            if trouble:
                failed.append(f"the {number} `close`: {trouble}")
    if failed:
        raise Broken(f"{connector.target} breaks the contract of connectors:\n- " + "\n- ".join(failed))
    return passed


def _folder_of(connector: Connector) -> str:
    """Makes a folder there."""
    done = connector.run('umask 077; mktemp -d "${TMPDIR:-/tmp}/rproxy-check \'ü-XXXXXXXX"')
    there = done.stdout.decode("utf-8", "surrogateescape").strip()
    if done.returncode or not there.startswith("/"):
        raise Broken(f"{connector.target} makes no folder to check in: {done}")
    return there


def _check(subject: Subject, patience: float, passed: list[str], failed: list[str]) -> None:
    has_stream = getattr(subject.connector, "open", None) is not None
    for check in [*COMMANDS, *FILES, *(STREAMS if has_stream else ())]:
        name = check.__name__.replace("_", " ")
        trouble = _trouble(lambda check=check: check(subject), patience)  # type: ignore[misc]
        if trouble:
            failed.append(f"{name}: {trouble}")
        else:
            passed.append(name)


def _trouble(action: Callable[[], object], patience: float) -> str:
    """What goes wrong with an action, in words; nothing if all is well."""
    try:
        _within(patience, action, "it")
    except Exception as error:
        return str(error) if isinstance(error, Broken) else f"{type(error).__name__}: {error}"
    return ""


def _within(patience: float, action: Callable[[], Any], what: str) -> Any:
    """What an action returns, or raises. Raises Broken if it takes too long; it is left alone then."""
    returned: list[Any] = []
    raised: list[Exception] = []

    def run() -> None:
        try:
            returned.append(action())
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(patience)
    if raised:
        raise raised[0]
    if not returned:
        raise Broken(f"{what} did not come to an end within {patience} s")
    return returned[0]
