"""pandas frames, series, indexes, the arrays that they are made of, and pandas' scalars.

Rules: nothing travels as a pickle of pandas, but as names, numpy arrays and values, from which the other
side's pandas, whatever its version, makes its own. A column or an index of a type that is not known here
(periods, intervals, sparse, third parties') leaves the whole object where it is. What comes back may be
written to.

Two versions of pandas differ in what they have. A type of text that this side lacks becomes its nearest (the
same in Python's memory, else objects), a unit of time that it lacks becomes nanoseconds, a time zone is made
by the library that this side's pandas uses, and a frequency of an index that this side does not know, or
that its short name does not tell in full, is left out; types without a nearest (nullable floats before 1.2,
Arrow's before 1.5) are refused. Between equal versions all of it comes back exactly, but for such frequencies.
"""

import datetime
from typing import Any, Dict, Iterable, List, Optional

from . import arrays
from .errors import ValueFault
from .values import MAKE, TAKE, Parcel, Taken, register, taken

try:
    import numpy
    import pandas
except ImportError as error:
    raise ValueFault("a pandas value needs pandas on both sides; it is missing on this one (%s)" % error)


def existing(*names: str) -> List[Any]:
    """Those of the classes of arrays that this version of pandas has."""
    return [getattr(pandas.arrays, name) for name in names if hasattr(pandas.arrays, name)]


#: Kind of the data: the array that has a mask beside it.
MASKED = {"i": "IntegerArray", "u": "IntegerArray", "b": "BooleanArray", "f": "FloatingArray"}


def data_of(obj: Any) -> Any:
    """The values of a series or an index: a numpy array, or pandas' own where numpy has no such type."""
    return obj.to_numpy() if isinstance(obj.dtype, numpy.dtype) else obj.array


def travels(obj: Any) -> bool:
    """Whether an index or an array is of a type that is known here, through and through."""
    if type(obj) not in TAKE:
        return False
    if isinstance(obj, numpy.ndarray):
        return arrays.dtype_parts(obj.dtype) is not None
    if isinstance(obj, pandas.MultiIndex):
        return all(map(travels, obj.levels))
    if isinstance(obj, pandas.RangeIndex):
        return True
    if isinstance(obj, pandas.Index):
        return travels(data_of(obj))
    if isinstance(obj, pandas.Categorical):
        return travels(obj.categories)
    if isinstance(obj, pandas.arrays.DatetimeArray):
        return obj.tz is None or zone_parts(obj.tz) is not None
    return TAKE[type(obj)] is not take_arrow or not has_extension(obj)


def writable(array: Any) -> Any:
    """A numpy array that came; pandas hands out its own as read-only, but what it holds is not."""
    if type(array) is not numpy.ndarray:
        raise ValueFault("not an array: %.80r" % (array,))
    array.flags.writeable = True
    return array


def column(data: Any) -> Any:
    """What pandas makes something from; for objects it is told not to look for a better type."""
    if isinstance(data, pandas.api.extensions.ExtensionArray):
        return {"data": data}
    return {"data": writable(data), "dtype": object if data.dtype.hasobject else None}


# -- time zones ----------------------------------------------------------------------------------------


def zone_parts(zone: Any) -> Any:
    """A time zone as data: one of a fixed offset, or the name of one, or None if it has none."""
    if type(zone) is datetime.timezone:
        return zone
    if type(zone).__module__.partition(".")[0] in ("zoneinfo", "pytz"):
        return getattr(zone, "key", None) or getattr(zone, "zone", None)
    return None


def zone_from(parts: Any) -> Any:
    if type(parts) is datetime.timezone:
        return parts
    if type(parts) is not str or parts.startswith("dateutil"):  # which would read any file
        raise ValueFault("not the name of a time zone: %.80r" % (parts,))
    return pandas.DatetimeTZDtype("ns", parts).tz


def place_in_zone(moments: Any, parts: Any) -> Any:
    """A Timestamp or a DatetimeIndex of UTC in the zone that is meant; None means none."""
    return moments if parts is None else moments.tz_localize("UTC").tz_convert(zone_from(parts))


# -- the arrays of columns -----------------------------------------------------------------------------


def take_times(obj: Any, parcel: Parcel) -> Optional[Taken]:
    if not travels(obj):
        return None
    zone = getattr(obj, "tz", None)
    code = "m8[%s]" if isinstance(obj, pandas.arrays.TimedeltaArray) else "M8[%s]"
    unit = getattr(obj, "unit", "ns")  # pandas 2 and newer have others
    return taken("pandas.times", obj.asi8.view(code % unit), None if zone is None else zone_parts(zone))


