"""The arrays, scalars and dtypes that the tests send."""

from typing import Any

import numpy as np

NESTED = np.dtype([("n", "i4"), ("p", [("x", ">f8"), ("y", "S3")]), ("grid", "u2", (2, 3))])
ALIGNED = np.dtype([("a", "u1"), ("b", "f8"), ("c", "u1")], align=True)
TITLED = np.dtype({"names": ["a", "b"], "formats": ["i2", "f4"], "titles": ["the first", None]})
GAPS = np.dtype({"names": ["b", "a"], "formats": ["i2", "i2"], "offsets": [6, 1], "itemsize": 12})
OVERLAPPING = np.dtype({"names": ["all", "low"], "formats": ["u4", "u2"], "offsets": [0, 0]})
WITH_OBJECTS = np.dtype([("id", "i4"), ("what", "O"), ("inner", [("o", "O"), ("f", "f4", (2,))])])


def filled(dtype: Any, count: int = 3) -> np.ndarray:
    """An array with every byte set, so that nothing is equal by chance."""
    dtype = np.dtype(dtype)
    return np.frombuffer(bytearray(i % 251 for i in range(count * dtype.itemsize)), dtype)


def objects() -> np.ndarray:
    made = np.empty((2, 3), object)
    shared = [1]
    made[0] = [shared, None, "a"]
    made[1] = [shared, {"k": (1, 2)}, np.float32(1.5)]
    made[0, 1] = np.arange(3)
    return made


def object_of_zero_dimensions() -> np.ndarray:
    made = np.empty((), object)
    made[()] = [1, 2]
    return made


def structured_objects() -> np.ndarray:
    made = np.zeros(2, WITH_OBJECTS)
    made[0] = (7, ["list"], ({"d": 1}, [1.5, 2.5]))
    return made


def read_only() -> np.ndarray:
    made = np.arange(5)
    made.flags.writeable = False
    return made


def read_only_objects() -> np.ndarray:
    made = objects()
    made.flags.writeable = False
    return made


def nans() -> np.ndarray:
    return np.array([np.nan, -np.nan, np.inf, -0.0, 0.0])


CUBE = np.arange(24, dtype="i2").reshape(2, 3, 4)

ARRAYS: dict[str, Any] = {
    **{f"array of {code}": np.array([0, 1, 1]).astype(code) for code in "? b h i l q B H I L Q e f d g F D G".split()},
    "array of nan and -0.0": nans(),
    "array of text": np.array(["a", "ß☃𝄞", ""]),
    "array of bytes": np.array([b"a", b"\xff\0x", b""]),
    "array of raw memory": filled("V5"),
    "array of dates": np.array(["2024-02-29", "NaT"], "M8[D]"),
    "array of moments": np.array([0, 2**62], "M8[ns]"),
    "array of moments by 25 s": np.array([0, 4], "M8[25s]"),
    "array of lengths": np.array([5, -7], "m8[us]"),
    "big-endian array": np.arange(5, dtype=">i4"),
    "big-endian text": np.array(["abc"], ">U4"),
    "empty array": np.array([]),
    "empty array of two dimensions": np.empty((0, 3), "i4"),
    "empty array with a long side": np.empty((10**9, 0), "u1"),
    "array of no dimensions": np.array(3.5),
    "array of no dimensions of text": np.array("a"),
    "array of 32 dimensions": np.ones((1,) * 32),
    "Fortran-ordered array": np.asfortranarray(CUBE),
    "array with the columns first": CUBE.reshape(6, 4).T,
    "every second item": np.arange(10)[::2],
    "items backwards": np.arange(10)[::-1],
    "axes in another order": CUBE.transpose(1, 0, 2),
    "one item many times": np.broadcast_to(np.int8(3), (4, 5)),
    "part of an array": CUBE[:, 1:, ::3],
    "read-only array": read_only(),
    "large array": np.arange(100_000),
    "large Fortran-ordered array": np.asfortranarray(np.arange(60_000.0).reshape(200, 300)),
    "large array, every second item": np.arange(100_000)[::2],
    "records": filled([("a", "i4"), ("b", "S3")]),
    "nested records": filled(NESTED),
    "aligned records": filled(ALIGNED),
    "records with titles": filled(TITLED),
    "records with gaps": filled(GAPS),
    "records that overlap": filled(OVERLAPPING),
    "one field of records": filled(NESTED)["p"],
    "record of no dimensions": filled(NESTED)[0:1].reshape(()),
    "text of no length": np.ndarray((2, 3), "S0"),
    "records of no length": np.empty(3, []),
    "raw memory of no length": np.empty(3, "V0"),
    "array of objects": objects(),
    "array of objects in Fortran order": np.asfortranarray(objects()),
    "array of objects, transposed part": objects().T[1:, ::-1],
    "read-only array of objects": read_only_objects(),
    "object of no dimensions": object_of_zero_dimensions(),
    "no objects": np.empty((0, 2), object),
    "records with objects": structured_objects(),
    "arrays in containers": {"a": [np.arange(3), (np.eye(2),)], "same": [CUBE, CUBE]},
}

SCALARS: dict[str, Any] = {
    **{f"scalar of {code}": np.dtype(code).type(1) for code in "? b h i l q B H I L Q e f d g F D G".split()},
    "longdouble with all its digits": np.longdouble(1) / 3,
    "float32 nan": np.float32("nan"),
    "float64 -0.0": np.float64(-0.0),
    "numpy's str": np.str_("ß☃"),
    "numpy's str with a last NUL": np.str_("a\0"),
    "numpy's empty str": np.str_(""),
    "numpy's str with a surrogate": np.str_("\ud800"),
    "numpy's bytes": np.bytes_(b"\xffa"),
    "numpy's bytes with a last NUL": np.bytes_(b"a\0\0"),
    "numpy's empty bytes": np.bytes_(b""),
    "numpy's void": np.void(b"abc\0"),
    "record": filled(NESTED)[1],
    "record of no length": np.empty(1, [])[0],
    "datetime64": np.datetime64("2024-02-29T12:00", "m"),
    "datetime64 NaT": np.datetime64("NaT", "s"),
    "timedelta64": np.timedelta64(-3, "D"),
}

DTYPES: dict[str, Any] = {
    f"dtype {dtype}": dtype
    for dtype in [
        *map(np.dtype, "? i1 <i4 >i8 f2 g G O S0 S5 U0 >U3 V7 M8 M8[ns] m8[25s]".split()),
        np.dtype([]), np.dtype(("i4", (2, 3))), NESTED, ALIGNED, TITLED, GAPS, OVERLAPPING, WITH_OBJECTS,
    ]
}  # fmt: skip

ALL = {**ARRAYS, **SCALARS, **DTYPES}
