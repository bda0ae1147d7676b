"""A user's program, run as `__main__`: what it sends, and what came of it, as JSON.

Words: the far side's Python, and "stream" or "command".
"""

import abc
import collections
import contextlib
import dataclasses
import enum
import functools
import json
import logging
import math
import os
import pathlib
import sys
import typing
import xml.dom.minidom

import rproxy
from rproxy.connectors.local import LocalConnector
from rproxy.testing import command_only

OFFSET = 7
TABLE = {"a": [1, 2], "b": (3,)}
log = logging.getLogger("program")


def plain(a, b=2, *rest, c=OFFSET, **more):
    return [a, b, list(rest), c, more]


def uses_a_function(number):
    return shifted(number) * 2


def shifted(number):
    return number + OFFSET


def factorial(n):
    return 1 if n < 2 else n * factorial(n - 1)


def is_even(n):
    return True if n == 0 else is_odd(n - 1)


def is_odd(n):
    return False if n == 0 else is_even(n - 1)


@functools.cache
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def shout(function):
    @functools.wraps(function)
    def shouting(*args, **kwargs):
        return str(function(*args, **kwargs)).upper() + "!"

    return shouting


@shout
def greet(name):
    """Says hello."""
    return "hello " + name


@functools.singledispatch
def kind_of(value):
    return "other"


@kind_of.register(int)
def _(value):
    return f"number {OFFSET}"


@kind_of.register(list)
def _(value):
    return "list of " + kind_of(value[0])


@contextlib.contextmanager
def opened(value):
    yield value


def with_opened():
    with opened(5) as value:
        return value


def reads_attributes_named_like_globals():
    return collections.OrderedDict(log=1).get("log") + math.floor(2.5)


def uses_a_submodule():
    return xml.dom.minidom.parseString("<a/>").documentElement.tagName


def imports_inside():
    import string
    from os import path as os_path

    return os_path.join(string.digits[:2], "x")


def changes_a_global():
    global OFFSET
    OFFSET += 1
    return OFFSET


def appends_to_a_global():
    TABLE["a"].append(9)
    return read_table()


def read_table():
    return TABLE["a"]


def counts(n):
    yield from range(n)


async def later(number):
    import asyncio

    await asyncio.sleep(0)
    return [item async for item in doubled(number)]


async def doubled(number):
    yield number * 2


def annotated(a: "no_such_name", b: collections.OrderedDict = None) -> "nothing":  # noqa: F821
    def inner(x: int) -> int:
        return x + 1

    return inner(a)


class Base:
    def who(self):
        return "base"


class Thing(Base):
    __scale = 10
    made = 0

    def __init__(self, size):
        self.size = size

    def who(self):
        return "thing of " + super().who()

    def scaled(self):
        return self.__scale * self.size + OFFSET

    @classmethod
    def of(cls, size):
        return cls(size)

    @staticmethod
    def half(size):
        return size / 2

    @property
    def doubled(self):
        return self.size * 2

    def __add__(self, other):
        return Thing(self.size + other.size)

    class Part:
        def name(self):
            return "part"


@functools.total_ordering
class Level(enum.Enum):
    LOW = 1
    HIGH = 2

    def __lt__(self, other):
        return self.value < other.value


KINDS = {}


def registered(cls):
    KINDS[cls.__name__] = cls
    return cls


@registered
class Plugin:
    def kinds(self):
        return list(KINDS)


Item = typing.TypeVar("Item")


class Box(typing.Generic[Item]):
    def __init__(self, item: Item):
        self.item = item

    def open(self) -> Item:
        return self.item


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self):
        return 0


class Square(Shape):
    __slots__ = ("side",)

    def __init__(self, side):
        self.side = side

    def area(self):
        return self.side**2


class Span(typing.NamedTuple):
    start: int
    end: int

    def length(self):
        return self.end - self.start + OFFSET


Pair = collections.namedtuple("Pair", "left right")
two, three, shift = lambda x: x * 2, lambda x: x * 3, lambda x: x + OFFSET


def counter():
    count = 0

    def up():
        nonlocal count
        count += 1
        return count

    def read():
        return count

    return up, read


def local_class():
    class Node:
        def __init__(self, value, rest=None):
            self.value, self.rest = value, rest

        def longer(self, value):
            return Node(value + OFFSET, self)

    class Leaf(Node):
        def total(self):
            return self.value + self.longer(1).value

    return Leaf(3)


def two_calls_in_one(client):
    up, read = counter()
    return client.call(lambda: [up(), up(), read()])


def with_a_dataclass(client):
    @dataclasses.dataclass(order=True)
    class Point:
        x: int
        y: int = 2

        def total(self):
            return self.x + self.y

    return client.call(lambda: [Point(1).total(), Point(1) < Point(2), repr(Point(3))[-15:]])


def nested(client):
    def outer(a):
        def inner(b):
            return lambda c: a + b + c + OFFSET

        return inner

    return client.call(lambda: outer(1)(2)(3))


def recursive_decorated(client):
    @client.function
    def down(n):
        return 0 if n == 0 else 1 + down(n - 1)

    return [down(4), client.call(lambda function: function(3), down)]


