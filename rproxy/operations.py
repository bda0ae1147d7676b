"""Reads a pickle without loading it, and refuses what no honest endpoint sends.

Rules: only the operations are known that the C pickler of Python 3.6 to today writes for data; the one
thing that may be called is the protocol's own `make`, and it can be nothing but called. So nothing changes
an object that exists (BUILD), asks the registry of `copyreg` extensions (EXT1), names a class to make
(INST, OBJ, NEWOBJ), or asks for memory without end (LONG_BINPUT). And no key takes forever to hash, or the
interpreter's stack away.

Most replies are of an easy form, which `scanning` reads at the speed of the pickler itself; the others are followed
operation by operation.
"""

from collections.abc import Callable
from typing import Any

from rproxy_endpoint.protocol.errors import ValueFault
from rproxy_endpoint.protocol.weights import LEAF, Budget, Weight, check_depth, together

from .scanning import CODES, COUNTED, FIXED, GETS, SKIPPED, is_plain

_NAMES = {number: name for name, number in CODES.items()}
_MEMOIZE, _STOP = CODES["MEMOIZE"], CODES["STOP"]


def check_operations(data: Any) -> None:
    """Raises ValueFault for a pickle that no honest endpoint sends."""
    if not is_plain(data):
        try:
            _Following(data).follow()
        except IndexError:
            raise ValueFault("the bytes are no whole pickle") from None


# -- operation by operation ----------------------------------------------------------------------------

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
            elif number in FIXED:
                stack.append(LEAF)
                place += FIXED[number]
            elif number in COUNTED:
                stack.append(LEAF)
                width = COUNTED[number]
                place += width + int.from_bytes(data[place : place + width], "little")
            elif number in _OPERATIONS:
                _OPERATIONS[number](self)
            elif number in GETS:
                width = GETS[number]
                self._get(int.from_bytes(data[place : place + width], "little"))
                place += width
            elif number in SKIPPED:
                place += SKIPPED[number]
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
    CODES[name]: getattr(_Following, "_" + name.lower())
    for name in (
        "MARK", "POP", "POP_MARK", "EMPTY_LIST", "APPEND", "APPENDS", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3",
        "SETITEM", "SETITEMS", "ADDITEMS", "FROZENSET", "STACK_GLOBAL", "REDUCE", "BINPERSID",
    )
}  # fmt: skip
