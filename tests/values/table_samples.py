"""The frames, series, indexes and tables that the tests send."""

import datetime
import decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

BERLIN = "Europe/Berlin"
DAYS = pd.date_range("2024-03-30", periods=3, name="day")
LOCAL_DAYS = pd.date_range("2024-03-30", periods=3, tz=BERLIN)
LEVELS = pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["letter", None])

COLUMNS: dict[str, Any] = {
    "ints": [1, 2, 3],
    "small ints": np.array([1, 2, 3], "i1"),
    "floats": [1.5, np.nan, -0.0],
    "complex": [1j, 2, 3],
    "flags": [True, False, True],
    "objects": np.array([1, "a", None], object),
    "object text": pd.Series(["a", None, "c"], dtype=object),
    "text": ["a", None, "ß☃"],
    "nullable text": pd.array(["a", None, "c"], dtype="string"),
    "nullable text of Python": pd.array(["a", None, "\ud800"], dtype="string[python]"),
    "text of Python": pd.array(["a", np.nan, "c"], dtype=pd.StringDtype("python", na_value=np.nan)),
    "nullable ints": pd.array([1, None, 2**62 + 1], dtype="Int64"),
    "nullable small ints": pd.array([1, None, 255], dtype="UInt8"),
    "nullable floats": pd.array([1.5, None, 2.5], dtype="Float32"),
    "nullable flags": pd.array([True, None, False], dtype="boolean"),
    "moments": DAYS,
    "moments in ns": pd.array(np.array([1, 2, "NaT"], "M8[ns]")),
    "moments in s": pd.array(np.array([1, 2, "NaT"], "M8[s]")),
    "local moments": LOCAL_DAYS,
    "moments of UTC": pd.to_datetime([1, None, 3], utc=True),
    "moments of a fixed offset": pd.to_datetime(["2024-01-01T00:00+05:30"] * 3),
    "lengths": pd.to_timedelta([1, None, 3], unit="h"),
    "categories": pd.Categorical(["a", None, "b"], categories=["b", "a", "unused"]),
    "ordered categories": pd.Categorical([3, 1, 2], categories=[3, 2, 1], ordered=True),
    "categories of days": pd.Categorical(DAYS),
    "Arrow ints": pd.array([1, None, 3], dtype="int64[pyarrow]"),
    "Arrow text": pd.array(["a", None, "c"], dtype=pd.ArrowDtype(pa.large_string())),
}

INDEXES: dict[str, Any] = {
    "RangeIndex": pd.RangeIndex(10, 0, -3, name="r"),
    "Index of ints": pd.Index([3, 1, 2], name=("a", 1)),
    "Index of small floats": pd.Index([1.5, np.nan], dtype="f4"),
    "Index of flags": pd.Index([True, False]),
    "Index of objects": pd.Index([1, "a", None, (1, 2)], dtype=object),
    "Index of tuples": pd.Index([(1, 2), (3, 4)], tupleize_cols=False),
    "Index of text": pd.Index(["a", "b"], name="text"),
    "Index of nullable ints": pd.Index(pd.array([1, None], dtype="Int64")),
    "empty Index": pd.Index([]),
    "DatetimeIndex": DAYS,
    "DatetimeIndex without a frequency": pd.DatetimeIndex(["2024-01-01", "2024-01-05", None]),
    "DatetimeIndex in a zone": LOCAL_DAYS,
    "DatetimeIndex over the end of summer": pd.date_range("2024-10-26 22:30", periods=5, freq="h", tz=BERLIN),
    "DatetimeIndex by months": pd.date_range("2024-01-31", periods=3, freq="ME"),
    "DatetimeIndex by every second Tuesday": pd.date_range("2024-01-31", periods=3, freq="2W-TUE"),
    "TimedeltaIndex": pd.timedelta_range("1 day", periods=3, name="t"),
    "MultiIndex": LEVELS,
    "MultiIndex with holes": pd.MultiIndex.from_tuples([("a", 1), (None, 2), ("b", None)], names=["x", "x"]),
    "MultiIndex with days": pd.MultiIndex.from_product([DAYS, ["a"]]),
    "sorted MultiIndex": LEVELS.sortlevel()[0],
    "empty MultiIndex": LEVELS[:0],
    "CategoricalIndex": pd.CategoricalIndex(["a", "b", "a"], ordered=True, name="c"),
}


