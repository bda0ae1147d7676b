"""Every kind of data through either codec, in this process; what is no data; and the parts that make none."""

import collections
import importlib
import sys
import types

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from rproxy_endpoint.protocol.errors import ValueFault
from rproxy_endpoint.protocol.jsoned import JsonCodec
from rproxy_endpoint.protocol.pickled import PickleCodec
from rproxy_endpoint.protocol.values import Parcel, Side, make_value, take

from ..values import numpy_samples, samples, table_samples
from ..values.sameness import assert_same

CODECS = {"pickle": PickleCodec(), "json": JsonCodec()}
SAMPLES = {**samples.ALL, **numpy_samples.ALL, **table_samples.ALL}


class OpenSide(Side):
    """Finds any class."""

    def locate(self, module, qualname):
        try:
            found = importlib.import_module(module)
            for name in qualname.split("."):
                found = getattr(found, name)
        except (ImportError, AttributeError):
            return None
        return found


@pytest.fixture(params=CODECS)
def codec(request):
    return CODECS[request.param]


def there_and_back(codec, value, side=None):
    side = side or OpenSide()
    pieces, buffers = codec.dumps(value, side)
    return codec.loads(b"".join(pieces), [bytearray(buffer) for buffer in buffers], side)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_value_comes_back_as_it_was(codec, name):
    assert_same(there_and_back(codec, SAMPLES[name]), SAMPLES[name])


# -- records -------------------------------------------------------------------------------------------


def test_a_record_of_a_class_that_may_be_used_is_of_that_class(codec):
    assert_same(there_and_back(codec, samples.Point([1], y={})), samples.Point([1], y={}))


def test_attributes_of_a_record_beside_its_fields_travel(codec):
    sent = samples.Labelled(1)
    sent.label = "mine"
    assert there_and_back(codec, sent).label == "mine"


def test_a_record_of_an_unknown_class_has_its_name_fields_and_attributes(codec):
    sent = samples.Labelled(1)
    sent.label = ["mine"]
    got = there_and_back(codec, sent, Side())
    assert (got, got.value, got.label) == ((1,), 1, ["mine"])
    assert (type(got).__module__, type(got).__qualname__) == (samples.__name__, "Labelled")
    assert type(there_and_back(codec, sent, Side())) is type(got)
    assert there_and_back(codec, got, Side()).label == ["mine"]


@pytest.mark.parametrize("sent", [sys.version_info, sys.flags, sys.float_info], ids=lambda sent: type(sent).__name__)
def test_a_structseq_that_python_makes_but_once_has_its_fields(codec, sent):
    got = there_and_back(codec, sent)
    assert tuple(got) == tuple(sent)
    assert type(got).__qualname__ == type(sent).__qualname__
    names = [name for name, member in vars(type(sent)).items() if isinstance(member, types.MemberDescriptorType)]
    assert names
    assert [getattr(got, name) for name in names] == [getattr(sent, name) for name in names]


OTHER_VERSIONS = {
    "a field of another name": (("tm_new", *"abcdefgh"), tuple(range(9)), {}),
    "a field more": ((*"abcdefghi", "tm_new"), tuple(range(10)), {}),
    "another order": (samples.TIME_FIELDS[::-1], tuple(range(9)), {}),
    "an attribute more": (samples.TIME_FIELDS, tuple(range(9)), {"tm_new": 1}),
}


@pytest.mark.parametrize("name", OTHER_VERSIONS)
def test_a_structseq_of_another_version_of_python_keeps_its_own_fields(name):
    names, values, hidden = OTHER_VERSIONS[name]
    got = make_value(Parcel(OpenSide()), "records.tuple", "time", "struct_time", names, values, hidden)
    assert [getattr(got, name) for name in names] == list(values)
    assert vars(got) == hidden if hidden else got == values


def test_classes_of_records_do_not_fill_the_memory():
    for number in range(1100):
        make_value(Parcel(Side()), "records.tuple", "m", f"C{number}", ("a",), (1,), {})
    from rproxy_endpoint.protocol import records

    assert len(records._classes) == 1000


def test_a_member_of_an_unknown_enumeration_is_no_data():
    assert take(samples.Colour.RED, Parcel(Side())) is None


# -- what is no data -----------------------------------------------------------------------------------

