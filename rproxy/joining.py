"""Answers that come in parts, as they are made there.

Rules: what comes of an answer is looked at as it comes, while the rest is made, so that little is left to do at its
end; of an answer that fails in the end nothing is kept.
"""

from typing import Any

from rproxy_endpoint.protocol.errors import ProtocolFault
from rproxy_endpoint.protocol.frames import Bytes, Frame
from rproxy_endpoint.protocol.memory import LARGE, give_back, memory_for
from rproxy_endpoint.protocol.messages import ANSWERS, KINDS, PART, Reply
from rproxy_endpoint.protocol.peer import Peer

from .scanning import Scanned


class JoiningPeer(Peer):
    """The client's peer, which joins the answers that come in parts."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._parts: dict[int, Scanned] = {}  # by the numbers of their requests

    def _joined(self, frames: list[Frame]) -> list[Frame]:
        whole = []
        for frame in frames:
            if frame.kind == PART:
                self._add(frame)
                continue
            parts = self._parts.pop(frame.call, None) if frame.kind in ANSWERS else None
            if parts is not None and frame.kind == KINDS[Reply]:
                self._check_size(len(parts) + len(frame.body))
                frame = frame._replace(body=_together(parts, frame.body))
            whole.append(frame)
        joined = super()._joined(whole)
        self._joins = self._joins or bool(self._parts)
        return joined

    def _add(self, frame: Frame) -> None:
        if frame.buffers:
            raise ProtocolFault("a part of an answer with buffers")
        parts = self._parts.setdefault(frame.call, Scanned())
        self._check_size(len(parts) + len(frame.body))
        parts.add(frame.body)

    def _check_size(self, size: int) -> None:
        if size > self.limits.frame:
            raise ProtocolFault(f"an answer in parts has {size} bytes, more than the limit")


def _together(parts: Scanned, last: Bytes) -> Any:
    """A body: its parts, and the last, whose memory is given back as it is used."""
    if len(last) < LARGE:
        parts.add(last)
        return parts
    size = len(parts)
    found = memoryview(memory_for(size + len(last)))
    found[:size] = parts
    for start in range(0, len(last), LARGE):
        piece = last[start : start + LARGE]
        found[size + start : size + start + len(piece)] = piece
        give_back(last, start, start + len(piece) - len(piece) % LARGE)
    return found.obj
