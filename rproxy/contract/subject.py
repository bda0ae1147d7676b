"""What a check of a connector works with, and how it tells what it finds."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ..connectors.base import Completed, Connector, Stream

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


def expect(found: object, wanted: object, what: str) -> None:
    if found != wanted:
        raise Broken(f"{what} is {_short(found)}, and must be {_short(wanted)}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 300 else f"{text[:150]}...{text[-100:]} ({len(text)} characters)"


def raises(kind: type[Exception], action: Callable[[], object], what: str) -> None:
    try:
        action()
    except kind:
        return
    raise Broken(f"{what} raises no {kind.__name__}")


def at_once(action: Callable[[int], Any]) -> list[Any]:
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
