"""The pickle codec: what travels, where large parts go, and what cannot travel."""

import array
import collections
import datetime
import types

import numpy
import pytest

from rproxy_endpoint.protocol import pickled, values
from rproxy_endpoint.protocol.errors import ValueFault
from rproxy_endpoint.protocol.memory import LARGE, memory_for
from rproxy_endpoint.protocol.pickled import (
    AskingEncoder,
    Decoder,
    PickleCodec,
    Source,
    TableEncoder,
    TrustingDecoder,
)
from rproxy_endpoint.protocol.values import Side, taken

#: How Python 3.8 and newer write pickles, for each other and for 3.6 and 3.7, and how those do. What is
#: written for 3.6 is read by an endpoint, which may look up names.
CODECS = {
    "protocol 5": PickleCodec(),
    "protocol 4": PickleCodec(4, decoder=TrustingDecoder),
    "before 3.8": PickleCodec(4, encoder=TableEncoder, decoder=TrustingDecoder),
}
MEGABYTE = 1 << 20


@pytest.fixture(params=CODECS.values(), ids=CODECS.keys())
def codec(request):
    return request.param


class Holding(Side):
    """Everything that is not data becomes a reference to a list of ours; nothing is refused."""

    def __init__(self):
        self.held = []

    def foreign(self, obj, parcel):
        self.held.append(obj)
        return taken("reference", len(self.held) - 1)

    def reference(self, number):
        return self.held[number]


class Leaving(Side):
    """Leaves everything that is not data to the codec."""

    def foreign(self, obj, parcel):
        return None


def there(codec, value, side=None):
    side = side or Side()
    body, buffers = codec.dumps(value, side)
    return codec.loads(b"".join(body), [bytearray(part) for part in buffers], side)


@pytest.mark.parametrize(
    "value",
    [
        None, True, -(10**400), 2.5, 3j, "text \ud800", b"\x00\xff", bytearray(b"ab"), (), (1, (2,)), [[]],
        {(1, 2): {3}},
        frozenset({1}), range(1, 9, 2), slice(1, None), ..., NotImplemented, collections.deque([1], 4),
        collections.OrderedDict(a=1), collections.Counter("aab"), collections.defaultdict(list, a=[1]),
        datetime.date(2024, 2, 29),
    ],
    ids=repr,
)  # fmt: skip
def test_data_comes_back_as_it_was(codec, value):
    back = there(codec, value)
    assert (type(back), back) == (type(value), value)


def test_shared_values_stay_shared(codec):
    inner = [1]
    back = there(codec, {"a": inner, "b": (inner, inner)})
    assert back["a"] is back["b"][0] is back["b"][1]


def test_a_cyclic_list_stays_cyclic(codec):
    value = [1]
    value.append((value, {"me": value}))
    back = there(codec, value)
    assert back[1][0] is back and back[1][1]["me"] is back


def test_a_deque_may_hold_itself(codec):
    value = collections.deque()
    value.append(value)
    back = there(codec, value)
    assert back[0] is back


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def test_a_value_nested_beyond_reason_is_refused(codec):
    with pytest.raises(ValueFault, match="nested too deeply"):
        codec.dumps(nested(200_000), Side())


def test_a_value_nested_within_reason_travels(codec):
    assert there(codec, nested(200)) == nested(200)


def test_a_body_nested_without_end_is_rebuilt_or_refused_but_never_crashes(codec):
    depth = 500_000
    body = b"\x80\x04" + b"]" * depth + b"a" * (depth - 1) + b"."
    back = codec.loads(body, [], Side())
    for _ in range(depth - 1):
        (back,) = back
    assert back == []