def same_class_in_two_calls(client):
    held = client.call(lambda: Thing(1))
    return client.call(lambda thing: isinstance(thing, Thing), held)


CASES = {
    "plain": lambda c: c.call(plain, 1, 3, 4, c=5, d=6),
    "defaults": lambda c: c.call(plain, 1),
    "a function that uses another": lambda c: c.call(uses_a_function, 1),
    "recursion": lambda c: c.call(factorial, 5),
    "mutual recursion": lambda c: c.call(is_even, 7),
    "lru_cache": lambda c: c.call(fibonacci, 50),
    "a decorated function": lambda c: c.call(greet, "you"),
    "its documentation": lambda c: c.call(lambda function: [function.__name__, function.__doc__], greet),
    "a generic function": lambda c: [c.call(kind_of, 1), c.call(lambda: [kind_of([[1]]), kind_of("")])],
    "a context manager": lambda c: c.call(with_opened),
    "attributes named like globals": lambda c: c.call(reads_attributes_named_like_globals),
    "a submodule": lambda c: c.call(uses_a_submodule),
    "imports inside": lambda c: c.call(imports_inside),
    "a global that it changes": lambda c: [c.call(changes_a_global), c.call(changes_a_global), OFFSET],
    "a global that two share": lambda c: [c.call(appends_to_a_global), TABLE["a"]],
    "a generator": lambda c: c.call(lambda n: list(counts(n)), 3),
    "a coroutine function": lambda c: c.call(later, 3),
    "annotations": lambda c: c.call(annotated, 3),
    "lambdas of one line": lambda c: [c.call(function, 10) for function in (two, three, shift)],
    "a lambda of some lines": lambda c: c.call(lambda a, b: a + b, 1, 2),
    "a lambda with lambdas as defaults": lambda c: c.call(
        lambda x, f=lambda y: y + 1, *, g=lambda y: y * 2: f(g(x)), 5
    ),
    "a keyword-only lambda": lambda c: c.call(lambda *, a, b=1: a + b, a=5),
    "nested functions": nested,
    "a method": lambda c: c.call(Thing(3).scaled),
    "a method that uses super": lambda c: c.call(Thing(3).who),
    "a class method": lambda c: c.call(lambda: Thing.of(4).doubled),
    "a bound class method": lambda c: c.call(functools.partial(Thing.of, 4).func(5).scaled),
    "a static method": lambda c: c.call(Thing.half, 5),
    "a class in a class": lambda c: c.call(Thing.Part().name),
    "operators of an instance": lambda c: c.call(lambda a, b: (a + b).size, Thing(1), Thing(2)),
    "an enumeration": lambda c: c.call(lambda a: [a.name, a < Level.HIGH], Level.LOW),
    "a named tuple": lambda c: c.call(lambda: Pair(1, 2).right),
    "methods of a named tuple": lambda c: [c.call(Span(1, 3).length), c.call(lambda span: span.length(), Span(1, 4))],
    "the class of a named tuple": lambda c: c.call(lambda span: type(span) is Span, Span(1, 2)),
    "a class of a function": lambda c: c.call(local_class().total),
    "a generic class": lambda c: c.call(Box(3).open),
    "an abstract class and slots": lambda c: c.call(Square(3).area),
    "partial": lambda c: c.call(functools.partial(plain, 1, c=2), 3),
    "a closure over a module": lambda c: c.call((lambda m: lambda x: m.floor(x))(math), 2.5),
    "a closure over data": lambda c: c.call((lambda data: lambda: data["b"][0])(TABLE)),
    "a logger": lambda c: c.call(lambda: log.name),
    "a path": lambda c: c.call(os.fspath, pathlib.PurePosixPath("/a") / "b"),
    "a function as an argument": lambda c: c.module("builtins").sorted([3, 1, 2], key=lambda x: -x),
    "functions in containers": lambda c: c.call(lambda d: d["f"][0](4), {"f": [two]}),
    "decorated by the client": recursive_decorated,
    "the globals of __main__": lambda c: c.call(lambda: __name__),
    "the builtins": lambda c: c.call(lambda: [len([1]), sorted({2, 1})]),
}
#: What needs more than Python 3.6, or a session that lasts.
NEWER = {"a dataclass": with_a_dataclass}
#: What cannot be made again by its source.
REFUSED = {"a class that its decorator keeps": lambda c: c.call(Plugin().kinds)}
#: What cloudpickle, which the same version gets, gives each function a copy of.
SHARED = {"a shared variable": two_calls_in_one}
LASTING = {
    "a generator that stays": lambda c: list(c.call(counts, 3)),
    "a class in two calls": same_class_in_two_calls,
    "a function that comes back": lambda c: c.call(lambda f: f(1), c.call(lambda: shifted)),
}


def main():
    python, channel = sys.argv[1:]
    connector = LocalConnector() if channel == "stream" else command_only(LocalConnector())
    found = {}
    with rproxy.connect(connector, python=python) as client:
        cases = {**CASES, **SHARED, **REFUSED, **NEWER, **(LASTING if channel == "stream" else {})}
        for name, case in cases.items():
            try:
                found[name] = case(client)
            except Exception as error:
                found[name] = f"{type(error).__name__}: {error}"
        print(json.dumps(found))


if __name__ == "__main__":
    main()
