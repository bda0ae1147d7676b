"""The JSON codec: no pickle in either direction.

What JSON has is itself: null, true, false, numbers, strings, lists, objects with string keys. Everything
else is tagged: ``{"~": [kind, ...]}``. So a body can be read by a person and by any language::

    {"~": ["tuple", 1, 2]}                        a tuple; also set, frozenset
    {"~": ["bytes", "aGk="]}  {"~": ["bytes", 0]} bytes in base64, or in buffer 0
    {"~": ["float", "nan"]}   {"~": ["int", "0x.."]}   what JSON numbers cannot say exactly
    {"~": ["str", [55357]]}                       text with surrogates, as code points
    {"~": ["dict", [key, value], ...]}            a dict whose keys are not all plain strings
    {"~": ["same", 3]}                            the container that was met as number 3
    {"~": ["value", kind, args, appended, items]} every other kind of `values`

Containers are numbered in the order in which they begin, from 0, on both sides alike; that is how shared
and cyclic ones keep their identity.
"""

import binascii
import json
import math
from typing import Any, Callable, Dict, Iterable, List, Sequence, Set, Tuple

from . import values
from .errors import ValueFault
from .frames import Bytes
from .weights import LEAF, Budget, Weight, beside, check_depth, together

#: Larger whole numbers go in hexadecimal: other readers of JSON lose their last digits, and Python
#: refuses decimal texts of more than 4,300 digits.
PLAIN = 1 << 53


class JsonCodec:
    """Values as JSON."""

    name = "json"

    def dumps(self, value: Any, side: values.Side) -> Tuple[List[Bytes], List[memoryview]]:
        """The pieces of the body and the buffers beside it. Raises ValueFault."""
        writer = _Writer(values.Parcel(side))
        try:
            text = json.dumps(writer.write(value), allow_nan=False, separators=(",", ":"))
        except ValueFault:
            raise
        except RecursionError:
            raise ValueFault("nested too deeply")
        except Exception as error:
            raise ValueFault("%s: %s" % (type(error).__name__, error)) from error
        return [text.encode("ascii")], writer.parcel.buffers

    def loads(self, body: Bytes, buffers: Sequence[Any], side: values.Side) -> Any:
        """The value of a body. Raises ValueFault."""
        try:
            tree = json.loads(bytes(body).decode("ascii"), parse_constant=_refuse)
            return _Reader(values.Parcel(side, buffers), len(body)).read(tree)
        except ValueFault:
            raise
        except RecursionError:
            raise ValueFault("nested too deeply")
        except Exception as error:
            raise ValueFault("not JSON of data: %s: %s" % (type(error).__name__, error)) from error


def _refuse(constant: str) -> Any:
    raise ValueFault("%s is not JSON" % constant)


class _Writer:
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
            return self._text(obj)
        if cls is int:
            return obj if -PLAIN <= obj <= PLAIN else _tag("int", hex(obj))
        if cls is float:
            return obj if math.isfinite(obj) else _tag("float", repr(obj))
        if id(obj) in self._numbers:
            if id(obj) in self._open:
                raise ValueFault("%s holds itself, which JSON cannot carry" % values.describe_type(obj))
            return _tag("same", self._numbers[id(obj)])
        self._numbers[id(obj)] = len(self._numbers)
        self._kept.append(obj)
        if cls is list:
            return [self.write(item) for item in obj]
        if cls is dict:
            return self._dict(obj)
        self._open.add(id(obj))
        try:
            if cls in (tuple, set, frozenset):
                return _tag(cls.__name__, *[self.write(item) for item in obj])
            if cls is bytes:
                return _tag("bytes", self._place(self.parcel.put(memoryview(obj))))
            parts = values.take(obj, self.parcel) or self.parcel.side.foreign(obj, self.parcel)
            if parts is None:
                raise ValueFault("%s cannot travel by JSON" % values.describe_type(obj))
            args = [self.write(arg) for arg in parts.args]
        finally:
            self._open.discard(id(obj))
        appended = [self.write(item) for item in parts.appended or ()]
        items = [[self.write(key), self.write(value)] for key, value in parts.items or ()]
        return _tag("value", parts.kind, args, appended, items)

    def _place(self, place: Any) -> Any:
        return binascii.b2a_base64(place, newline=False).decode("ascii") if isinstance(place, bytes) else place

    def _text(self, text: str) -> Any:
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return _tag("str", [ord(char) for char in text])
        return text

    def _dict(self, obj: Dict[Any, Any]) -> Any:
        if all(type(key) is str and key != "~" and key.isprintable() for key in obj):
            return {key: self.write(value) for key, value in obj.items()}
        return _tag("dict", *[[self.write(key), self.write(value)] for key, value in obj.items()])


def _tag(*parts: Any) -> Dict[str, Any]:
    return {"~": list(parts)}


#: Holds the place of a container whose parts come before it.
_OPEN = object()


class _Reader:
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
