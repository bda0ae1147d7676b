"""The type's own behaviour shows through: special methods that a remote type has, and none that it has not."""

import collections.abc
import copy
import functools
import inspect
import operator
import os
import time

import pytest

import rproxy

from .conftest import interpreters

MODULE = """
import collections, enum, functools

class Number:
    def __init__(self, value): self.value = value
    def __int__(self): return self.value
    def __float__(self): return self.value + 0.5
    def __complex__(self): return complex(self.value, 1)
    def __index__(self): return self.value
    def __round__(self, digits=None): return ("round", digits)
    def __trunc__(self): return 1
    def __floor__(self): return 2
    def __ceil__(self): return 3
    def __bool__(self): return self.value > 0
    def __hash__(self): return 77
    def __eq__(self, other): return isinstance(other, Number) and other.value == self.value
    def __format__(self, how): return "<%s>" % how
    def __str__(self): return "str"
    def __repr__(self): return "repr"
    def __bytes__(self): return b"bytes"
    def __fspath__(self): return "/path"
    def __length_hint__(self): return 9
    def __divmod__(self, other): return ("divmod", other)
    def __rdivmod__(self, other): return ("rdivmod", other)
    def __pow__(self, other, modulo=None): return ("pow", other, modulo)
    def __rpow__(self, other): return ("rpow", other)
    def __call__(self, *args, **kwargs): return args, kwargs

def _binary(name):
    return lambda self, other: (name, other)

for _name in "add sub mul matmul truediv floordiv mod lshift rshift and or xor".split():
    setattr(Number, "__%s__" % _name, _binary(_name))
    setattr(Number, "__r%s__" % _name, _binary("r" + _name))
for _name in "lt le gt ge".split():
    setattr(Number, "__%s__" % _name, _binary(_name))
for _name in "neg pos abs invert".split():
    setattr(Number, "__%s__" % _name, lambda self, name=_name: name)

class Sequence:
    def __init__(self, *items): self.items = list(items)
    def __len__(self): return len(self.items)
    def __getitem__(self, place): return self.items[place]

class Unhashable:
    __hash__ = None

class Plain:
    pass

class Table:
    def __call__(self, row): return row
    def __getitem__(self, key): return ("item", key)
    def __len__(self): return 3
    def __iter__(self): return iter("abc")
    def __contains__(self, key): return key == "in"
    def __matmul__(self, other): return ("matmul", other)

table = Table()
binary = functools.partial(int, base=2)

@functools.lru_cache(maxsize=None)
def cached(number):
    return number

def function():
    pass

class Color(enum.Enum):
    RED = 1
    BLUE = 2

Pair = collections.namedtuple("Pair", "left right")

class Point:
    __match_args__ = ("x", "y")
    made = 0
    def __init__(self, x, y=2):
        self.x, self.y = x, y
    @property
    def total(self): return self.x + self.y
    @total.setter
    def total(self, value): self.x = value - self.y
    @staticmethod
    def double(number): return number * 2
    @classmethod
    def origin(cls): return cls(0, 0)
    def __eq__(self, other): return isinstance(other, Point) and (self.x, self.y) == (other.x, other.y)

def read(things):
    return {key: [one.x for one in value] for key, value in things.items()}
"""


@pytest.fixture(scope="module")
def client():
    with rproxy.connect() as client:
        yield client


@pytest.fixture
def module(client, far_module):
    return client.module(far_module("special", MODULE))


# -- operators and conversions -------------------------------------------------------------------------

BINARY = "add sub mul matmul truediv floordiv mod lshift rshift and_ or_ xor".split()


@pytest.mark.parametrize("name", BINARY)
def test_a_binary_operator_is_the_far_sides_from_both_sides(module, name):
    number, operation, there = module.Number(1), getattr(operator, name), name.rstrip("_")
    assert operation(number, "other") == (there, "other")
    assert operation(None, number) == ("r" + there, None)


def test_divmod_and_powers_are_the_far_sides(module):
    number = module.Number(1)
    assert (divmod(number, 2), divmod(2, number)) == (("divmod", 2), ("rdivmod", 2))
    assert (number**2, pow(number, 2, 3), 2**number) == (("pow", 2, None), ("pow", 2, 3), ("rpow", 2))


@pytest.mark.parametrize("name", "lt le gt ge".split())
def test_an_order_is_the_far_sides(module, name):
    assert getattr(operator, name)(module.Number(1), 5) == (name, 5)


@pytest.mark.parametrize("name", "neg pos abs invert".split())
def test_a_unary_operator_is_the_far_sides(module, name):
    assert getattr(operator, name)(module.Number(1)) == name


CONVERSIONS = [
    (int, 5), (float, 5.5), (complex, 5 + 1j), (operator.index, 5), (bool, True), (hash, 77), (str, "str"),
    (repr, "repr"), (bytes, b"bytes"), (os.fspath, "/path"), (operator.length_hint, 9), (round, ("round", None)),
    (lambda n: round(n, 2), ("round", 2)), (lambda n: f"{n:how}", "<how>"), (__import__("math").floor, 2),
    (__import__("math").ceil, 3), (__import__("math").trunc, 1), (lambda n: n(1, two=2), ((1,), {"two": 2})),
]  # fmt: skip


