"""What docs/connectors.md promises of `push` and `pull`."""

import os
import shlex

from ..errors import ConnectorError
from .subject import ALL_BYTES, LARGE, Broken, Subject, at_once, expect, raises


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
    raises(ConnectorError, lambda: on.connector.push(on.file(b"x"), nowhere), "to push into a folder that is not there")
    raises(ConnectorError, lambda: on.connector.push(missing, f"{on.there}/x"), "to push a file that is not there")
    raises(ConnectorError, lambda: on.connector.pull(nowhere, back), "to pull a file that is not there")
    expect(back.exists(), False, "whether a file is here that could not be pulled")


def files_may_be_copied_at_once(on: Subject) -> None:
    at_once(lambda number: _round_trip(on, b"%d" % number * 10000, f"once {number}"))


FILES = (
    files_keep_their_bytes, files_may_have_odd_names, files_may_be_large, a_file_replaces_another,
    a_file_replaces_one_here, what_cannot_be_copied_raises, files_may_be_copied_at_once,
)  # fmt: skip
