"""The JSON codec: every form is read back exactly, and a body is nothing but JSON."""

import base64
import collections
import json
import math

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rproxy_endpoint.protocol.errors import ValueFault
from rproxy_endpoint.protocol.jsoned import JsonCodec
from rproxy_endpoint.protocol.values import Side, taken

CODEC = JsonCodec()
MEGABYTE = 1 << 20


def there(value):
    body, buffers = CODEC.dumps(value, Side())
    return CODEC.loads(b"".join(body), [bytearray(part) for part in buffers], Side())


def read(body, *buffers):
    return CODEC.loads(body if isinstance(body, bytes) else json.dumps(body).encode(), list(buffers), Side())


def text_of(value):
    return b"".join(CODEC.dumps(value, Side())[0]).decode()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        ([1, 2.5, "x", True], '[1,2.5,"x",true]'),
        ({"a": {}}, '{"a":{}}'),
        ((1, 2), '{"~":["tuple",1,2]}'),
        (frozenset({1}), '{"~":["frozenset",1]}'),
        (b"hi", '{"~":["bytes","aGk="]}'),
        (math.inf, '{"~":["float","inf"]}'),
        (1 << 53, "9007199254740992"),
        (-(1 << 60), '{"~":["int","-0x1000000000000000"]}'),
        ("\ud83d", '{"~":["str",[55357]]}'),
        ({1: 2}, '{"~":["dict",[1,2]]}'),
        ({"~": 1}, '{"~":["dict",["~",1]]}'),
        (range(3), '{"~":["value","range",[0,3,1],[],[]]}'),
        (collections.deque([1]), '{"~":["value","deque",[null],[1],[]]}'),
    ],
)
def test_values_have_the_forms_that_are_documented(value, text):
    assert text_of(value) == text


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.binary(),
    st.text(st.characters(exclude_categories=())), st.complex_numbers(allow_nan=False),
)  # fmt: skip
KEYS = st.recursive(SCALARS, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=5)
VALUES = st.recursive(
    KEYS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner) | st.sets(KEYS) | st.tuples(inner), max_leaves=20
)


@given(VALUES)
def test_every_value_comes_back_equal(value):
    back = there(value)
    assert (type(back), back) == (type(value), value)


def test_nan_comes_back():
    assert math.isnan(there(math.nan))


def test_integers_of_any_size_come_back():
    assert there([10**5000, -(10**5000)]) == [10**5000, -(10**5000)]


def test_shared_values_stay_shared():
    inner, key = [1], (1, 2)
    back = there({"a": inner, "b": (inner, collections.deque([inner])), "c": {key: key}})
    assert back["a"] is back["b"][0] is back["b"][1][0]
    ((one, other),) = back["c"].items()
    assert one is other


@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: {"k": v}, lambda v: {1: v}, lambda v: collections.deque([v])])
def test_a_cyclic_value_stays_cyclic(wrap):
    value = []
    value.append(wrap(value))
    back = there(value)
    inner = back[0]
    for _ in range(2):
        if inner is not back:
            inner = next(iter(inner.values())) if isinstance(inner, dict) else inner[0]
    assert inner is back


def test_a_tuple_that_holds_itself_is_refused_before_it_is_sent():
    value = ([],)
    value[0].append(value)
    with pytest.raises(ValueFault, match="a tuple holds itself, which JSON cannot carry"):
        CODEC.dumps(value, Side())


def test_what_json_cannot_carry_is_refused_before_it_is_sent():
    with pytest.raises(ValueFault, match="a function is not data"):
        CODEC.dumps([test_nan_comes_back], Side())


def test_what_a_side_leaves_to_the_codec_is_refused():
    class Leaving(Side):
        def foreign(self, obj, parcel):
            return None

    with pytest.raises(ValueFault, match="an object cannot travel by JSON"):
        CODEC.dumps(object(), Leaving())


def test_a_side_may_send_a_reference():
    class Holding(Side):
        def foreign(self, obj, parcel):
            return taken("reference", 7)

        def reference(self, number):
            return f"object {number}"

    body, _ = CODEC.dumps([object()], Holding())
    assert CODEC.loads(b"".join(body), [], Holding()) == ["object 7"]


def test_a_value_whose_parts_fail_is_a_value_fault():
    class Broken(Side):
        def foreign(self, obj, parcel):
            raise KeyError("mine")

    with pytest.raises(ValueFault, match="KeyError: 'mine'"):
        CODEC.dumps(object(), Broken())


