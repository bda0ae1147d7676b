"""Answers what came with one command: a session of length one, for connectors without a stream."""

import os
from typing import List

from .ending import end
from .greeting import facts
from .guard import lead_group, settle
from .letters import Letter, remove
from .protocol.errors import ProtocolFault
from .protocol.frames import Bytes
from .serve import Server


def serve_once(words: List[str]) -> None:
    """Answers the requests of a `Letter`; the words after its own are files that are to go."""
    settle(lead_group(1))
    for path in words[6:]:
        remove(path)
    letter = Letter(words[:6])
    data = letter.read()  # before descriptor 0 is user code's
    pieces: List[Bytes] = []
    server = Server(live=False)
    server.write = pieces.extend
    server.side.folder = letter.folder
    pieces.extend(server.peer.greet(facts()))
    server.recorder.start()
    try:
        for frame in server.peer.feed(data):
            server.handle(frame)
        server.peer.ended()
    except ProtocolFault as fault:
        os.write(server.recorder.errors, ("rproxy endpoint: %s\n" % fault).encode())
        os._exit(70)
    letter.answer(b"".join(pieces), server.recorder.output)
    end()
    os._exit(0)  # threads of the call must not keep the command from ending
