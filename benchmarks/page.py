"""``python -m benchmarks.page FIGURES.json``: the tables of a run as Markdown, as docs/performance.md has them.

Rules: a row with a bar says whether it is met; the others are there to compare.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .report import UNITS, Bar, number, wanted, worded


def lines(told: dict[str, Any]) -> Iterator[str]:
    for table in told["tables"]:
        rated = f" {table['rate']} |" if table["rate"] else ""
        yield f"### {table['title']}\n"
        yield f"| | median {table['unit']} | min {table['unit']} |{rated} figure | bar | |"
        yield "|---|---|---|" + ("---|" if rated else "") + "---|---|---|"
        for row in table["rows"]:
            yield from _row(table, row)
        yield "".join(f"\n{note}." for note in table["notes"]) + "\n"


def _row(table: dict[str, Any], row: dict[str, Any]) -> Iterator[str]:
    scale, unit, rate = UNITS[table["unit"]], table["unit"], table["rate"]
    cells = [row["name"], number(row["median"] * scale), number(row["min"] * scale)]
    if rate:
        cells.append(f"{row['work'] / row['median']:,.0f}")
    for place, told in enumerate(row["bars"] or [None]):
        if place:
            cells = [""] * len(cells)
        figures = ["", "", ""]
        if told is not None:
            value, met = told.pop("value"), told.pop("met")
            bar = Bar(**told)
            figure = f"{bar.limit}: not measured" if value is None else worded(unit, rate, bar, value)
            figures = [figure, wanted(unit, bar), "" if met is None else "met" if met else "**missed**"]
        yield "| " + " | ".join([*cells, *figures]) + " |"


if __name__ == "__main__":
    print("\n".join(lines(json.loads(Path(sys.argv[1]).read_text("utf-8")))))
