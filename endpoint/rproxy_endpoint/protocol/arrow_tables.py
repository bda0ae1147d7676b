"""pyarrow tables, record batches, arrays, chunked arrays and schemas, as Arrow's own streams.

Rules: a stream whose schema names an extension type is neither sent nor read: what such a type is made of is
for registered code to say, which the bytes could then choose. What is read is validated in full, because
Arrow itself trusts the offsets that a stream tells. A table keeps its chunks (empty ones
excepted, if all are) and its metadata; a slice travels without the rest of its memory.
"""

from typing import Any, Optional

from .errors import ValueFault
from .values import MAKE, TAKE, Parcel, Taken, register, taken

try:
    import pyarrow
    import pyarrow.ipc
except ImportError as error:
    raise ValueFault("a pyarrow value needs pyarrow on both sides; it is missing on this one (%s)" % error)

EXTENSION = b"ARROW:extension:name"
#: The name of the only column of a table that carries an array.
COLUMN = ""


def has_extension(schema: Any) -> bool:
    """Whether a schema holds a type that is not Arrow's own, at any depth."""
    return EXTENSION in schema.serialize().to_pybytes()


def check_stream(memory: Any) -> None:
    """Raises ValueFault if the schema that opens a stream names an extension type."""
    view = memoryview(memory).cast("B")
    if bytes(view[:4]) != b"\xff\xff\xff\xff":
        raise ValueFault("not an Arrow stream")
    size = int.from_bytes(view[4:8], "little")
    if EXTENSION in bytes(view[8 : 8 + size]):
        raise ValueFault("the stream holds an extension type, which is not rebuilt")


def write_stream(schema: Any, write: Any, parcel: Parcel) -> Any:
    sink = pyarrow.BufferOutputStream()
    writer = pyarrow.ipc.new_stream(sink, schema)
    write(writer)
    writer.close()
    return parcel.put(memoryview(sink.getvalue()))


def take_table(obj: Any, parcel: Parcel) -> Optional[Taken]:
    if has_extension(obj.schema):
        return None
    place = write_stream(obj.schema, lambda writer: writer.write_table(obj), parcel)
    return taken("pyarrow.Table", place, obj.num_rows)


def make_table(parcel: Parcel, place: Any, rows: Any) -> Any:
    memory = parcel.get(place)
    check_stream(memory)
    with pyarrow.ipc.open_stream(pyarrow.py_buffer(memory)) as reader:
        table = reader.read_all()
    table.validate(full=True)
    if table.num_rows != rows:
        raise ValueFault("a table of %d rows came instead of one of %r" % (table.num_rows, rows))
    return table


def take_batch(obj: Any, parcel: Parcel) -> Optional[Taken]:
    if has_extension(obj.schema):
        return None
    return taken("pyarrow.RecordBatch", write_stream(obj.schema, lambda writer: writer.write_batch(obj), parcel))


def make_batch(parcel: Parcel, place: Any) -> Any:
    memory = parcel.get(place)
    check_stream(memory)
    with pyarrow.ipc.open_stream(pyarrow.py_buffer(memory)) as reader:
        batch = reader.read_next_batch()
    batch.validate(full=True)
    return batch


def take_array(obj: Any, parcel: Parcel) -> Optional[Taken]:
    batch = pyarrow.RecordBatch.from_arrays([obj], schema=pyarrow.schema([pyarrow.field(COLUMN, obj.type)]))
    parts = take_batch(batch, parcel)
    return None if parts is None else taken("pyarrow.Array", *parts.args)


def take_chunked(obj: Any, parcel: Parcel) -> Optional[Taken]:
    table = pyarrow.Table.from_arrays([obj], schema=pyarrow.schema([pyarrow.field(COLUMN, obj.type)]))
    parts = take_table(table, parcel)
    return None if parts is None else taken("pyarrow.ChunkedArray", *parts.args)


def make_chunked(parcel: Parcel, place: Any, rows: Any) -> Any:
    return make_table(parcel, place, rows).column(0)


def take_schema(obj: Any, parcel: Parcel) -> Optional[Taken]:
    if has_extension(obj):
        return None
    return taken("pyarrow.Schema", parcel.put(memoryview(obj.serialize())))


def make_schema(parcel: Parcel, place: Any) -> Any:
    memory = parcel.get(place)
    check_stream(memory)
    return pyarrow.ipc.read_schema(pyarrow.py_buffer(memory))


def _kinds_of(cls: Any) -> Any:
    """A class and all that are made from it."""
    yield cls
    for below in cls.__subclasses__():
        yield from _kinds_of(below)


def _register() -> None:
    register(pyarrow.Table, "pyarrow.Table", take_table, make_table)
    register(pyarrow.RecordBatch, "pyarrow.RecordBatch", take_batch, make_batch)
    register(pyarrow.ChunkedArray, "pyarrow.ChunkedArray", take_chunked, make_chunked)
    register(pyarrow.Schema, "pyarrow.Schema", take_schema, make_schema)
    for cls in _kinds_of(pyarrow.Array):
        TAKE[cls] = take_array
    MAKE["pyarrow.Array"] = lambda parcel, place: make_batch(parcel, place).column(0)


_register()
