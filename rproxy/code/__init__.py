"""Arguments that are code: functions, classes and instances.

Rules: plain calls never pay for this; the same minor version of Python gets code by value, as byte code means
something else to another, which gets its source; what the code needs there goes ahead of it.
"""

import functools
import sys
from typing import TYPE_CHECKING, Any

from rproxy_endpoint.protocol.errors import ValueFault
from rproxy_endpoint.protocol.frames import Ahead, Bytes
from rproxy_endpoint.protocol.pickled import PickleCodec

from ..scanning import is_plain
from ..trust import GuardedDecoder
from .outbox import Item, Outbox
from .records import needs_class
from .shipping import Shipping

if TYPE_CHECKING:
    from .needs import Needs


class NeedsCode(Exception):
    """Plain pickling met something that is no data."""


class CodeCodec:
    """Pickles of data, and of code where there is some in them."""

    name = "cloudpickle"

    def __init__(self, facts: dict[str, Any]) -> None:
        self._there: tuple[int, int] = tuple(facts["python"][:2])
        self._protocol = int(facts["pickle"])
        self._plain = PickleCodec(self._protocol, decoder=GuardedDecoder, is_plain=is_plain)
        #: The value of a body, data only; raises ValueFault.
        self.loads = self._plain.loads

    def dumps(self, value: Any, side: Any, ahead: Ahead = None) -> "tuple[list[Bytes], list[memoryview]]":
        """The pieces of the body and the buffers beside it. Raises ValueFault."""
        try:
            return self._plain.dumps(value, side, ahead)
        except ValueFault as fault:
            if not isinstance(fault.__cause__, NeedsCode):
                raise
        return self._dumps_code(value, side)

    def _dumps_code(self, value: Any, side: Any) -> "tuple[list[Bytes], list[memoryview]]":
        from . import by_value, needs

        noted = needs.Needs()
        pieces, buffers = PickleCodec(self._protocol, encoder=self._encoder(noted)).dumps(value, side)
        if any(by_value.MODULE.encode() in bytes(piece) for piece in pieces if len(piece) < 1 << 20):
            noted.cloudpickle = True
        side.outbox.put([*_items(noted), *side.shipping.items(noted.modules)])
        return pieces, buffers

    def _encoder(self, noted: "Needs") -> Any:
        if self._there == sys.version_info[:2]:
            from .by_value import encoder

            return functools.partial(encoder(), noted)
        from .by_source import Encoder

        return functools.partial(Encoder, noted, self._there)


def _items(needs: "Needs") -> list[Item]:
    from . import by_value

    found = [Item("sources", digest, digest, tuple(source)) for digest, source in needs.sources.items()]
    found += [Item("lines", place, lines.text, tuple(lines)) for place, lines in needs.lines.items()]
    if needs.cloudpickle:
        found.append(Item("modules", by_value.MODULE, "", by_value.cloudpickle_text()))
    return found


__all__ = ["CodeCodec", "NeedsCode", "Outbox", "Shipping", "needs_class"]
