"""Tells of most pickles at a glance that they are data, and that it is safe to load them.

Rules: these are of one of two easy forms, which a regular expression reads at the speed of the pickler itself; what is
of another form may be as safe, and is for `operations` to follow.
"""

import functools
import pickletools
import re
from typing import Any

CODES = {code.name: ord(code.code) for code in pickletools.opcodes}


def _sized(names: str, size: int) -> dict[int, int]:
    return {CODES[name]: size for name in names.split()}


#: Operations that push something without members: the bytes of their argument, or of its length.
FIXED = {
    **_sized("NONE NEWTRUE NEWFALSE EMPTY_TUPLE EMPTY_DICT EMPTY_SET", 0),
    **_sized("BININT1", 1),
    **_sized("BININT2", 2),
    **_sized("BININT", 4),
    **_sized("BINFLOAT", 8),
}
_SHORT = _sized("SHORT_BINUNICODE SHORT_BINBYTES LONG1", 1)
COUNTED = {**_SHORT, **_sized("BINUNICODE BINBYTES LONG4", 4), **_sized("BINUNICODE8 BINBYTES8 BYTEARRAY8", 8)}
#: Operations that only say how to read on.
SKIPPED = {**_sized("PROTO", 1), **_sized("FRAME", 8)}
GETS = {**_sized("BINGET", 1), **_sized("LONG_BINGET", 4)}
#: Those that many of often follow each other.
_NUMBERS = "BININT BININT2 BININT1 BINFLOAT".split()
_MEMOIZE = CODES["MEMOIZE"]


@functools.cache  # some milliseconds, which not every program pays
def _run_of(names: str) -> re.Pattern[bytes]:
    """A pattern for as many scalars, and operations of these names, as follow each other.

    Alternatives are tried one after the other, and each round costs: so what is most frequent comes first, numbers
    by four, as they often follow each other, and texts with the operation that follows nearly all of them.
    """
    by_size: dict[int, bytes] = {}
    plain = {**FIXED, **SKIPPED, **GETS, **_sized("MARK EMPTY_LIST APPEND APPENDS MEMOIZE " + names, 0)}
    for number, size in plain.items():
        by_size[size] = by_size.get(size, b"") + b"\\x%02x" % number
    forms = [(b"\\x%02x" % CODES[name] + b"." * FIXED[CODES[name]]) * 4 for name in _NUMBERS]
    forms.append(_short(0, 32))
    forms += [b"[%s]%s" % (numbers, b"." * size) for size, numbers in sorted(by_size.items())]
    # Sixteen by sixteen lengths, told by a look ahead.
    forms += [b"(?=.[\\x%02x-\\x%02x])" % (low, low + 15) + _short(low, low + 16) for low in range(32, 256, 16)]
    return re.compile(b"(?:" + b"|".join(forms) + b")*+", re.DOTALL)


def _short(low: int, high: int) -> bytes:
    """A pattern for one text of a length in that range."""
    operations = b"".join(b"\\x%02x" % number for number in _SHORT)
    exact = b"|".join(
        b"\\x%02x%s" % (size, b"." * size if size <= 16 else b".{%d}" % size) for size in range(low, high)
    )
    return b"[%s](?:%s)\\x%02x?+" % (operations, exact, _MEMOIZE)


#: No key can be a tuple, as there is none but the message itself ...
_FLAT = "SETITEM SETITEMS ADDITEMS FROZENSET"
#: ... or tuples, and nothing that hashes them.
_UNHASHED = "TUPLE1 TUPLE2 TUPLE3 TUPLE"
_ENDS = (b"\x85\x94.", b"\x85.", b".")  # TUPLE1 MEMOIZE STOP
#: More bytes than one operation has that the patterns know, with its argument.
_LONGEST = 260


def get_ready() -> None:
    """Makes the patterns, which the first answer else would wait for."""
    _run_of(_FLAT)
    _run_of(_UNHASHED)


def _passed(names: str, data: Any, place: int) -> int:
    """How far a pickle has only scalars, the operations of these names, and texts of any length, where it has so up to
    that place; beyond its end if that is within a text."""
    run = _run_of(names)
    while place < len(data):
        matched = run.match(data, place)
        assert matched is not None  # it may be empty
        place = matched.end()
        width = COUNTED.get(data[place]) if place < len(data) else None
        if width is None or place + width >= len(data):
            break
        place += 1 + width + int.from_bytes(data[place + 1 : place + 1 + width], "little")
    return place


class Scan:
    """How far a pickle is of one of the easy forms, of which more may come."""

    def __init__(self) -> None:
        self._forms = [_FLAT, _UNHASHED]
        self._place = 0

    def further(self, data: Any) -> None:
        """Reads what has come of it by now."""
        while self._forms:
            self._place = _passed(self._forms[0], data, self._place)
            if len(data) - self._place < _LONGEST:
                break
            self._next_form()

    def is_easy(self, data: Any) -> bool:
        """Whether the whole of it is."""
        while self._forms:
            self._place = _passed(self._forms[0], data, self._place)
            if data[self._place : self._place + 4] in _ENDS:
                return True
            self._next_form()
        return False

    def _next_form(self) -> None:
        del self._forms[0]
        self._place = 0


class Scanned(bytearray):
    """A pickle that comes in parts, and is read as they come."""

    def __init__(self) -> None:
        super().__init__()
        self._scan = Scan()

    def add(self, part: Any) -> None:
        """Takes the next part."""
        self += part
        self._scan.further(self)

    @functools.cached_property
    def easy(self) -> bool:
        """Whether it is of one of the easy forms, once it is whole."""
        return self._scan.is_easy(self)


#: One number, or None, True, False, in a frame of its own.
_NUMBER = re.compile(
    rb"\x80[\x04\x05]\x95.{8}(?:[%s]|%s.|%s..|%s.{4}|%s.{8})\x85\x94\."
    % tuple(b"".join(re.escape(bytes((CODES[name],))) for name in names.split())
            for names in ("NONE NEWTRUE NEWFALSE", "BININT1", "BININT2", "BININT", "BINFLOAT")),
    re.DOTALL,
)  # fmt: skip
_BEGINS = (b"\x80\x05\x95", b"\x80\x04\x95")  # PROTO FRAME


def is_one(data: Any) -> bool:
    """Whether a pickle has one number or short text and nothing else, as most answers have."""
    if not (17 <= len(data) < 300 and data[11] in _SHORT):
        return _NUMBER.fullmatch(data) is not None
    whole = len(data) == 17 + data[12] and data[-4:] == b"\x94\x85\x94."  # MEMOIZE TUPLE1 MEMOIZE STOP
    return whole and data[:3] in _BEGINS


def is_plain(data: Any) -> bool:
    """Whether a pickle calls nothing and names nothing, as far as that is easy to see."""
    return is_one(data) or is_easy(data)


def is_easy(data: Any) -> bool:
    """Whether a pickle is of one of the easy forms."""
    return data.easy if type(data) is Scanned else Scan().is_easy(data)