def with_attrs() -> pd.DataFrame:
    made = pd.DataFrame({"a": [1]})
    made.attrs = {"unit": "m", "nested": {"list": [1, (2,)]}}
    return made


def named_series() -> pd.Series:
    made = pd.Series([1.5, 2.5], index=pd.Index(["x", "y"], name="i"), name=("a", 1))
    made.attrs["source"] = "sensor"
    return made


FRAMES: dict[str, Any] = {
    "frame of every type": pd.DataFrame(COLUMNS),
    "frame of one type": pd.DataFrame(np.arange(6.0).reshape(3, 2), columns=["a", "b"]),
    "frame of ints by columns": pd.DataFrame({"a": [1, 2], "b": [3, 4]}),
    "frame of objects": pd.DataFrame({"a": ["x", 1], "b": [None, [1]]}, dtype=object),
    "frame of text": pd.DataFrame({"a": ["x", "y"], "b": ["z", None]}),
    "frame of moments": pd.DataFrame({"a": DAYS, "b": DAYS[::-1]}),
    "frame of moments of two units": pd.DataFrame({"a": DAYS.as_unit("s"), "b": DAYS.as_unit("ns")}),
    "large frame": pd.DataFrame(np.arange(100_000.0).reshape(-1, 10)),
    "empty frame": pd.DataFrame(),
    "frame without rows": pd.DataFrame({"a": pd.array([], dtype="Int8"), "b": np.array([], "f4")}),
    "frame without columns": pd.DataFrame(index=DAYS),
    "frame with columns but no type": pd.DataFrame(columns=["a", "b"]),
    "frame with equal names of columns": pd.DataFrame([[1, "a", 2.5]], columns=["x", "x", "y"]),
    "frame of one type with equal names": pd.DataFrame([[1, 2]], columns=["x", "x"]),
    "frame with names of all sorts": pd.DataFrame([[1, "b", 3]], columns=[1, "1", (1, 2)]),
    "frame with levels of columns": pd.DataFrame(np.eye(4), index=LEVELS, columns=LEVELS),
    "frame with names of both axes": pd.DataFrame([[1]]).rename_axis("row").rename_axis("column", axis=1),
    "frame with attrs": with_attrs(),
    "frame that allows no duplicates": pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False),
    "frame over local days": pd.DataFrame({"v": [1, 2, 3]}, index=LOCAL_DAYS),
    "rows of a frame, every second": pd.DataFrame({"a": range(6), "b": list("uvwxyz")})[::2],
    "series": named_series(),
    "series without a name": pd.Series([True]),
    "empty series": pd.Series([], dtype="m8[ms]"),
    **{f"series of {name}": pd.Series(column) for name, column in COLUMNS.items()},
}

PANDAS_SCALARS: dict[str, Any] = {
    "Timestamp": pd.Timestamp("2024-02-29 12:00:00.123456789"),
    "Timestamp in s": pd.Timestamp("2024-02-29 12:00:00").as_unit("s"),
    "Timestamp in a zone": pd.Timestamp("2024-07-01", tz=BERLIN),
    "Timestamp of UTC": pd.Timestamp("2024-07-01", tz="UTC"),
    "Timestamp of a fixed offset": pd.Timestamp("2024-07-01T00:00-03:30"),
    "Timestamp in the second hour of two": pd.Timestamp("2024-10-27 01:30", tz="UTC").tz_convert(BERLIN),
    "naive Timestamp with fold": pd.Timestamp("2024-10-27 02:30").replace(fold=1),
    "Timedelta": pd.Timedelta("-1 days 3.000000001 s"),
    "Timedelta in s": pd.Timedelta("3 s").as_unit("s"),
    "NaT": pd.NaT,
    "NA": pd.NA,
    "pandas' scalars in a list": [pd.NaT, pd.NA, pd.Timestamp(0)],
}