UUIDS = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16], pa.binary(16)))
RECORD = np.dtype((np.record, [("a", "i4")]))
NO_DATA = {
    "tuple with a class of its own": type("Own", (tuple,), {})(),
    "record whose class says too many fields": type("Odd", (tuple,), {"_fields": ("a", "b")})((1,)),
    "date in a zone of code": pd.Timestamp("2024", tz="dateutil/Europe/Berlin").to_pydatetime(),
    "zone without a name": __import__("zoneinfo").ZoneInfo.from_file(
        importlib.resources.files("tzdata.zoneinfo").joinpath("UTC").open("rb")
        if importlib.util.find_spec("tzdata")
        else open("/usr/share/zoneinfo/UTC", "rb")
    ),
    "array of numpy's records": np.zeros(1, RECORD),
    "scalar of numpy's records": np.zeros(1, RECORD)[0],
    "array of text of any length": np.array(["a"], dtype=np.dtypes.StringDType()),
    "array with a field of numpy's records": np.zeros(2, [("a", RECORD)]),
    "dtype of arrays of numpy's records": np.dtype((RECORD, (2,))),
    "array of a class of its own": type("Own", (np.ndarray,), {})(2),
    "record with objects": numpy_samples.structured_objects()[0],
    "scalar of a class of its own": type("Own", (np.float64,), {})(1),
    "periods": pd.period_range("2024", periods=2, freq="D"),
    "intervals": pd.interval_range(0, 2),
    "series of periods": pd.Series(pd.period_range("2024", periods=2, freq="D")),
    "series over periods": pd.Series([1, 2], index=pd.period_range("2024", periods=2, freq="D")),
    "frame of sparse columns": pd.DataFrame({"a": pd.arrays.SparseArray([0, 1])}),
    "index of sparse items": pd.Index(pd.arrays.SparseArray([0, 1])),
    "frame with columns of intervals": pd.DataFrame([[1, 2]], columns=pd.interval_range(0, 2)),
    "levels of periods": pd.MultiIndex.from_arrays([pd.period_range("2024", periods=2, freq="D")]),
    "categories of intervals": pd.Categorical(pd.interval_range(0, 2)),
    "moments in a zone of code": pd.date_range("2024", periods=2, tz="dateutil/Europe/Berlin").array,
    "Timestamp in a zone of code": pd.Timestamp("2024", tz="dateutil/Europe/Berlin"),
    "Arrow array of pandas": pd.arrays.ArrowExtensionArray(UUIDS),
    "Arrow table with an extension type": pa.table({"a": UUIDS}),
    "Arrow batch with an extension type": pa.RecordBatch.from_arrays([UUIDS], names=["a"]),
    "Arrow array with an extension type": UUIDS,
    "Arrow array with an extension type within": pa.ListArray.from_arrays([0, 1], UUIDS),
    "ChunkedArray with an extension type": pa.chunked_array([UUIDS]),
    "Arrow schema with an extension type": pa.schema([("a", pa.uuid())]),
    "polars frame of objects": pl.DataFrame({"a": pl.Series([object()], dtype=pl.Object)}),
    "polars series of objects": pl.Series([object()], dtype=pl.Object),
}


@pytest.mark.parametrize("name", NO_DATA)
def test_what_is_no_data_is_left_to_its_side(name):
    parcel = Parcel(Side())
    assert take(NO_DATA[name], parcel) is None
    assert parcel.buffers == []


# -- parts that make no data ---------------------------------------------------------------------------

COUNTED = ("sub", "f8", (2**40,))


def fields(names, formats, offsets):
    """The parts of a dtype of 8 bytes."""
    return "fields", names, formats, offsets, [None] * len(names), 8, False


UUID_TABLE = pa.BufferOutputStream()
with pa.ipc.new_stream(UUID_TABLE, pa.schema([("a", pa.uuid())])) as _writer:
    _writer.write_batch(NO_DATA["Arrow batch with an extension type"].rename_columns(["a"]))
EXTENSION_STREAM = UUID_TABLE.getvalue().to_pybytes()


