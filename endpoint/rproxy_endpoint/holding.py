"""Keeps the folder that this process runs from: nobody removes an endpoint that somebody holds."""

import os
from typing import List

#: Descriptors with a lock on the endpoint's folder: at most one.
_held: List[int] = []
#: Whether it was let go of: at most one.
_left: List[bool] = []


def hold(folder: str) -> None:
    """Holds an endpoint's folder until this process ends, or `let_go`."""
    try:
        import fcntl

        _held.append(os.open(os.path.join(folder, "contents"), os.O_RDONLY))
        fcntl.flock(_held[-1], fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (ImportError, OSError):
        pass  # from memory, or on a file system without locks: then the time of its last start speaks for it


def let_go() -> None:
    """Lets others remove the folder, without which this process is not to stay."""
    _left.append(True)
    while _held:
        os.close(_held.pop())


def is_left() -> bool:
    """Whether the folder was let go of."""
    return bool(_left)
