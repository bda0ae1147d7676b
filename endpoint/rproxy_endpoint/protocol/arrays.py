"""numpy arrays, scalars and dtypes.

An array travels as its dtype, its shape, its memory order and one buffer, which the other side uses as the
array's memory without a copy. Arrays that hold objects travel as a list of values, each by its own rules.
A dtype travels as plain data (its ``.str``, or names, formats, offsets, titles and size), never as a
pickle of numpy's: the state of a pickled dtype can be made to lie about what its memory holds.
"""

from typing import Any, Optional

from .errors import ValueFault
from .values import MAKE, TAKE, Parcel, Taken, register, taken

try:
    import numpy
except ImportError as error:
    raise ValueFault("a numpy value needs numpy on both sides; it is missing on this one (%s)" % error)


def dtype_parts(dtype: Any) -> Any:
    """A dtype as plain data, or None if it is of no kind that this knows."""
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        parts = dtype_parts(base)
        return None if parts is None else ("sub", parts, tuple(shape))
    if dtype.names is not None:
        if dtype.type is not numpy.void:
            return None  # numpy.record and its like: their elements are of a class of their own
        fields = [dtype.fields[name] for name in dtype.names]
        formats = [dtype_parts(field[0]) for field in fields]
        if None in formats:
            return None
        titles = [field[2] if len(field) > 2 else None for field in fields]
        return (
            "fields", list(dtype.names), formats, [field[1] for field in fields], titles,
            dtype.itemsize, bool(dtype.isalignedstruct),
        )
    if dtype.kind not in "biufcmMOSUV" or dtype.isbuiltin == 2:
        return None
    # `long long` is a type of its own, even where it is as long as `long`, which ``.str`` means.
    return dtype.char if dtype.char in "qQ" and dtype.isnative else dtype.str


def dtype_from(parts: Any) -> Any:
    if isinstance(parts, str):
        return numpy.dtype(parts)
    if parts[0] == "sub":
        return numpy.dtype((dtype_from(parts[1]), tuple(parts[2])))
    _, names, formats, offsets, titles, itemsize, aligned = parts
    fields = {
        "names": names, "formats": [dtype_from(part) for part in formats],
        "offsets": offsets, "itemsize": itemsize,
    }
    if any(title is not None for title in titles):
        fields["titles"] = titles
    return numpy.dtype(fields, align=aligned)


def take_array(obj: Any, parcel: Parcel) -> Optional[Taken]:
    parts = dtype_parts(obj.dtype)
    if parts is None:
        return None
    fortran = obj.flags.f_contiguous and not obj.flags.c_contiguous
    order = "F" if fortran else "C"
    if obj.dtype.hasobject:
        items = obj.ravel(order=order).tolist()
        return taken("numpy.objects", parts, obj.shape, order, items, obj.flags.writeable)
    if obj.dtype.itemsize == 0 or obj.size == 0:
        return taken("numpy.array", parts, obj.shape, order, b"", obj.flags.writeable)
    flat = numpy.ascontiguousarray(obj.T if fortran else obj)
    place = parcel.put(memoryview(flat.reshape(-1).view(numpy.uint8)))
    return taken("numpy.array", parts, obj.shape, order, place, obj.flags.writeable)


def make_array(parcel: Parcel, parts: Any, shape: Any, order: str, place: Any, writeable: bool) -> Any:
    dtype = dtype_from(parts)
    if dtype.hasobject:
        raise ValueFault("an array of objects has no memory to send")
    # Not `frombuffer`, which has no types without a size, and not `reshape`, which guesses at what is negative.
    array = numpy.ndarray(shape, dtype, parcel.get(place), order=order)
    array.flags.writeable = writeable
    return array


def make_objects(parcel: Parcel, parts: Any, shape: Any, order: str, items: Any, writeable: bool) -> Any:
    dtype = dtype_from(parts)
    flat = numpy.empty(len(items), dtype)
    for index, item in enumerate(items):
        flat[index] = tuple(item) if dtype.names else item
    array = flat.reshape(shape, order=order)
    array.flags.writeable = writeable
    return array


def take_scalar(obj: Any, parcel: Parcel) -> Optional[Taken]:
    array = numpy.asarray(obj)
    parts = dtype_parts(array.dtype)
    if parts is None or array.dtype.hasobject or type(array[()]) is not type(obj):
        return None
    return taken("numpy.scalar", parts, array.tobytes())


def make_scalar(parcel: Parcel, parts: Any, memory: bytes) -> Any:
    dtype = dtype_from(parts)
    if not dtype.itemsize:
        return numpy.ndarray((), dtype)[()]
    return numpy.frombuffer(bytearray(memory), dtype, count=1)[0]


def take_text(obj: Any, parcel: Parcel) -> Taken:
    """numpy's str and bytes as Python's: an array would cut off what follows the last character that is not NUL."""
    return taken("numpy.text", "".join([obj]) if isinstance(obj, str) else bytes(obj))


def make_text(parcel: Parcel, text: Any) -> Any:
    if type(text) not in (str, bytes):
        raise ValueFault("not text: %.80r" % (text,))
    return numpy.str_(text) if type(text) is str else numpy.bytes_(text)


def take_dtype(obj: Any, parcel: Parcel) -> Optional[Taken]:
    parts = dtype_parts(obj)
    return None if parts is None else taken("numpy.dtype", parts)


def _register() -> None:
    register(numpy.ndarray, "numpy.array", take_array, make_array)
    register(numpy.memmap, "numpy.array", take_array, make_array)
    MAKE["numpy.objects"] = make_objects
    MAKE["numpy.scalar"] = make_scalar
    MAKE["numpy.dtype"] = lambda parcel, parts: dtype_from(parts)
    scalars = {numpy.dtype(code).type for code in "?bhilqpBHILQPefdgFDGSUVmM"}
    for cls in scalars:
        TAKE[cls] = take_scalar
    register(numpy.str_, "numpy.text", take_text, make_text)
    register(numpy.bytes_, "numpy.text", take_text, make_text)
    for code in "?bhilqpBHILQPefdgFDGOSUVmM":  # since 1.20 each dtype has a class of its own
        TAKE[type(numpy.dtype(code))] = take_dtype


_register()
