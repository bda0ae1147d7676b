"""Answers what came with one command: a session of length one, for connectors without a stream.

Rules: what came runs only if it is proven to be whole, and at most once; a request that came as a file is
removed before it runs; what is printed for the client is proven to be whole in the same way.
"""

import binascii
import os
import sys
import time
from typing import List, Optional

from .ending import end, lead_group
from .protocol.envelope import seal, unseal
from .protocol.errors import ProtocolFault
from .protocol.frames import Bytes, marker
from .protocol.messages import Stored
from .serve import Server, facts, write_all


def serve_once(argv: List[str]) -> None:
    """Answers the requests that came with the command. Its words are

    ``TOKEN FORM LIMIT PATIENCE ANSWER REQUEST [LEFT-OVER...]``

    `REQUEST` is ``=`` and the client's frames, sealed and in base64; or ``-`` if they come sealed on standard
    input; or ``@`` and the path of a file that holds them sealed, which may be seen only after `PATIENCE`
    seconds. The answer is printed after the marker, sealed, in base64 if `FORM` is ``text``; one of more than
    `LIMIT` bytes is left in the file `ANSWER`. Each `LEFT-OVER` is a file that is to go.
    """
    token, form, limit, patience, answer_path, request = argv[:6]
    lead_group()
    for path in argv[6:]:
        _remove(path)
    data = _read(request, token, float(patience))
    if data is None:
        os.write(1, marker(token)[:-1] + b"-late>")
        sys.exit("the request has not come whole")
    _answer(data, token, form == "text", int(limit), answer_path)


def _answer(data: bytes, token: str, text: bool, limit: int, path: str) -> None:
    pieces: List[Bytes] = []
    server = Server(live=False)
    server.write = pieces.extend
    pieces.extend(server.peer.greet(facts()))
    server.recorder.start()
    try:
        for frame in server.peer.feed(data):
            server.handle(frame)
        server.peer.ended()
    except ProtocolFault as fault:
        os.write(server.recorder.errors, ("rproxy endpoint: %s\n" % fault).encode())
        os._exit(70)
    answer = b"".join(pieces)
    if len(answer) > limit:
        _store(seal(token, answer), path)
        answer = b"".join(server.peer.greet(facts()) + server.peer.send(Stored(path, len(answer)), 1))
    write_all(server.recorder.output, [marker(token), seal(token, answer, text)])
    end()
    os._exit(0)  # threads of the call must not keep the command from ending


def _read(request: str, token: str, patience: float) -> Optional[bytes]:
    """The frames that came with the command, or None if they are not whole."""
    if request == "-":
        with open(0, "rb", closefd=False) as file:
            return unseal(token, file.read())
    if request.startswith("="):
        return unseal(token, binascii.a2b_base64(request[1:]))
    path, until = request[1:], time.time() + patience
    while True:
        data = _look(path, token)
        if data is not None:
            return data if _remove(path) else None  # else another run of this very command has taken it
        if time.time() > until:
            return None
        time.sleep(0.05)


def _look(path: str, token: str) -> Optional[bytes]:
    """What a file holds, if it is there and whole by now."""
    try:
        os.listdir(os.path.dirname(path))  # has a network file system look again at what is there
        with open(path, "rb") as file:
            return unseal(token, file.read())
    except FileNotFoundError:
        return None


def _store(sealed: bytes, path: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(sealed)


def _remove(path: str) -> bool:
    try:
        os.unlink(path)
        return True
    except FileNotFoundError:
        return False  # another command has removed it, or it never came
