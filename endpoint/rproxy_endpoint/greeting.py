"""The first word of a session's endpoint.

Rules: it is said before most of the endpoint is loaded, which goes on while it travels: so little is imported here;
from then on nothing that is printed gets between the frames.
"""

import os
import sys
from typing import Any, Dict

from .protocol import VERSION
from .protocol.frames import encode, marker
from .protocol.jsontext import dumps
from .protocol.plain import HELLO, of_hello

FOLDER = os.path.dirname(os.path.dirname(__file__))  # absolute, or <memory>


def facts() -> Dict[str, Any]:
    """What the Hello says of this side."""
    uname = os.uname()
    return {
        "python": list(sys.version_info[:3]), "executable": sys.executable, "platform": sys.platform,
        "pid": os.getpid(), "host": uname.nodename, "machine": uname.machine, "folder": FOLDER,
        "pickle": 5 if sys.version_info >= (3, 8) else 4,
    }  # fmt: skip


def hello() -> bytes:
    """What a `Peer` says as its Hello."""
    tree = of_hello((dict(facts(), protocol=VERSION),))
    if tree is None:  # a name that is no Unicode
        from .protocol.peer import Peer
        from .protocol.values import Side

        return b"".join(Peer("endpoint", Side()).greet(facts()))
    return b"".join(encode(HELLO, 0, [dumps(tree).encode()], []))


def greet(token: str) -> int:
    """Says the marker and the Hello at descriptor 1; returns the one where the session goes on."""
    line = os.dup(1)
    os.dup2(2, 1)
    os.write(line, marker(token) + hello())
    return line
