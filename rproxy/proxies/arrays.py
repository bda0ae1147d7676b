"""What numpy and pandas of this side ask of arrays and tables of the far side.

Rules: arithmetic runs there, also with an array of here on the left; whoever wants the array itself gets a copy;
nobody gets an address of the far side's memory, which would mean something else here.
"""

import sys
from typing import Any

from .base import stand_in_of

#: By these an object tells where its memory is.
MEMORY = frozenset(
    "__array_struct__ __array_interface__ __dlpack__ __dlpack_device__ __cuda_array_interface__ __dataframe__ "
    "__arrow_c_array__ __arrow_c_schema__ __arrow_c_stream__ __arrow_c_device_array__ __arrow_c_device_stream__".split()
)

#: By this pandas finds out which of two tables has an operator: ours is above its equals.
PRIORITY = "__pandas_priority__"


class Bringing:
    """The `__array__` of an array there: brings it by value."""

    def __init__(self, proxy: Any) -> None:
        self._state = stand_in_of(proxy)

    def __call__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if copy is False:
            raise ValueError(f"memory of {self._state._self_session.target} cannot be shared, as copy=False asks")
        wanted = () if dtype is None else (dtype,)
        return self._state._self_session.ask(self._state._self_target, "__array__", wanted)


def run_there(self: Any, ufunc: Any, method: str, *inputs: Any, out: Any = (), **kwargs: Any) -> Any:
    """`__array_ufunc__` of proxies: numpy's function of that name there, or whichever of its methods."""
    name: str = ufunc.__name__
    if vars(sys.modules["numpy"]).get(name) is not ufunc:
        return NotImplemented  # of another library, which may not be there
    if out and all(stand_in_of(array) is not None for array in out):
        kwargs["out"] = out
    path = name if method == "__call__" else f"{name}.{method}"
    found = stand_in_of(self)._self_session.natural("numpy", path, inputs, kwargs)
    if not out or "out" in kwargs:
        return found
    for array, value in zip(out, found if type(found) is tuple else (found,), strict=True):
        array[...] = value
    return out[0] if len(out) == 1 else out
