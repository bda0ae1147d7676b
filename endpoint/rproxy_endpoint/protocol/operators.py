"""Special methods as Python itself would run them, and iterators in batches: for whichever side has the object.

Rules: reflected methods, the look-up on the type past `__getattr__`, and TypeErrors in Python's own words
included: a special method that was asked for by name runs the operation that it belongs to.
"""

import itertools
import operator
import sys
import time
from typing import Any, Callable, Dict, List, Tuple

#: Items are gathered for as long as this, in seconds, and up to about that many bytes.
SOON = 0.02
BATCH = 1 << 20


def _swapped(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda own, other: function(other, own)


def _of_type(name: str) -> Callable[..., Any]:
    return lambda obj: getattr(type(obj), name)(obj)


def _exit(obj: Any, *args: Any) -> Any:
    return type(obj).__exit__(obj, *args)


OPERATIONS: Dict[str, Callable[..., Any]] = {
    "__len__": len, "__iter__": iter, "__next__": next, "__reversed__": reversed,
    "__contains__": operator.contains, "__getitem__": operator.getitem, "__setitem__": operator.setitem,
    "__delitem__": operator.delitem, "__bool__": bool, "__hash__": hash, "__str__": str, "__repr__": repr,
    "__format__": format, "__bytes__": bytes, "__int__": int, "__float__": float, "__complex__": complex,
    "__index__": operator.index, "__round__": round, "__neg__": operator.neg, "__pos__": operator.pos,
    "__abs__": abs, "__invert__": operator.invert, "__divmod__": divmod, "__pow__": pow,
    "__rdivmod__": _swapped(divmod), "__rpow__": _swapped(pow),
    "__enter__": _of_type("__enter__"), "__exit__": _exit, "__fspath__": _of_type("__fspath__"),
    "__trunc__": _of_type("__trunc__"), "__floor__": _of_type("__floor__"), "__ceil__": _of_type("__ceil__"),
    "__length_hint__": operator.length_hint,
}
for _name in "eq ne lt le gt ge".split():
    OPERATIONS["__%s__" % _name] = getattr(operator, _name)
for _name in "add sub mul matmul truediv floordiv mod lshift rshift and xor or".split():
    _function = getattr(operator, _name + "_" if _name in ("and", "or") else _name)
    OPERATIONS["__%s__" % _name] = _function
    OPERATIONS["__r%s__" % _name] = _swapped(_function)
IN_PLACE = frozenset(
    "__%s__" % _name
    for _name in "iadd isub imul imatmul itruediv ifloordiv imod ipow ilshift irshift iand ior ixor".split()
)
for _name in IN_PLACE:
    OPERATIONS[_name] = getattr(operator, _name[2:-2])


class Iteration:
    """Gathers the items of iterators, for the other side."""

    def __init__(self) -> None:
        self._failed: Dict[int, BaseException] = {}  # iterators whose next item is this exception

    def gather(self, number: int, iterator: Any, count: int) -> Tuple[List[Any], Any]:
        """As many items as asked for, or as come soon, or as make a message of good size; and whether they
        were the last: (value,) where the iterator, a generator, has returned one."""
        items: List[Any] = []
        if number in self._failed:
            raise self._failed.pop(number)
        if type(iterator) is itertools.groupby:
            count = 1  # its next item empties the one before
        until, size = time.perf_counter() + SOON, 0
        while len(items) < count and size < BATCH and (not items or time.perf_counter() < until):
            try:
                item = next(iterator)
            except StopIteration as end:
                return items, True if end.value is None else (end.value,)
            except BaseException as error:
                if not items:
                    raise
                self._failed[number] = error  # after the items that came before it
                break
            items.append(item)
            size += getattr(item, "nbytes", 0) or sys.getsizeof(item, 0)
        return items, False