def stream_with_wrong_offsets():
    """An Arrow stream whose text says that it ends far behind its memory."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, pa.schema([("a", pa.string())])) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays([pa.array(["a", "b"])], names=["a"]))
    right, wrong = np.array([[0, 1, 2], [0, 1, 2**30]], "i4")
    return sink.getvalue().to_pybytes().replace(right.tobytes(), wrong.tobytes())


INTS = np.arange(3)
INDEX = pd.RangeIndex(3)
HOSTILE = {
    "array without memory": ("numpy.array", "<f8", (3,), "C", b"", True),
    "array of other memory": ("numpy.array", "<f8", (3,), "C", b"1234567", True),
    "array of a negative shape": ("numpy.array", "<f8", (-3,), "C", bytes(8), True),
    "array of objects over memory": ("numpy.array", "|O", (1,), "C", bytes(8), True),
    "array in no order": ("numpy.array", "<i4", (1,), "X", bytes(4), True),
    "array in a buffer that did not come": ("numpy.array", "<i4", (1,), "C", 7, True),
    "array of no place": ("numpy.array", "<i4", (1,), "C", "here", True),
    "array of too large parts": ("numpy.array", COUNTED, (1,), "C", bytes(8), True),
    "objects of another number": ("numpy.objects", "|O", (3,), "C", [1], True),
    "objects without an array": ("numpy.objects", "|O", (3,), "C", None, True),
    "records of another number": ("numpy.objects", fields(["a"], ["|O"], [0]), (1,), "C", [(1, 2)], True),
    "scalar of objects": ("numpy.scalar", "|O", bytes(8)),
    "scalar without memory": ("numpy.scalar", "<f8", b""),
    "text of numbers": ("numpy.text", 10**12),
    "no dtype": ("numpy.dtype", "no such"),
    "dtype of code": ("numpy.dtype", ("call", print)),
    "fields that overlap objects": ("numpy.dtype", fields(["a", "b"], ["|O", "<i8"], [0, 0])),
    "field outside": ("numpy.dtype", fields(["a"], ["<i8"], [8])),
    "field at a negative place": ("numpy.dtype", fields(["a"], ["<i8"], [-8])),
    "record with too few values": ("records.tuple", "m", "C", ("a", "b"), (1,), {}),
    "record of a list": ("records.tuple", "m", "C", ("a",), [1], {}),
    "record whose name is code": ("records.tuple", "m", "C(object)\nimport os", ("a",), (1,), {}),
    "record whose field is code": ("records.tuple", "m", "C", ("a=os.system('x')",), (1,), {}),
    "record with a special attribute": ("records.tuple", "m", "C", ("a",), (1,), {"__class__": int}),
    "record with an attribute that is no name": ("records.tuple", "m", "C", ("a",), (1,), {"a b": 1}),
    "record of a class without attributes": ("records.tuple", samples.__name__, "Point", ("x", "y"), (1, 2), {"z": 3}),
    "member of no enumeration": ("records.member", "os", "system", "x", "true"),
    "member of nothing": ("records.member", "builtins", "print", None, 1),
    "member that there is not": ("records.member", "http", "HTTPStatus", "NO_SUCH", None),
    "flags that are no number": ("records.member", "re", "RegexFlag", None, "a"),
    "date out of range": ("datetime.date", 2024, 2, 30, 0),
    "time zone out of range": ("datetime.timezone", 5),
    "fraction of texts": ("fractions.Fraction", "1e999999999", None),
    "fraction by zero": ("fractions.Fraction", 1, 0),
    "no decimal": ("decimal.Decimal", "one"),
    "UUID of no safety": ("uuid.UUID", 1, 7),
    "UUID out of range": ("uuid.UUID", 2**128, 0),
    "zone of a path": ("zoneinfo.ZoneInfo", "../../etc/passwd"),
    "moments of no array": ("pandas.times", [1, 2], None),
    "moments in a zone of a file": ("pandas.times", np.array([1], "M8[ns]"), "dateutil//etc/passwd"),
    "moments in no zone": ("pandas.times", np.array([1], "M8[ns]"), 5),
    "codes outside of their categories": ("pandas.Categorical", np.array([0, 9], "i1"), pd.Index(["a"]), False),
    "mask of another length": ("pandas.masked", INTS, np.array([True])),
    "mask of numbers": ("pandas.masked", INTS, INTS),
    "masked objects": ("pandas.masked", INTS.astype(object), INTS > 1),
    "Arrow array of no Arrow": ("pandas.arrow", [1]),
    "index that does not keep its frequency": ("pandas.Index", np.array([0, 5, 6], "M8[ns]"), None, "D"),
    "codes outside of their levels": ("pandas.MultiIndex", [pd.Index(["a"])], [np.array([5])], [None], None),
    "series over another index": ("pandas.Series", INTS, pd.RangeIndex(2), None, {}, True),
    "series with attrs that are no dict": ("pandas.Series", INTS, INDEX, None, 5, True),
    "frame of another shape": ("pandas.DataFrame", INTS.reshape(1, 3), INDEX, INDEX, {}, True),
    "frame with too many names": ("pandas.DataFrame", [INTS], INDEX, INDEX, {}, True),
    "frame of code": ("pandas.DataFrame", print, INDEX, INDEX, {}, True),
    "Timestamp of code": ("pandas.Timestamp", print, None, 0),
    "constant that there is not": ("pandas.constant", "options"),
    "Arrow table of noise": ("pyarrow.Table", b"noise of some length", 1),
    "Arrow table of nothing": ("pyarrow.Table", b"", 1),
    "Arrow table with an extension type": ("pyarrow.Table", EXTENSION_STREAM, 1),
    "Arrow batch with an extension type": ("pyarrow.RecordBatch", EXTENSION_STREAM),
    "Arrow schema with an extension type": ("pyarrow.Schema", EXTENSION_STREAM),
    "Arrow table with wrong offsets": ("pyarrow.Table", stream_with_wrong_offsets(), 2),
    "Arrow batch with wrong offsets": ("pyarrow.RecordBatch", stream_with_wrong_offsets()),
    "Arrow array with wrong offsets": ("pyarrow.Array", stream_with_wrong_offsets()),
    "Arrow table of too few rows": ("pyarrow.Table", take(table_samples.ARROW_TABLE, Parcel(Side())).args[0], 9),
    "polars frame of noise": ("polars.DataFrame", b"noise"),
    "polars frame with an extension type": ("polars.DataFrame", EXTENSION_STREAM),
    "polars frame cut off": ("polars.DataFrame", take(pl.DataFrame({"a": [1]}), Parcel(Side())).args[0][:100]),
    "nothing that is known": ("pandas.eval", "1+1"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_parts_that_make_no_data_are_refused(name):
    kind, *args = HOSTILE[name]
    with pytest.raises(ValueFault):
        make_value(Parcel(OpenSide()), kind, *args)


@pytest.mark.parametrize("sample", [pl.DataFrame({"a": [1, 2], "s": ["a", None]}), pa.table({"s": ["a", "bc"]})])
def test_a_damaged_table_is_refused_or_read_but_never_worse(sample):
    parts = take(sample, Parcel(Side()))
    place, *more = parts.args
    found = collections.Counter()
    for at in range(8, len(place)):
        damaged = place[:at] + bytes([place[at] ^ 0xFF]) + place[at + 1 :]
        try:
            repr(make_value(Parcel(Side()), parts.kind, damaged, *more))
            found["read"] += 1
        except ValueFault:
            found["refused"] += 1
    assert found["refused"] > 100


# -- other versions, and libraries that are missing ----------------------------------------------------


def test_a_type_of_text_that_is_unknown_here_becomes_its_nearest():
    got = make_value(Parcel(Side()), "pandas.text", "of the future", True, ["a", None])
    assert got.dtype == pd.StringDtype("python", na_value=np.nan)


def test_a_frequency_that_its_short_name_does_not_tell_is_left_out(codec):
    workdays = pd.offsets.CustomBusinessDay(weekmask="Mon Tue")
    sent = pd.date_range("2024-01-01", periods=3, freq=workdays)
    got = there_and_back(codec, sent)
    assert got.equals(sent)
    assert got.freq is None


def test_a_frequency_that_this_pandas_does_not_know_is_left_out():
    got = make_value(Parcel(Side()), "pandas.Index", np.array([0, 1], "M8[D]").astype("M8[s]"), None, "no such")
    assert got.freq is None


@pytest.mark.parametrize(
    ("library", "family"),
    [("numpy", "arrays"), ("pandas", "pandas_tables"), ("pyarrow", "arrow_tables"), ("polars", "polars_tables")],
)
def test_a_missing_library_is_named(monkeypatch, library, family):
    monkeypatch.delitem(sys.modules, f"rproxy_endpoint.protocol.{family}")
    monkeypatch.setitem(sys.modules, library, None)  # as Python itself marks what cannot be imported
    with pytest.raises(ValueFault, match=f"needs {library} on both sides"):
        importlib.import_module(f"rproxy_endpoint.protocol.{family}")