@pytest.mark.parametrize(("convert", "value"), CONVERSIONS, ids=[str(value) for _, value in CONVERSIONS])
def test_a_conversion_is_the_far_sides(module, convert, value):
    assert convert(module.Number(5)) == value


def test_values_that_python_needs_come_even_while_results_are_kept(client, module):
    number = module.Number(5)
    with client.keep_results():
        assert (int(number), hash(number), bool(number), str(number), os.fspath(number)) == (
            5,
            77,
            True,
            "str",
            "/path",
        )
        assert isinstance(number, module.Number)
        assert client.has_module("os")


def test_an_unhashable_object_is_unhashable(module):
    with pytest.raises(TypeError, match="unhashable"):
        hash(module.Unhashable())


def test_a_sequence_without_iter_is_iterated_and_reversed(module):
    sequence = module.Sequence(1, 2, 3)
    assert (list(sequence), list(reversed(sequence)), 2 in sequence) == ([1, 2, 3], [3, 2, 1], True)
    assert bool(sequence) and not module.Sequence()


# -- and none that it has not --------------------------------------------------------------------------


@pytest.mark.parametrize("name", "__len__ __iter__ __call__ __add__ __int__ __enter__ __await__ __getitem__".split())
def test_a_method_that_the_type_has_not_is_not_there(module, name):
    assert not hasattr(module.Plain(), name)


@pytest.mark.parametrize(
    "operation",
    [iter, len, int, float, complex, operator.index, os.fspath, bytes, next, reversed, abs, round, memoryview,
     lambda thing: thing(), lambda thing: thing + 1, lambda thing: 1 + thing, lambda thing: thing[0],
     lambda thing: 1 in thing, lambda thing: thing < thing, lambda thing: thing.__enter__],
)  # fmt: skip
def test_an_operation_that_the_type_has_not_is_pythons_own_error(module, operation):
    with pytest.raises((TypeError, AttributeError)):
        operation(module.Plain())


ABC = "Iterable Iterator Sized Container Collection Callable Hashable Awaitable Coroutine AsyncIterable".split()


@pytest.mark.parametrize("name", ABC)
def test_abstract_base_classes_see_what_a_type_has(module, name):
    has = {
        "plain": ["Hashable"],
        "number": ["Hashable", "Callable"],
        "table": ["Iterable", "Sized", "Container", "Collection", "Callable", "Hashable"],
        "generator": ["Iterable", "Iterator", "Hashable"],
        "unhashable": [],
    }
    things = {
        "plain": module.Plain(), "number": module.Number(1), "table": module.Table(),
        "generator": iter(module.Table()), "unhashable": module.Unhashable(),
    }  # fmt: skip
    things["generator"] = things["generator"]._iterator
    for kind, thing in things.items():
        assert isinstance(thing, getattr(collections.abc, name)) == (name in has[kind]), kind


def test_functions_have_no_more_than_functions(module):
    for function in (module.function, module.Number(1).__divmod__, module.cached):
        assert callable(function)
        assert not hasattr(function, "__len__") and not isinstance(function, collections.abc.Iterable)
        with pytest.raises(TypeError):
            function["x"]


# -- callables that are more ---------------------------------------------------------------------------


def test_callables_of_a_module_have_their_types_methods(module):
    table = module.table
    assert (table("row"), table["key"], len(table), list(table)) == ("row", ("item", "key"), 3, ["a", "b", "c"])
    assert "in" in table and "out" not in table
    assert table @ 2 == ("matmul", 2)


def test_a_call_of_them_is_still_one_request(client, module):
    before = client._session.sent
    assert module.table("row") == "row"
    assert client._session.sent == before + 1


def test_typing_can_be_subscripted(client):
    typing = client.module("typing")
    assert str(typing.Optional[int]) == "typing.Optional[int]"
    assert str(typing.Union[int, str]) == "typing.Union[int, str]"


def test_classes_of_the_standard_library_are_arguments_by_either_serializer():
    with rproxy.connect(serializer="json") as client:
        assert str(client.module("typing").Optional[int]) == "typing.Optional[int]"
        with client.module("contextlib").suppress(KeyError, client.module("json").JSONDecodeError):
            client.module("json").loads("{")


def test_a_module_in_a_module_shows_where_it_is_and_what_it_is_for(client):
    path = client.module("os").path
    assert repr(path) == f"<module 'posixpath' from {os.path.__file__!r} on local://>"
    assert inspect.getdoc(path) == inspect.getdoc(os.path)


def test_attributes_of_callables_are_there(module):
    assert module.cached(5) == 5
    assert module.cached.cache_info().misses == 1
    module.cached.cache_clear()
    assert module.cached.cache_info().misses == 0
    assert module.binary("101") == 5 and module.binary.keywords == {"base": 2}


def test_partial_over_a_remote_callable_works_here_and_there(client, module):
    assert functools.partial(client.module("os").path.join, "a")("b") == "a/b"
    assert client.module("functools").partial(client.module("operator").add, 1)(2) == 3