@pytest.mark.parametrize(
    "value", [numpy.zeros(MEGABYTE // 8), bytes(MEGABYTE), bytearray(MEGABYTE)], ids=["array", "bytes", "bytearray"]
)
def test_a_large_part_goes_beside_the_body(value):
    body, buffers = CODEC.dumps(value, Side())
    assert sum(map(len, body)) < 300
    assert [part.nbytes for part in buffers] == [MEGABYTE]


def test_large_bytes_come_back_as_bytes():
    value = bytes(range(256)) * 4096
    assert there(value) == value and type(there(value)) is bytes


# -- depth ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrap", [lambda v: [v], lambda v: (v,), lambda v: {"k": v}, lambda v: {1: v}])
def test_a_value_nested_beyond_reason_is_refused(wrap):
    value = []
    for _ in range(100_000):
        value = wrap(value)
    with pytest.raises(ValueFault, match="nested too deeply"):
        CODEC.dumps(value, Side())


@pytest.mark.parametrize(("begin", "end"), [(b"[", b"]"), (b'{"k":', b"}"), (b'{"~":["tuple",', b"]}")])
@pytest.mark.parametrize("depth", [2_000, 100_000])
def test_a_body_nested_beyond_reason_is_refused(begin, end, depth):
    with pytest.raises(ValueFault, match="nested too deeply"):
        read(begin * depth + b"1" + end * depth)


def chain(depth, width=1):
    """Tuples each of which holds the one before, `width` times: shallow text, deep values."""
    parts = [{"~": ["tuple", 0]}]
    return parts + [{"~": ["tuple", *[{"~": ["same", place + 1]}] * width]} for place in range(depth)]


@pytest.mark.parametrize("form", ["dict", "set", "frozenset"])
def test_a_deep_chain_of_tuples_is_no_key(form):
    last = {"~": ["same", 20_001]}
    tail = {"~": [form, [last, 1] if form == "dict" else last]}
    with pytest.raises(ValueFault, match="nested too deeply"):
        read([*chain(20_000), tail])


def test_tuples_that_hold_each_other_twice_are_no_key():
    with pytest.raises(ValueFault, match="so often that they cannot be hashed"):
        read([*chain(100, 2), {"~": ["set", {"~": ["same", 101]}]}])


def test_a_deep_chain_of_made_values_is_refused():
    parts = [{"~": ["value", "slice", [0], [], []]}]
    parts += [{"~": ["value", "slice", [{"~": ["same", place + 1]}], [], []]} for place in range(5000)]
    with pytest.raises(ValueFault, match="nested too deeply"):
        read(parts)


def test_deques_in_deques_without_end_are_refused():
    parts = [{"~": ["value", "deque", [None], [], []]}]
    parts += [{"~": ["value", "deque", [None], [{"~": ["same", place + 1]}], []]} for place in range(30_000)]
    with pytest.raises(ValueFault, match="nested too deeply"):
        read(parts)


# -- bodies that are no value --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"nul", b"\xff", b"\x80\x05N.", b"NaN", b"Infinity", b"[1] 2", b"1" * 5000,
        {"~": []}, {"~": {}}, {"~": 5}, {"~": [5]}, {"~": ["nonsense"]}, {"~": ["value"]}, {"~": ["int", "x"]},
        {"~": ["int", 5]}, {"~": ["float", "x"]}, {"~": ["str", [-1]]}, {"~": ["str", 5]}, {"~": ["bytes", 3]},
        {"~": ["bytes", "a"]}, {"~": ["bytes", None]}, {"~": ["dict", 5]}, {"~": ["dict", [1]]},
        {"~": ["dict", [[], 1]]},
        {"~": ["set", []]}, {"~": ["same", 0]}, {"~": ["same", "x"]}, {"~": ["tuple", {"~": ["same", 0]}]},
        {"~": ["value", "nonsense", [], [], []]}, {"~": ["value", [], [], [], []]},
        {"~": ["value", "range", [], [], []]},
        {"~": ["value", "range", [1], [1], []]}, {"~": ["value", "range", [1], [], [[1, 2]]]},
        {"~": ["value", "instance", ["new", "os", "system", [], {}, None], [], []]},
        {"~": ["_fill", [], []]}, {"~": ["value", "reference", [], [], []]},
    ],
    ids=lambda body: str(body)[:40],
)  # fmt: skip
def test_a_body_that_is_no_value_is_a_value_fault(body):
    with pytest.raises(ValueFault):
        read(body)


def test_constants_that_are_not_json_are_named():
    with pytest.raises(ValueFault, match="NaN is not JSON"):
        read(b"[NaN]")


def test_base64_of_bytes_is_read():
    assert read({"~": ["bytes", base64.b64encode(b"abc").decode()]}) == b"abc"


def outcome(body):
    """The type of what a body gives: of a value, or ValueFault; any other exception is the test's failure."""
    try:
        return type(read(body))
    except ValueFault:
        return ValueFault


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_random_bodies_give_values_or_value_faults(body):
    assert outcome(body) is outcome(body)  # nothing of it is left in the codec


JSON = st.recursive(
    st.none()
    | st.integers(-3, 3)
    | st.sampled_from(["~", "tuple", "set", "value", "range", "same", "dict", "bytes", "deque"]),
    lambda inner: st.lists(inner, max_size=5) | st.fixed_dictionaries({"~": st.lists(inner, max_size=6)}),
)


@given(JSON)
def test_random_trees_give_values_or_value_faults(tree):
    assert outcome(tree) is outcome(tree)
