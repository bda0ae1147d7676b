"""What is drawn for a person: the one file that knows rich."""

import contextlib
import sys
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn


@contextlib.contextmanager
def bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Shows how far a copy has come, on standard error; gives what is told the bytes done, and all."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    # A notebook draws one line as a terminal does; rich's own way there needs ipywidgets.
    notebook = not sys.stderr.isatty()
    console = Console(stderr=True, force_jupyter=False, force_terminal=True if notebook else None)
    with Progress(*columns, console=console) as shown:
        task = shown.add_task(label, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


__all__ = ["Console", "bar", "escape"]
