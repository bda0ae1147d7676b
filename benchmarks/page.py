"""``python -m benchmarks.page FIGURES.json docs/performance.md``: puts the tables of a run into a page, as Markdown.

Rules: what is between the marks of the page is made here, and nothing else is touched; a row with a bar says whether it
is met, the others are there to compare.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .machine import line
from .report import UNITS, Bar, number, wanted, worded

BEGIN, END = "<!-- figures: made by benchmarks.page -->\n", "<!-- end of figures -->\n"


def main() -> None:
    figures, page = map(Path, sys.argv[1:])
    text = page.read_text("utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{page} has no {BEGIN.strip()!r} and {END.strip()!r}")
    made = "\n".join(lines(json.loads(figures.read_text("utf-8"))))
    page.write_text(f"{before}{begin}\n{made}\n{end}{after}", "utf-8")


def lines(told: dict[str, Any]) -> Iterator[str]:
    yield f"{line(told['machine'])}.\n"
    judged = [bar["met"] for table in told["tables"] for row in table["rows"] for bar in row["bars"]]
    yield f"{judged.count(True)} of {judged.count(True) + judged.count(False)} bars are met.\n"
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
    for told in row["bars"] or [None]:
        yield "| " + " | ".join([*cells, *_figures(unit, rate, told)]) + " |"
        cells = [""] * len(cells)


def _figures(unit: str, rate: str, told: dict[str, Any] | None) -> list[str]:
    if told is None:
        return ["", "", ""]
    value, met = told["value"], told["met"]
    bar = Bar(told["figure"], told["limit"], told["most"], told["least"])
    figure = f"{bar.limit}: not measured" if value is None else worded(unit, rate, bar, value)
    return [figure, wanted(unit, bar), "" if met is None else "met" if met else "**missed**"]


if __name__ == "__main__":
    main()
