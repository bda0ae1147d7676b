"""What "comes back exactly" means: `assert_same(got, sent)`.

Rules: the same type, the same content to the last bit (nan is nan, -0.0 is not 0.0), the same order, and the
same shape of sharing: two places that held one object hold one object again.
"""

import decimal
import enum
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

import numpy
import pandas
import pandas.testing
import polars
import polars.testing
import pyarrow

MUTABLE = (list, dict, set, bytearray, deque, numpy.ndarray)


def assert_same(got: Any, sent: Any, met: dict[int, Any] | None = None) -> None:
    met = {} if met is None else met
    if id(sent) in met:
        if isinstance(sent, MUTABLE):
            assert got is met[id(sent)], "what was shared is so no more"
        return
    met[id(sent)] = got
    assert type(got) is type(sent), f"{type(got)} came back for {type(sent)}"
    for types, compare in COMPARISONS:
        if isinstance(sent, types):
            compare(got, sent, met)
            return
    assert got is sent or got == sent
    assert type(sent) is int or repr(got) == repr(sent)  # Python writes no int of thousands of digits
    assert getattr(got, "fold", 0) == getattr(sent, "fold", 0)


def same_items(got, sent, met):
    assert len(got) == len(sent)
    for one, other in zip(got, sent, strict=True):
        assert_same(one, other, met)


def same_sequence(got, sent, met):
    same_items(got, sent, met)
    assert getattr(got, "maxlen", None) == getattr(sent, "maxlen", None)
    for name in dir(sent):
        if name.startswith(("st_", "tm_")):  # what structseqs have beside their items
            assert_same(getattr(got, name), getattr(sent, name), met)
    if hasattr(sent, "__dict__"):
        assert vars(got) == vars(sent)


def same_mapping(got, sent, met):
    assert getattr(got, "default_factory", None) is getattr(sent, "default_factory", None)
    same_items(list(got), list(sent), met)  # in order
    same_items(list(got.values()), list(sent.values()), met)


def same_set(got, sent, met):
    assert got == sent
    assert sorted(type(item).__name__ for item in got) == sorted(type(item).__name__ for item in sent)


def same_text_of(got, sent, met):
    assert repr(got) == repr(sent)


def same_numpy_text(got, sent, met):
    assert got == sent
    assert len(got) == len(sent)  # numpy takes "a" and "a\0" for equal


def same_array(got, sent, met):
    same_dtype(got.dtype, sent.dtype, met)
    assert got.shape == sent.shape
    assert got.flags.writeable == sent.flags.writeable
    assert got.flags.aligned
    if sent.flags.c_contiguous or sent.flags.f_contiguous:
        assert (got.flags.c_contiguous, got.flags.f_contiguous) == (sent.flags.c_contiguous, sent.flags.f_contiguous)
    if sent.dtype.hasobject:
        same_items(got.ravel().tolist(), sent.ravel().tolist(), met)
    else:
        assert got.tobytes() == sent.tobytes()


def same_dtype(got, sent, met):
    assert got == sent
    assert (got.str, got.itemsize, got.names, got.isalignedstruct) == (
        sent.str, sent.itemsize, sent.names, sent.isalignedstruct
    )  # fmt: skip
    assert got.fields == sent.fields  # with offsets and titles


def same_scalar(got, sent, met):
    same_dtype(got.dtype, sent.dtype, met)
    padded = sent.dtype.char in "gG"  # a longdouble has bytes that mean nothing
    assert repr(got) == repr(sent) if padded else got.tobytes() == sent.tobytes()


def same_index(got, sent, met):
    pandas.testing.assert_index_equal(got, sent, exact=True, check_exact=True)
    assert getattr(got, "freq", None) == getattr(sent, "freq", None)
    assert str(got.dtype) == str(sent.dtype)


def same_series(got, sent, met):
    pandas.testing.assert_series_equal(got, sent, check_exact=True, check_flags=True)
    same_index(got.index, sent.index, met)
    assert got.attrs == sent.attrs


def same_frame(got, sent, met):
    pandas.testing.assert_frame_equal(got, sent, check_exact=True, check_flags=True)
    same_index(got.index, sent.index, met)
    same_index(got.columns, sent.columns, met)
    assert list(map(repr, got.dtypes)) == list(map(repr, sent.dtypes))
    assert got.attrs == sent.attrs


def same_extension_array(got, sent, met):
    pandas.testing.assert_extension_array_equal(got, sent, check_exact=True)


def same_moment(got, sent, met):
    assert got == sent
    assert (got.unit, repr(got)) == (sent.unit, repr(sent))
    assert getattr(got, "fold", 0) == getattr(sent, "fold", 0)


def same_arrow(got, sent, met):
    assert got.equals(sent)


def same_table(got, sent, met):
    assert got.equals(sent, check_metadata=True)


def same_chunks(got, sent, met):
    assert got.equals(sent)
    assert list(map(len, got.chunks)) == list(map(len, sent.chunks))


def same_arrow_schema(got, sent, met):
    assert got.equals(sent, check_metadata=True)


COMPARISONS = [
    (enum.Enum, lambda got, sent, met: same_text_of(got.value, sent.value, met)),
    ((numpy.str_, numpy.bytes_), same_numpy_text),
    (numpy.generic, same_scalar),
    ((float, complex, decimal.Decimal), same_text_of),
    ((pandas.Timestamp, pandas.Timedelta), same_moment),
    ((list, tuple, deque), same_sequence),
    ((dict, OrderedDict, defaultdict, Counter), same_mapping),
    ((set, frozenset), same_set),
    (numpy.ndarray, same_array),
    (numpy.dtype, same_dtype),
    (pandas.Index, same_index),
    (pandas.Series, same_series),
    (pandas.DataFrame, same_frame),
    (pandas.api.extensions.ExtensionArray, same_extension_array),
    ((pyarrow.Schema, pyarrow.Field), same_arrow_schema),
    ((pyarrow.Table, pyarrow.RecordBatch), same_table),
    (pyarrow.ChunkedArray, same_chunks),
    (pyarrow.Array, same_arrow),
    (polars.DataFrame, lambda got, sent, met: polars.testing.assert_frame_equal(got, sent, check_exact=True)),
    (polars.Series, lambda got, sent, met: polars.testing.assert_series_equal(got, sent, check_exact=True)),
]