@pytest.mark.parametrize("value", [numpy.zeros(MEGABYTE // 8), bytearray(MEGABYTE)], ids=["array", "bytearray"])
def test_a_large_part_goes_beside_the_body(value):
    body, buffers = CODECS["protocol 5"].dumps((value,), Holding())
    beside = sum(map(len, buffers))
    assert sum(map(len, body)) + beside < MEGABYTE + 300
    assert type(value) is bytearray or beside == MEGABYTE


def test_an_array_is_not_copied_when_it_is_sent():
    value = numpy.arange(MEGABYTE // 8)
    _, (buffer,) = CODECS["protocol 5"].dumps(value, Side())
    assert numpy.shares_memory(numpy.frombuffer(buffer), value)


def test_an_array_is_rebuilt_in_the_memory_that_received_it(codec):
    body, buffers = codec.dumps(numpy.arange(MEGABYTE // 8), Side())
    received = bytearray(buffers[0])
    back = codec.loads(b"".join(body), [received], Side())
    assert numpy.shares_memory(back, numpy.frombuffer(received, numpy.uint8))


def test_large_bytes_are_written_without_a_copy(codec):
    value = bytes(MEGABYTE)
    body, _ = codec.dumps(value, Side())
    assert any(piece is value for piece in body)


def test_a_small_part_stays_in_the_body(codec):
    assert codec.dumps(numpy.arange(3), Side())[1] == []


def test_no_more_parts_go_beside_the_body_than_a_frame_may_have(codec):
    arrays = [numpy.full(values.Parcel.inline, place % 256, numpy.uint8) for place in range(values.Parcel.most + 3)]
    body, buffers = codec.dumps(arrays, Side())
    assert len(buffers) == values.Parcel.most
    back = codec.loads(b"".join(body), [bytearray(part) for part in buffers], Side())
    assert [part[-1] for part in back] == [part[0] for part in arrays]


def test_a_body_of_many_megabytes_is_read_without_a_file_of_its_own(codec):
    value = ["x" * 100, *range(400_000), b"y" * MEGABYTE, bytearray(MEGABYTE)]
    assert there(codec, value) == value


def test_the_source_of_a_large_body_reads_lines_too():
    source = Source(b"one\ntwo\n" + b"x" * 5000)
    assert (source.readline(), source.read(2), source.readline()) == (b"one\n", b"tw", b"o\n")
    assert source.readline() == b"x" * 5000
    assert source.readinto(bytearray(3)) == 0


def test_the_memory_of_a_body_goes_as_it_is_read():
    body = memory_for(3 * LARGE)
    body[:] = b"x" * len(body)
    source, target = Source(body), bytearray(2 * LARGE + 1)
    assert source.readinto(memoryview(target)) == len(target)
    assert bytes(target) == b"x" * len(target)
    assert (body[0], body[2 * LARGE - 1], body[2 * LARGE]) == (0, 0, ord("x"))
    assert source.read(5) + source.read(LARGE) == b"x" * (LARGE - 1)


# -- what is not data ----------------------------------------------------------------------------------


class Thing:
    pass


def function():
    pass


@pytest.mark.parametrize(
    "value",
    [Thing(), Thing, function, len, types, iter([]), function.__code__, ValueError()],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_data_is_the_sides_to_refuse(codec, value):
    with pytest.raises(ValueFault, match="is not data"):
        codec.dumps([value], Side())


@pytest.mark.parametrize(
    "value", [Thing(), Thing, function, len, types, function.__code__], ids=lambda v: type(v).__name__
)
def test_what_is_not_data_may_travel_as_a_reference(codec, value):
    assert there(codec, [value, value], Holding()) == [value, value]


def test_a_dictionary_whose_factory_is_code_is_not_data(codec):
    with pytest.raises(ValueFault, match=r"a collections\.defaultdict is not data"):
        codec.dumps(collections.defaultdict(lambda: 0), Side())


def test_a_side_may_leave_a_value_to_the_codec(codec):
    trusting = PickleCodec(decoder=TrustingDecoder)
    body, _ = codec.dumps([Thing, function, Thing()], Leaving())
    back = trusting.loads(b"".join(body), [], Side())
    assert back[:2] == [Thing, function] and type(back[2]) is Thing


def test_a_value_that_pickle_refuses_is_a_value_fault(codec):
    with pytest.raises(ValueFault, match="lambda"):
        codec.dumps(lambda: 0, Leaving())


def test_a_value_whose_own_pickling_fails_is_a_value_fault_with_its_cause(codec):
    class Broken:
        def __reduce_ex__(self, protocol):
            raise KeyError("mine")

    with pytest.raises(ValueFault, match="KeyError: 'mine'") as caught:
        codec.dumps(Broken(), Leaving())
    assert type(caught.value.__cause__) is KeyError


def test_both_generations_of_encoders_are_subclasses_of_one():
    assert pickled.Encoder is AskingEncoder
    assert issubclass(AskingEncoder, pickled.EncoderBase) and issubclass(TableEncoder, pickled.EncoderBase)


# -- bytes that are no value ---------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"garbage", b"\x80\x05", b"\x80\x7f.", b"\x80\x05]a.", b"\x80\x05h\x07."])
def test_bytes_that_are_no_pickle_are_a_value_fault(body):
    with pytest.raises(ValueFault, match="not a pickle of data"):
        PickleCodec().loads(body, [], Side())


def made(kind, *args):
    """A pickle of `make(kind, *args)`."""

    class Encoder(AskingEncoder):
        def reducer_override(self, obj):
            return (values.make, (kind, *args)) if type(obj) is Thing else NotImplemented

    return b"".join(PickleCodec(encoder=Encoder).dumps(Thing(), Side())[0])


@pytest.mark.parametrize("kind", ["nonsense", "numpy.nonsense", "", 5, None, ("range",), "records"])
def test_an_unknown_kind_is_a_value_fault(kind):
    with pytest.raises(ValueFault, match="unknown kind of value"):
        PickleCodec().loads(made(kind), [], Side())


@pytest.mark.parametrize(
    "parts",
    [
        ("range", "1"), ("range",), ("range", 1, 2, 0), ("slice",), ("complex", "x", 1), ("bytearray", 5),
        ("bytearray", "x"), ("constant", "eval"), ("defaultdict", "eval"), ("deque", "x"), ("OrderedDict", 1),
        ("numpy.array", "<f8", (2,), "C", b"123", True), ("numpy.array", "O", (1,), "C", b"12345678", True),
        ("datetime.date", 1), ("records.tuple", "m", "q", ("a",), (1, 2), {}), ("reference", 1), ("reference",),
    ],
    ids=repr,
)  # fmt: skip
def test_parts_that_make_no_value_are_a_value_fault(parts):
    with pytest.raises(ValueFault):
        PickleCodec().loads(made(*parts), [], Side())


def test_the_plain_decoder_finds_no_class():
    body = b"".join(PickleCodec().dumps(array.array("d", [1.0]), Leaving())[0])
    with pytest.raises(ValueFault, match=r"the bytes name array\._array_reconstructor, which is not data"):
        PickleCodec(decoder=Decoder).loads(body, [], Side())


def test_a_missing_module_is_told_as_such():
    body = b"\x80\x04\x8c\x12no_such_module_xyz\x8c\x01x\x93."
    with pytest.raises(ValueFault, match="missing on this side: No module named 'no_such_module_xyz'"):
        PickleCodec(decoder=TrustingDecoder).loads(body, [], Side())


def test_the_name_on_the_wire_cannot_be_called():
    with pytest.raises(TypeError, match="only a name"):
        values.make("range", 1)