def make_times(parcel: Parcel, moments: Any, zone: Any) -> Any:
    return place_in_zone(pandas.Index(writable(moments)), zone).array.copy()  # an index's own is read-only


def take_categorical(obj: Any, parcel: Parcel) -> Optional[Taken]:
    if not travels(obj):
        return None
    return taken("pandas.Categorical", numpy.asarray(obj.codes), obj.categories, obj.ordered)


def make_categorical(parcel: Parcel, codes: Any, categories: Any, ordered: Any) -> Any:
    return pandas.Categorical.from_codes(writable(codes), dtype=pandas.CategoricalDtype(categories, ordered))


def take_masked(obj: Any, parcel: Parcel) -> Optional[Taken]:
    return taken("pandas.masked", obj.to_numpy(dtype=obj.dtype.numpy_dtype, na_value=0), obj.isna())


def make_masked(parcel: Parcel, data: Any, mask: Any) -> Any:
    if data.shape != mask.shape:
        raise ValueFault("a mask of another shape than its data")
    return getattr(pandas.arrays, MASKED[data.dtype.kind])(writable(data), writable(mask))


def take_text(obj: Any, parcel: Parcel) -> Optional[Taken]:
    missing = obj.dtype.na_value
    items = obj.to_numpy(dtype=object, na_value=None).tolist()
    return taken("pandas.text", getattr(obj.dtype, "storage", "python"), missing is not pandas.NA, items)


def make_text(parcel: Parcel, storage: Any, nan: bool, items: Any) -> Any:
    missing = {"na_value": numpy.nan} if nan else {}
    wishes: Iterable[Any] = (dict(missing, storage=storage), dict(missing, storage="python"), missing)
    return pandas.array(items, dtype=next(filter(None, map(_text_dtype, wishes)), numpy.dtype(object)))


def _text_dtype(options: Dict[str, Any]) -> Any:
    try:
        return pandas.StringDtype(**options)
    except (TypeError, ValueError, ImportError):
        return None  # this pandas is older, or has no pyarrow


def has_extension(obj: Any) -> bool:
    import pyarrow  # only this type of array needs it

    from . import arrow_tables

    return arrow_tables.has_extension(pyarrow.schema([("", obj.__arrow_array__().type)]))


def take_arrow(obj: Any, parcel: Parcel) -> Optional[Taken]:
    return taken("pandas.arrow", obj.__arrow_array__()) if travels(obj) else None


def make_arrow(parcel: Parcel, chunks: Any) -> Any:
    return pandas.arrays.ArrowExtensionArray(chunks)


# -- indexes -------------------------------------------------------------------------------------------


def take_index(obj: Any, parcel: Parcel) -> Optional[Taken]:
    if not travels(obj):
        return None
    frequency = getattr(obj, "freq", None)
    if frequency is not None:
        short = frequency.freqstr
        frequency = short if _frequency(short) == frequency else None
    return taken("pandas.Index", data_of(obj), obj.name, frequency)


def make_index(parcel: Parcel, data: Any, name: Any, frequency: Any) -> Any:
    made = pandas.Index(name=name, tupleize_cols=False, **column(data))
    if frequency is not None:
        made.freq = _frequency(str(frequency))
    return made


def _frequency(short: str) -> Any:
    """The frequency of a short name, or None if this pandas knows none of that name."""
    try:
        return pandas.tseries.frequencies.to_offset(short)
    except ValueError:
        return None


def take_multi(obj: Any, parcel: Parcel) -> Optional[Taken]:
    if not travels(obj):
        return None
    codes = [numpy.asarray(code) for code in obj.codes]
    return taken("pandas.MultiIndex", list(obj.levels), codes, list(obj.names), obj.sortorder)


def make_multi(parcel: Parcel, levels: Any, codes: Any, names: Any, order: Any) -> Any:
    return pandas.MultiIndex(levels, codes, names=names, sortorder=order)


# -- series and frames ---------------------------------------------------------------------------------


def allows_duplicates(obj: Any) -> bool:
    return getattr(getattr(obj, "flags", None), "allows_duplicate_labels", True)


def finish(made: Any, attrs: Any, duplicates: bool) -> Any:
    made.attrs.update(attrs)
    if not duplicates and hasattr(made, "flags"):  # pandas 1.2 and newer
        made.flags.allows_duplicate_labels = False
    return made