ARRAYS = {f"array of {name}": pd.Series(column).array for name, column in COLUMNS.items() if hasattr(column, "dtype")}
ARRAYS = {name: array for name, array in ARRAYS.items() if not isinstance(array, pd.arrays.NumpyExtensionArray)}

ARROW_TABLE = pa.table(
    {
        "i": pa.array([1, None, 3], pa.int8()),
        "s": pa.array(["a", None, "ß☃"]),
        "l": pa.array([[1], None, [2, 3]]),
        "m": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int32())),
        "d": pa.array(["x", "y", "x"]).dictionary_encode(),
        "t": pa.array([datetime.datetime(2024, 1, 1)] * 3, pa.timestamp("us", BERLIN)),
        "n": pa.nulls(3),
        "dec": pa.array([decimal.Decimal("1.25")] * 3, pa.decimal128(10, 3)),
    },
    metadata={"origin": "a test", b"\xff": b"\0"},
)
CHUNKED = pa.chunked_array([[1, 2], [], [3]])

ARROW: dict[str, Any] = {
    "Arrow table": ARROW_TABLE,
    "Arrow table in chunks": pa.concat_tables([ARROW_TABLE, ARROW_TABLE]),
    "slice of an Arrow table": ARROW_TABLE.slice(1, 1),
    "Arrow table without rows": ARROW_TABLE.slice(0, 0),
    "Arrow table without columns": pa.table({}),
    "Arrow table with equal names": pa.Table.from_arrays([pa.array([1]), pa.array(["a"])], names=["x", "x"]),
    "large Arrow table": pa.table({"a": np.arange(50_000)}),
    "RecordBatch": ARROW_TABLE.to_batches()[0],
    "empty RecordBatch": pa.RecordBatch.from_arrays([pa.array([], pa.int8())], names=["a"]),
    "Arrow array": pa.array([1.5, None]),
    "Arrow array of text": pa.array(["a", None]),
    "Arrow array of structs": pa.array([{"a": 1, "b": [None]}, None]),
    "Arrow array of dictionary keys": pa.array(["a", "b", "a"]).dictionary_encode(),
    "part of an Arrow array": pa.array(range(100_000))[5:10],
    "empty Arrow array": pa.array([], pa.string()),
    "ChunkedArray": CHUNKED,
    "ChunkedArray of no chunks": pa.chunked_array([], pa.int8()),
    "Arrow schema": ARROW_TABLE.schema,
    "empty Arrow schema": pa.schema([]),
}

POLARS: dict[str, Any] = {
    "polars frame": pl.DataFrame(
        {
            "i": pl.Series([1, None], dtype=pl.Int8),
            "big": pl.Series([2**100, None], dtype=pl.Int128),
            "s": ["a", None],
            "b": [b"\xff", None],
            "c": pl.Series(["u", "v"], dtype=pl.Categorical),
            "e": pl.Series(["u", "v"], dtype=pl.Enum(["v", "u"])),
            "l": [[1], None],
            "a": pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int8, 2)),
            "st": [{"x": 1, "y": ["u"]}, {"x": 2, "y": ["z", None]}],
            "dec": pl.Series(["1.25", None]).cast(pl.Decimal(10, 3)),
            "t": pl.Series([1, None]).cast(pl.Datetime("ms", BERLIN)),
            "dur": pl.Series([1, None]).cast(pl.Duration("ns")),
            "n": [None, None],
        }
    ),
    "empty polars frame": pl.DataFrame(),
    "polars frame without rows": pl.DataFrame(schema={"a": pl.Int8, "b": pl.String}),
    "large polars frame": pl.DataFrame({"a": np.arange(50_000)}),
    "polars series": pl.Series("name", [1.5, None, float("nan")]),
    "polars series without a name": pl.Series(["a", None]),
    "empty polars series": pl.Series("e", [], dtype=pl.Date),
}

ALL = {**INDEXES, **FRAMES, **PANDAS_SCALARS, **ARRAYS, **ARROW, **POLARS}
