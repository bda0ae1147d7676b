"""Reads a pickle without loading it, and refuses what no honest endpoint sends.

Rules: only the operations are known that the C pickler of Python 3.6 to today writes for data; the one
thing that may be called is the protocol's own `make`, and it can be nothing but called. So nothing changes
an object that exists (BUILD), asks the registry of `copyreg` extensions (EXT1), names a class to make
(INST, OBJ, NEWOBJ), or asks for memory without end (LONG_BINPUT). And no key takes forever to hash, or the
interpreter's stack away.

Most replies are of one of two easy forms, which a regular expression reads at the speed of the pickler
itself; the others are followed operation by operation.
"""

import functools
import pickletools
import re
from collections.abc import Callable
from typing import Any

from rproxy_endpoint.protocol.errors import ValueFault
from rproxy_endpoint.protocol.weights import LEAF, Budget, Weight, check_depth, together

_CODES = {code.name: ord(code.code) for code in pickletools.opcodes}
_NAMES = {number: name for name, number in _CODES.items()}


def _sized(names: str, size: int) -> dict[int, int]:
    return {_CODES[name]: size for name in names.split()}


#: Operations that push something without members: the bytes of their argument, or of its length.
_FIXED = {
    **_sized("NONE NEWTRUE NEWFALSE EMPTY_TUPLE EMPTY_DICT EMPTY_SET", 0),
    **_sized("BININT1", 1),
    **_sized("BININT2", 2),
    **_sized("BININT", 4),
    **_sized("BINFLOAT", 8),
}
_SHORT = _sized("SHORT_BINUNICODE SHORT_BINBYTES LONG1", 1)
_COUNTED = {**_SHORT, **_sized("BINUNICODE BINBYTES LONG4", 4), **_sized("BINUNICODE8 BINBYTES8 BYTEARRAY8", 8)}
#: Operations that only say how to read on.
_SKIPPED = {**_sized("PROTO", 1), **_sized("FRAME", 8)}
_GETS = {**_sized("BINGET", 1), **_sized("LONG_BINGET", 4)}
#: Those that many of often follow each other.
_NUMBERS = "BININT BININT2 BININT1 BINFLOAT".split()
_MEMOIZE, _STOP = _CODES["MEMOIZE"], _CODES["STOP"]


# -- the easy forms ------------------------------------------------------------------------------------


@functools.cache  # some milliseconds, which not every program pays
def _run_of(names: str) -> re.Pattern[bytes]:
    """A pattern for as many scalars, and operations of these names, as follow each other.

    Alternatives are tried one after the other, and each round costs: so what is most frequent comes first, numbers
    by four, as they often follow each other, and texts with the operation that follows nearly all of them.
    """
    by_size: dict[int, bytes] = {}
    plain = {**_FIXED, **_SKIPPED, **_GETS, **_sized("MARK EMPTY_LIST APPEND APPENDS MEMOIZE " + names, 0)}
    for number, size in plain.items():
        by_size[size] = by_size.get(size, b"") + b"\\x%02x" % number
    forms = [(b"\\x%02x" % _CODES[name] + b"." * _FIXED[_CODES[name]]) * 4 for name in _NUMBERS]
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


def get_ready() -> None:
    """Makes the patterns, which the first answer else would wait for."""
    _run_of(_FLAT)
    _run_of(_UNHASHED)


def _easy(names: str, data: Any) -> bool:
    """Whether a pickle has only scalars, the operations of these names, and texts of any length."""
    run, place = _run_of(names), 0
    while True:
        matched = run.match(data, place)
        assert matched is not None  # it may be empty
        place = matched.end()
        rest = data[place : place + 4]
        if rest in _ENDS:
            return True
        width = _COUNTED.get(rest[0]) if rest else None
        if width is None:
            return False
        place += 1 + width + int.from_bytes(data[place + 1 : place + 1 + width], "little")


