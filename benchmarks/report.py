"""Figures as a table for people and as JSON for programs."""

import json
import os
import platform
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class Row(NamedTuple):
    """One thing that was measured: `times` in seconds, and what it should be, in words."""

    name: str
    times: list[float]
    target: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.times)

    @property
    def minimum(self) -> float:
        return min(self.times)


class Table(NamedTuple):
    """What was measured in one run.

    `unit` is "us" or "ms"; the rows are compared with the one that is called `base`: by how many times
    (`ratio`), or by how much more.
    """

    title: str
    rows: list[Row]
    base: str
    unit: str
    ratio: bool
    notes: list[str]


def machine() -> str:
    return f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores"


def show(table: Table) -> None:
    scale = {"us": 1e6, "ms": 1e3}[table.unit]
    base = next(row for row in table.rows if row.name == table.base)
    beside = f"x {table.base}" if table.ratio else f"more than {table.base}"
    print(f"{table.title} ({machine()})\n")
    lines = [("", f"median {table.unit}", f"min {table.unit}", beside, "target")]
    for row in table.rows:
        more = row.median / base.median if table.ratio else (row.median - base.median) * scale
        lines.append((row.name, f"{row.median * scale:.1f}", f"{row.minimum * scale:.1f}", f"{more:.2f}", row.target))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for name, *figures, target in lines:
        cells = [cell.rjust(width) for cell, width in zip(figures, widths[1:-1], strict=True)]
        print("  ".join([name.ljust(widths[0]), *cells, target]).rstrip())
    print("\n" + "\n".join(table.notes) + "\n")


def write(tables: Iterable[Table], path: str) -> None:
    told = [
        {
            "title": table.title,
            "machine": machine(),
            "base": table.base,
            "rows": [
                {"name": row.name, "median": row.median, "minimum": row.minimum, "samples": len(row.times)}
                for row in table.rows
            ],
            "notes": table.notes,
        }
        for table in tables
    ]
    Path(path).write_text(json.dumps(told, indent=1) + "\n", "utf-8")
