"""Memory for what is received.

Rules: only what has come takes memory, whatever was announced; nothing is written twice; what has been used up
is given back at once.
"""

import sys
from typing import Any

from .errors import ProtocolFault

#: From this size on a part has pages of its own, in bytes.
LARGE = 1 << 22


def memory_for(size: int) -> Any:
    """Memory for a part of that size. Raises ProtocolFault where there is none.

    That for a large one is pages which the system gives as they are written to: announcing alone takes none, and
    nothing is written twice. They are large if the system has such, since most of the time of receiving goes into
    getting small ones; and private, as other memory of a process is when it forks.
    """
    try:
        if size < LARGE:
            return bytearray(size)
        import mmap  # most sessions receive nothing large

        pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except (MemoryError, OSError, OverflowError):
        raise ProtocolFault("no memory for a frame with a part of %d bytes" % size)
    if sys.version_info >= (3, 8) and hasattr(mmap, "MADV_HUGEPAGE"):
        try:
            pages.madvise(mmap.MADV_HUGEPAGE)
        except OSError:
            pass  # a kernel without
    return pages


def give_back(memory: Any, start: int, end: int) -> None:
    """Gives the pages between two places, both at a multiple of LARGE, back to the system if they can be: what was in
    them is lost."""
    if sys.version_info >= (3, 8) and hasattr(memory, "madvise"):
        import mmap

        memory.madvise(mmap.MADV_DONTNEED, start, end - start)
