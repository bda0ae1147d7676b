"""Code for the same minor version of Python: functions, classes and instances by cloudpickle."""

import functools
import io
import types
from typing import Any

from rproxy_endpoint.protocol import values
from rproxy_endpoint.protocol.errors import ValueFault

from .names import CachedFunction, TypeAlias, alias_made, implementations, is_known, meant, reference_to
from .needs import Needs
from .records import is_of_the_program
from .uses import uses_of

#: The module that the endpoint needs to rebuild functions.
MODULE = "cloudpickle.cloudpickle"
_BY_NAME = (type, types.FunctionType, types.BuiltinFunctionType, CachedFunction)
OPEN_FILE = "an open file of this side; send what is in it, or open it there"


@functools.cache
def encoder() -> Any:
    """cloudpickle's pickler, asked only for what is neither data nor a proxy."""
    import cloudpickle

    class Encoder(cloudpickle.Pickler):  # type: ignore[misc, name-defined, unused-ignore]
        parcel = values.Parcel(values.Side())

        def __init__(self, needs: Needs, file: Any, protocol: int) -> None:
            super().__init__(file, protocol)
            self._needs = needs
            self._aliases: set[int] = set()

        def reducer_override(self, obj: Any) -> Any:
            if obj is values.make:
                return NotImplemented
            if is_of_the_program(obj):
                return NotImplemented
            parts = values.take(obj, self.parcel) or self.parcel.side.known(obj)  # type: ignore[attr-defined]
            if parts is not None:
                return values.make, (parts.kind, *parts.args), None, parts.appended, parts.items
            if isinstance(obj, io.IOBase):
                # cloudpickle would send a copy of what is left to read, which nobody who passes a file means.
                raise ValueFault(OPEN_FILE)
            inner = meant(obj)
            if inner is not None:
                found = reference_to(inner)
                return self.reducer_override(inner) if found is None else (values.make, ("code.named", *found))
            parted = _parted(obj)
            if parted is not None:
                return values.make, parted
            if type(obj) is types.CodeType:
                return self._code(obj)
            if type(obj) is TypeAlias:
                return alias_made(obj, self._needs.modules, self._aliases)
            self._note(obj)
            return super().reducer_override(obj)

        def _code(self, code: types.CodeType) -> Any:
            """As cloudpickle does it, with the name of its file, which tracebacks show: since 3.1.3 it says
            ``<dynamic-code>`` instead. That is the first text among what makes a code object, in every Python."""
            make, parts = self.dispatch_table[types.CodeType](code)
            place = next(place for place, part in enumerate(parts) if type(part) is str)
            return make, (*parts[:place], code.co_filename, *parts[place + 1 :])

        def _note(self, obj: Any) -> None:
            if isinstance(obj, types.ModuleType):
                self._needs.modules.add(obj.__name__)
            elif isinstance(obj, _BY_NAME) and not is_known(obj.__module__):
                found = reference_to(obj)
                if found is not None:
                    self._needs.modules.add(found[0])
                elif type(obj) is types.FunctionType:
                    self._needs.shown(obj.__code__)
                    self._needs.function(obj, uses_of(obj.__code__).imports)

    return Encoder


def _parted(obj: Any) -> tuple[Any, ...] | None:
    """What functools has made of functions, by its kind and these functions; None for others."""
    if type(obj) is functools.singledispatchmethod:
        return "code.dispatching", obj.func, obj.dispatcher
    if type(obj) is CachedFunction and reference_to(obj) is None:
        return "code.cached", *cached_parts(obj)
    if type(obj) is types.FunctionType and reference_to(obj) is None:
        dispatched = implementations(obj)
        return None if dispatched is None else ("code.dispatched", dispatched)
    return None


def cached_parts(cached: Any) -> tuple[Any, ...]:
    """What a function with `functools.lru_cache` is made of."""
    settings = cached.cache_parameters()
    return cached.__wrapped__, settings["maxsize"], settings["typed"]


@functools.cache
def cloudpickle_text() -> str:
    """cloudpickle's source, for endpoints whose host may lack it or have another version."""
    from importlib import resources

    return resources.files("cloudpickle").joinpath("cloudpickle.py").read_text("utf-8")
