"""Who is told how far a copy has come: a bar, the caller's function, or nobody.

Rules: a bar is shown where a person looks (a terminal, a notebook), and nowhere else is anything written; what
draws it is loaded only then.
"""

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from .connectors.reports import told_to

#: `None`: a bar if a person looks; `False`: nothing; or a function of the bytes that are done, and of all.
Progress = Callable[[int, int], Any] | bool | None


def check_progress(progress: Any) -> None:
    """Raises TypeError for what cannot be meant."""
    if progress is not None and progress is not False and (progress is True or not callable(progress)):
        raise TypeError(
            "progress is None (a bar on a terminal), False, or a function of (done_bytes, total_bytes), "
            f"not {progress!r}"
        )


@contextlib.contextmanager
def reporting(progress: Progress, label: str, total: int) -> Iterator[None]:
    """Tells how far the copy inside the block has come, as its connector reports it; at the end, that it is done."""
    with contextlib.ExitStack() as stack:
        if callable(progress):
            tell = progress
        elif progress is None and _somebody_looks():
            tell = stack.enter_context(importlib.import_module(".display", __package__).bar(label))
        else:
            yield
            return
        tell(0, total)
        last = 0

        def report(done: int) -> None:
            nonlocal last
            last = done
            tell(done, max(done, total))  # a file may grow while it is copied

        stack.enter_context(told_to(report))
        yield
        if last < total or not total:
            tell(total, total)


def _somebody_looks() -> bool:
    if sys.stderr is not None and sys.stderr.isatty():
        return True
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"  # a notebook's
