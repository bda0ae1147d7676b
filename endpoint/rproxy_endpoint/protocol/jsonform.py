"""What JSON cannot say by itself, tagged; `jsoned` tells how. Few sessions need it.

Containers are numbered in the order in which they begin, from 0, on both sides alike; that is how shared and cyclic
ones keep their identity.
"""

import binascii
import math
from typing import Any, Callable, Dict, Iterable, List, Set

from . import values
from .errors import ValueFault
from .plain import PLAIN, tag, text
from .weights import LEAF, Budget, Weight, beside, check_depth, together


class Writer:
    def __init__(self, parcel: values.Parcel) -> None:
        self.parcel = parcel
        self._numbers: Dict[int, int] = {}  # id of a container: its number
        self._kept: List[Any] = []  # so that no id is used twice
        self._open: Set[int] = set()  # what is being written and cannot hold itself

    def write(self, obj: Any) -> Any:
        cls = type(obj)
        if obj is None or cls is bool:
            return obj
        if cls is str:
            return text(obj)
        if cls is int:
            return obj if -PLAIN <= obj <= PLAIN else tag("int", hex(obj))
        if cls is float:
            return obj if math.isfinite(obj) else tag("float", repr(obj))
        if id(obj) in self._numbers:
            if id(obj) in self._open:
                raise ValueFault("%s holds itself, which JSON cannot carry" % values.describe_type(obj))
            return tag("same", self._numbers[id(obj)])
        self._numbers[id(obj)] = len(self._numbers)
        self._kept.append(obj)
        if cls is list:
            return [self.write(item) for item in obj]
        if cls is dict:
            return self._dict(obj)
        self._open.add(id(obj))
        try:
            if cls in (tuple, set, frozenset):
                return tag(cls.__name__, *[self.write(item) for item in obj])
            if cls is bytes:
                return tag("bytes", self._place(self.parcel.put(memoryview(obj))))
            parts = values.take(obj, self.parcel) or self.parcel.side.foreign(obj, self.parcel)
            if parts is None:
                raise ValueFault("%s cannot travel by JSON" % values.describe_type(obj))
            args = [self.write(arg) for arg in parts.args]
        finally:
            self._open.discard(id(obj))
        appended = [self.write(item) for item in parts.appended or ()]
        items = [[self.write(key), self.write(value)] for key, value in parts.items or ()]
        return tag("value", parts.kind, args, appended, items)

    def _place(self, place: Any) -> Any:
        return binascii.b2a_base64(place, newline=False).decode("ascii") if isinstance(place, bytes) else place

    def _dict(self, obj: Dict[Any, Any]) -> Any:
        if all(type(key) is str and key != "~" and key.isprintable() for key in obj):
            return {key: self.write(value) for key, value in obj.items()}
        return tag("dict", *[[self.write(key), self.write(value)] for key, value in obj.items()])


#: Holds the place of a container whose parts come before it.
_OPEN = object()


class Reader:
    def __init__(self, parcel: values.Parcel, size: int) -> None:
        self._parcel = parcel
        self._met: List[Any] = []
        self._weights: Dict[int, Weight] = {}  # by the id of what was met, which lives as long as this
        self._budget = Budget(size)

    def read(self, tree: Any) -> Any:
        if type(tree) is list:
            made: Any = self._meet([])
            made.extend(map(self.read, tree))
            self._weights[id(made)] = beside(self._weigh(made))
            return made
        if type(tree) is not dict:
            return tree
        if "~" not in tree:
            made = self._meet({})
            for key, value in tree.items():
                made[key] = self.read(value)
            return made
        kind, parts = tree["~"][0], tree["~"][1:]
        reader = getattr(self, "_read_" + kind, None)
        if reader is None:
            raise ValueFault("unknown tag: %.80s" % kind)
        return reader(*parts)

    def _meet(self, obj: Any) -> Any:
        self._met.append(obj)
        return obj

    def _weigh(self, objects: Iterable[Any]) -> List[Weight]:
        return [self._weights.get(id(obj), LEAF) for obj in objects]

    def _hash(self, obj: Any) -> Any:
        """An object that will be hashed."""
        self._budget.spend(self._weights.get(id(obj), LEAF))
        return obj

    def _later(self, build: Callable[[], Any]) -> Any:
        """Keeps the number of an object that exists only once its parts do."""
        number = len(self._met)
        self._met.append(_OPEN)
        self._met[number] = made = build()
        return made

    def _read_int(self, text: str) -> int:
        return int(text, 16)

    def _read_float(self, text: str) -> float:
        return float(text)

    def _read_str(self, points: List[int]) -> str:
        return "".join(map(chr, points))

    def _read_bytes(self, place: Any) -> Any:
        return self._later(
            lambda: binascii.a2b_base64(place) if isinstance(place, str) else bytes(self._parcel.get(place))
        )

    def _read_tuple(self, *items: Any) -> Any:
        made = self._later(lambda: tuple([self.read(item) for item in items]))
        self._weights[id(made)] = together(self._weigh(made))
        return made

    def _read_set(self, *items: Any) -> Any:
        return self._later(lambda: {self._hash(self.read(item)) for item in items})

    def _read_frozenset(self, *items: Any) -> Any:
        return self._later(lambda: frozenset([self._hash(self.read(item)) for item in items]))

    def _read_dict(self, *items: Any) -> Any:
        made = self._meet({})
        self._fill(made, items)
        return made

    def _fill(self, made: Any, items: Iterable[Any]) -> None:
        for key, value in items:
            key = self._hash(self.read(key))
            made[key] = self.read(value)

    def _read_same(self, number: int) -> Any:
        if self._met[number] is _OPEN:
            raise ValueFault("a value holds itself, which JSON cannot carry")
        return self._met[number]

    def _read_value(self, kind: str, args: List[Any], appended: List[Any], items: List[Any]) -> Any:
        weight: Weight = LEAF

        def build() -> Any:
            nonlocal weight
            parts = [self.read(arg) for arg in args]
            weight = together(self._weigh(parts))
            self._budget.spend(weight)
            return values.make_value(self._parcel, kind, *parts)

        made = self._later(build)
        self._weights[id(made)] = weight
        for item in appended:
            member = self.read(item)
            depth = self._weights.get(id(member), LEAF)[1] + 1
            self._weights[id(made)] = weight = weight[0], max(weight[1], depth)
            check_depth(weight)
            made.append(member)
        self._fill(made, items)
        return made
