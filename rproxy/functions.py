"""Arguments that are code: functions, classes and instances, by cloudpickle.

Rules: plain calls never pay for cloudpickle; it is imported, and its source sent ahead, when the first
function turns up; code travels by value only to the same minor version of Python, since byte code means
something else to another.
"""

import importlib.resources
import io
import sys
import types
from typing import TYPE_CHECKING, Any

from rproxy_endpoint.protocol import values
from rproxy_endpoint.protocol.errors import ValueFault
from rproxy_endpoint.protocol.frames import Bytes
from rproxy_endpoint.protocol.messages import Provide
from rproxy_endpoint.protocol.pickled import PickleCodec

from .trust import GuardedDecoder

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The module that the endpoint needs to rebuild functions.
MODULE = "cloudpickle.cloudpickle"


class NeedsCode(Exception):
    """Plain pickling met something that only cloudpickle can take apart."""


class CodeCodec:
    """Pickles of data, and of code where there is some in them."""

    name = "cloudpickle"

    def __init__(self, facts: dict[str, Any]) -> None:
        self._python = tuple(facts["python"])
        self._protocol = int(facts["pickle"])
        self._plain = PickleCodec(self._protocol, decoder=GuardedDecoder)
        self._code: PickleCodec | None = None

    def dumps(self, value: Any, side: Any) -> "tuple[list[Bytes], list[memoryview]]":
        """The pieces of the body and the buffers beside it. Raises ValueFault."""
        try:
            return self._plain.dumps(value, side)
        except ValueFault as fault:
            if not isinstance(fault.__cause__, NeedsCode):
                raise
        if self._code is None:
            self._code = PickleCodec(self._protocol, encoder=_encoder(self._python))
        pieces, buffers = self._code.dumps(value, side)
        if any(MODULE.encode() in bytes(piece) for piece in pieces if len(piece) < 1 << 20):
            if self._python[:2] != sys.version_info[:2]:
                raise ValueFault(_other_version("code", self._python))
            side.provide = side.provide or not side.provided
        return pieces, buffers

    def loads(self, body: Bytes, buffers: "Sequence[Any]", side: values.Side) -> Any:
        """The value of a body: data only. Raises ValueFault."""
        return self._plain.loads(body, buffers, side)


def _encoder(there: tuple[int, ...]) -> Any:
    """cloudpickle's pickler, asked only for what is neither data nor a proxy."""
    import cloudpickle

    class Encoder(cloudpickle.Pickler):  # type: ignore[misc, name-defined, unused-ignore]
        parcel = values.Parcel(values.Side())

        def reducer_override(self, obj: Any) -> Any:
            if obj is values.make:
                return NotImplemented
            parts = values.take(obj, self.parcel) or self.parcel.side.known(obj)  # type: ignore[attr-defined]
            if parts is not None:
                return values.make, (parts.kind, *parts.args), None, parts.appended, parts.items
            if isinstance(obj, io.IOBase):
                # cloudpickle would send a copy of what is left to read, which nobody who passes a file means.
                raise ValueFault("an open file of this side; send what is in it, or open it there")
            if type(obj) is types.CodeType and there[:2] != sys.version_info[:2]:
                raise ValueFault(_other_version(f"the function {obj.co_name!r}", there))
            return super().reducer_override(obj)

    return Encoder


def _other_version(what: str, there: tuple[int, ...]) -> str:
    return (
        f"{what} cannot travel by value: it is Python {sys.version_info[0]}.{sys.version_info[1]} code, and the far "
        f"side is Python {there[0]}.{there[1]}. Put it into a module there, or connect with python= of the same version"
    )


def notice() -> Provide:
    """cloudpickle's source, for endpoints whose host may lack it or have another version."""
    text = importlib.resources.files("cloudpickle").joinpath("cloudpickle.py").read_text("utf-8")
    return Provide({MODULE: text})
