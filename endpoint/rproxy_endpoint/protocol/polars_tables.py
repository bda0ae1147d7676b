"""polars frames and series, as polars' own streams.

Rules: a frame with a column of Python objects, or of an extension type, is neither sent nor read: polars
would write the objects' addresses, and ask registered code what such a type is.
"""

import io
from typing import Any, Optional

from .errors import ValueFault
from .values import Parcel, Taken, register, taken

try:
    import polars
except ImportError as error:
    raise ValueFault("a polars value needs polars on both sides; it is missing on this one (%s)" % error)

EXTENSION = b"ARROW:extension:name"


def has_objects(dtype: Any) -> bool:
    """Whether a type holds Python objects, at any depth."""
    if dtype == polars.Object:
        return True
    inner = [getattr(dtype, "inner", None)] + [field.dtype for field in getattr(dtype, "fields", ())]
    return any(has_objects(one) for one in inner if one is not None)


def has_extension(memory: Any) -> bool:
    """Whether the schema that opens a stream names an extension type. Raises ValueFault if it is no stream."""
    view = memoryview(memory)
    if bytes(view[:4]) != b"\xff\xff\xff\xff":
        raise ValueFault("not a stream of polars")
    size = int.from_bytes(view[4:8], "little")
    return EXTENSION in bytes(view[8 : 8 + size])


def take_frame(obj: Any, parcel: Parcel) -> Optional[Taken]:
    if any(map(has_objects, obj.dtypes)):
        return None
    stream = io.BytesIO()
    obj.write_ipc_stream(stream)
    memory = stream.getbuffer()
    return None if has_extension(memory) else taken("polars.DataFrame", parcel.put(memory))


def make_frame(parcel: Parcel, place: Any) -> Any:
    memory = parcel.get(place)
    if has_extension(memory):
        raise ValueFault("the stream holds an extension type, which is not rebuilt")
    try:
        return polars.read_ipc_stream(io.BytesIO(memory))
    except BaseException as error:  # the panics that damaged bytes give are no Exceptions
        panic = type(error).__name__ == "PanicException"
        raise ValueFault("the stream of polars is damaged: %s" % error) if panic else error


def take_series(obj: Any, parcel: Parcel) -> Optional[Taken]:
    parts = take_frame(obj.to_frame(), parcel)
    return None if parts is None else taken("polars.Series", *parts.args)


register(polars.DataFrame, "polars.DataFrame", take_frame, make_frame)
register(polars.Series, "polars.Series", take_series, lambda p, place: make_frame(p, place).to_series())