#: One number, or None, True, False, in a frame of its own.
_NUMBER = re.compile(
    rb"\x80[\x04\x05]\x95.{8}(?:[%s]|%s.|%s..|%s.{4}|%s.{8})\x85\x94\."
    % tuple(b"".join(re.escape(bytes((_CODES[name],))) for name in names.split())
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
    return _easy(_FLAT, data) or _easy(_UNHASHED, data)


def check_operations(data: Any) -> None:
    """Raises ValueFault for a pickle that no honest endpoint sends."""
    if not is_plain(data):
        try:
            _Following(data).follow()
        except IndexError:
            raise ValueFault("the bytes are no whole pickle") from None


# -- the others ----------------------------------------------------------------------------------------

#: Stands for `make` on the stack.
_MAKE: Weight = [1, 0]


class _Made(list[int]):
    """The weight of a value that `make` made, which may get members until the next operation of another kind."""


class _Following:
    """What a pickle would do to the stack and the memo, with weights in the values' place."""

    def __init__(self, data: Any) -> None:
        self._data = data
        self._stack: list[Weight] = []
        self._marks: list[int] = []
        self._memo: list[Weight] = []
        self._uncalled = 0
        self._budget = Budget(len(data))

    def follow(self) -> None:
        """Reads to the end. Raises ValueFault, or IndexError where something is missing."""
        data, stack, memo = self._data, self._stack, self._memo
        place, end = 0, len(data)
        while place <= end:
            number = data[place]
            place += 1
            if number == _MEMOIZE:
                memo.append(stack[-1])
            elif number in _FIXED:
                stack.append(LEAF)
                place += _FIXED[number]
            elif number in _COUNTED:
                stack.append(LEAF)
                width = _COUNTED[number]
                place += width + int.from_bytes(data[place : place + width], "little")
            elif number in _OPERATIONS:
                _OPERATIONS[number](self)
            elif number in _GETS:
                width = _GETS[number]
                self._get(int.from_bytes(data[place : place + width], "little"))
                place += width
            elif number in _SKIPPED:
                place += _SKIPPED[number]
            elif number == _STOP:
                break
            else:
                name = _NAMES.get(number, f"{number:#04x}")
                raise ValueFault(f"the bytes would run the pickle operation {name}, which no data needs")
        if self._uncalled:
            raise ValueFault("the bytes use `make` as a value")

    def _get(self, number: int) -> None:
        weight = self._memo[number]
        self._uncalled += weight is _MAKE
        self._stack.append(weight if weight is _MAKE else tuple(weight))

    # -- the stack -------------------------------------------------------------------------------------

    def _since_mark(self) -> list[Weight]:
        mark = self._marks.pop()
        items = self._stack[mark:]
        del self._stack[mark:]
        return items

    def _mark(self) -> None:
        self._marks.append(len(self._stack))

    def _pop(self) -> None:
        if self._marks and self._marks[-1] == len(self._stack):
            self._marks.pop()
        else:
            self._stack.pop()

    def _pop_mark(self) -> None:
        self._since_mark()

    # -- containers ------------------------------------------------------------------------------------

    def _empty_list(self) -> None:
        self._stack.append([1, 0])

    def _appended(self, items: list[Weight]) -> None:
        target, depth = self._stack[-1], together(items)[1]
        if not isinstance(target, list):  # picklers fill what they have just begun, and nothing else
            raise ValueFault("the bytes add to a value that is finished")
        target[1] = max(target[1], depth)
        if type(target) is _Made:
            check_depth(target)

    def _append(self) -> None:
        self._appended([self._stack.pop()])

    def _appends(self) -> None:
        self._appended(self._since_mark())

    def _tuple(self) -> None:
        self._stack.append(together(self._since_mark()))

    def _tuple_of(self, count: int) -> None:
        if len(self._stack) < count:
            raise IndexError
        items = self._stack[-count:]
        self._stack[-count:] = [together(items)]

    def _tuple1(self) -> None:
        self._tuple_of(1)

    def _tuple2(self) -> None:
        self._tuple_of(2)

    def _tuple3(self) -> None:
        self._tuple_of(3)

    # -- what hashes, or may ---------------------------------------------------------------------------

    def _setitem(self) -> None:
        self._stack.pop()
        self._budget.spend(self._stack.pop())

    def _setitems(self) -> None:
        for key in self._since_mark()[::2]:
            self._budget.spend(key)

    def _additems(self) -> None:
        for member in self._since_mark():
            self._budget.spend(member)

    def _frozenset(self) -> None:
        self._additems()
        self._stack.append(LEAF)

    def _stack_global(self) -> None:
        del self._stack[-2:]
        self._stack.append(_MAKE)
        self._uncalled += 1

    def _made(self, parts: Weight) -> None:
        self._budget.spend(parts)
        self._stack.append(_Made(parts))

    def _reduce(self) -> None:
        parts = self._stack.pop()
        if self._stack.pop() is not _MAKE:
            raise ValueFault("the bytes call something else than `make`")
        self._uncalled -= 1
        self._made(parts)

    def _binpersid(self) -> None:
        self._made(self._stack.pop())


_OPERATIONS: dict[int, Callable[[_Following], None]] = {
    _CODES[name]: getattr(_Following, "_" + name.lower())
    for name in (
        "MARK", "POP", "POP_MARK", "EMPTY_LIST", "APPEND", "APPENDS", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3",
        "SETITEM", "SETITEMS", "ADDITEMS", "FROZENSET", "STACK_GLOBAL", "REDUCE", "BINPERSID",
    )
}  # fmt: skip