def take_series(obj: Any, parcel: Parcel) -> Optional[Taken]:
    data = data_of(obj)
    if not (travels(data) and travels(obj.index)):
        return None
    return taken("pandas.Series", data, obj.index, obj.name, dict(obj.attrs), allows_duplicates(obj))


def make_series(parcel: Parcel, data: Any, index: Any, name: Any, attrs: Any, duplicates: bool) -> Any:
    made = pandas.Series(index=index, name=name, copy=False, **column(data))
    return finish(made, attrs, duplicates)


def take_frame(obj: Any, parcel: Parcel) -> Optional[Taken]:
    """Columns of one numpy type travel as one array, others one by one."""
    dtypes = set(obj.dtypes)
    if len(dtypes) == 1 and isinstance(next(iter(dtypes)), numpy.dtype):
        data, parts = obj.to_numpy(), [obj.to_numpy()]
    else:
        data = parts = [data_of(obj.iloc[:, place]) for place in range(obj.shape[1])]
    if not all(map(travels, parts + [obj.index, obj.columns])):
        return None
    return taken("pandas.DataFrame", data, obj.index, obj.columns, dict(obj.attrs), allows_duplicates(obj))


def make_frame(parcel: Parcel, data: Any, index: Any, columns: Any, attrs: Any, duplicates: bool) -> Any:
    if isinstance(data, list):
        series = {place: pandas.Series(index=index, copy=False, **column(part)) for place, part in enumerate(data)}
        made = pandas.DataFrame(series, index=index)
        made.columns = columns
    else:
        made = pandas.DataFrame(index=index, columns=columns, copy=False, **column(data))
    return finish(made, attrs, duplicates)


# -- scalars -------------------------------------------------------------------------------------------


def take_timestamp(obj: Any, parcel: Parcel) -> Optional[Taken]:
    zone = None if obj.tz is None else zone_parts(obj.tz)
    if zone is None and obj.tz is not None:
        return None
    return taken("pandas.Timestamp", obj.asm8, zone, obj.fold)


def make_timestamp(parcel: Parcel, moment: Any, zone: Any, fold: Any) -> Any:
    made = place_in_zone(pandas.Timestamp(moment), zone)
    return made if made.fold == fold else made.replace(fold=fold)


def _register() -> None:
    register(pandas.DataFrame, "pandas.DataFrame", take_frame, make_frame)
    register(pandas.Series, "pandas.Series", take_series, make_series)
    register(pandas.MultiIndex, "pandas.MultiIndex", take_multi, make_multi)
    register(
        pandas.RangeIndex, "pandas.RangeIndex",
        lambda o, p: taken("pandas.RangeIndex", o.start, o.stop, o.step, o.name),
        lambda p, start, stop, step, name: pandas.RangeIndex(start, stop, step, name=name),
    )
    # pandas 1 has classes of their own for indexes of numbers.
    plain = {type(pandas.Index([], dtype=dtype)) for dtype in ("O", "i8", "u8", "f8")}
    for cls in plain | {pandas.DatetimeIndex, pandas.TimedeltaIndex, pandas.CategoricalIndex}:
        register(cls, "pandas.Index", take_index, make_index)
    register(pandas.Categorical, "pandas.Categorical", take_categorical, make_categorical)
    for cls in (pandas.arrays.DatetimeArray, pandas.arrays.TimedeltaArray):
        register(cls, "pandas.times", take_times, make_times)
    for cls in existing(*set(MASKED.values())):
        register(cls, "pandas.masked", take_masked, make_masked)
    for cls in existing("StringArray", "ArrowStringArray"):
        register(cls, "pandas.text", take_text, make_text)
    for cls in existing("ArrowExtensionArray"):
        TAKE[cls] = take_arrow
    MAKE["pandas.arrow"] = make_arrow
    register(pandas.Timestamp, "pandas.Timestamp", take_timestamp, make_timestamp)
    register(
        pandas.Timedelta, "pandas.Timedelta", lambda o, p: taken("pandas.Timedelta", o.asm8),
        lambda p, length: pandas.Timedelta(length),
    )
    TAKE[type(pandas.NaT)] = lambda o, p: taken("pandas.constant", "NaT")
    TAKE[type(pandas.NA)] = lambda o, p: taken("pandas.constant", "NA")
    MAKE["pandas.constant"] = lambda parcel, name: {"NaT": pandas.NaT, "NA": pandas.NA}[name]


_register()