def test_copies_of_callables_are_themselves(module):
    assert copy.copy(module.function) is not None and copy.deepcopy(module.function) == module.function


def test_who_waits_for_a_value_after_dir_sees_it_change(client, far_module):
    source = (
        "import threading, time\nticks = 0\nnames = ['a']\n"
        "def tick():\n    global ticks\n    while True:\n        time.sleep(0.01)\n        ticks += 1\n"
        "threading.Thread(target=tick, daemon=True).start()\n"
    )
    module = client.module(far_module("ticking", source))
    dir(module)
    first, deadline = module.ticks, time.monotonic() + 30
    while module.ticks == first and time.monotonic() < deadline:
        time.sleep(0.01)
    assert module.ticks > first


def test_a_list_that_was_read_along_with_others_is_nobody_elses(client, far_module):
    module = client.module(far_module("listed", "names = ['a']\nother = 1\n"))
    dir(module)
    module.names.append("b")
    assert module.names == ["a"]


# -- classes -------------------------------------------------------------------------------------------


def test_an_enumeration_is_used_like_a_local_one(module):
    color = module.Color
    assert [one.name for one in color] == ["RED", "BLUE"]
    assert (len(color), color.RED.value, color["BLUE"].name, color(1).name) == (2, 1, "BLUE", "RED")
    assert color.RED in color and color.RED is color.RED and color.RED == color(1) != color.BLUE


def test_a_class_that_is_no_container_says_so(module):
    for operation in (iter, len, lambda cls: cls["x"], lambda cls: 1 in cls):
        with pytest.raises(TypeError):
            operation(module.Plain)
    assert bool(module.Plain)


def test_a_generic_class_can_be_subscripted(client):
    assert str(client.module("collections").deque[int]) == "collections.deque[int]"


def test_a_named_tuple_class_makes_values(module):
    pair = module.Pair(1, right=2)
    assert pair == (1, 2) and pair.right == 2 and isinstance(pair, tuple) and isinstance(pair, module.Pair)
    assert (module.Pair._fields, module.Pair._make([3, 4]).left) == (("left", "right"), 3)


def test_properties_class_and_static_methods_work(client, module):
    point = module.Point(1)
    assert (point.total, point.double(3), module.Point.double(4), module.Point.origin().x) == (3, 6, 8, 0)
    point.total = 10
    assert point.x == 8
    module.Point.made = 5
    assert module.Point.made == point.made == 5
    with pytest.raises(AttributeError):
        client.module("pathlib").Path("/a").name = "b"


def test_a_data_class_works_like_a_local_one(client, far_module):
    source = (
        "from dataclasses import dataclass, field\n"
        "@dataclass(order=True)\nclass Item:\n    price: int\n    tags: list = field(default_factory=list)\n"
    )
    item = client.module(far_module("data", source)).Item
    assert item(1) == item(1) and item(1) < item(2) and repr(item(3)) == "Item(price=3, tags=[])"
    assert client.module("dataclasses").asdict(item(1, ["a"])) == {"price": 1, "tags": ["a"]}
    assert [one.price for one in sorted([item(2), item(1)])] == [1, 2]


def test_match_knows_remote_classes(module):
    def match(thing):
        match thing:
            case module.Color.RED:
                return "red"
            case module.Point(0, y=0):
                return "origin"
            case module.Point(x, y=2):
                return x
            case _:
                return "other"

    found = [match(thing) for thing in (module.Point.origin(), module.Point(7), module.Color.RED, module.Plain())]
    assert found == ["origin", 7, "red", "other"]


def test_signatures_of_classes_and_methods_are_there(module):
    assert str(inspect.signature(module.Point)) == "(x, y=2)"
    assert str(inspect.signature(module.Point(1).double)) == "(number)"


def test_vars_and_documentation_of_an_object_are_the_far_sides(client, module):
    assert vars(module.Point(1)) == {"x": 1, "y": 2}
    assert inspect.getdoc(client.module("threading").Event()) == inspect.getdoc(__import__("threading").Event)


def test_an_object_in_containers_goes_and_comes_as_itself(module):
    points = [module.Point(1), module.Point(2)]
    assert module.read({"points": points, "more": (points[0],)}) == {"points": [1, 2], "more": [1]}


@pytest.mark.parametrize("version", sorted(interpreters()), ids=lambda version: ".".join(map(str, version)))
@pytest.mark.once
def test_special_methods_are_those_of_every_python(version, far_module):
    with rproxy.connect(python=interpreters()[version]) as client:
        module = client.module(far_module("special", MODULE))
        number = module.Number(5)
        assert (int(number), number @ 1, 1 @ number, f"{number:x}") == (5, ("matmul", 1), ("rmatmul", 1), "<x>")
        assert (module.table["key"], len(module.Color), module.Pair(1, 2).right) == (("item", "key"), 2, 2)
        assert str(client.module("typing").Optional[int]) in ("typing.Optional[int]", "typing.Union[int, NoneType]")
