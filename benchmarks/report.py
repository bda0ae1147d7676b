"""Figures as tables for people and as JSON for programs.

Rules: values are seconds or bytes, whatever is shown; a figure is made of medians of one run; where its limit was
not measured, it says so.
"""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

#: What a table shows a second or a byte as.
UNITS = {"us": 1e6, "ms": 1e3, "s": 1.0, "MB": 1 / (1 << 20), "KB": 1 / 1000}


class Bar(NamedTuple):
    """What a figure should be.

    `figure` is "times" (how often `limit` goes into it), "speed" (the inverse: how much faster it is), "more" (what it
    has above `limit`, in seconds or bytes), "rate" (how much of the table's work is done in a second) or "value". It
    should be at most `most`, or at least `least`; with neither, it is for information.
    """

    figure: str
    limit: str = ""
    most: float | None = None
    least: float | None = None


class Row(NamedTuple):
    """One thing that was measured, in seconds or bytes, and what it should be; `work` as in `Table`, if its own."""

    name: str
    values: Sequence[float]
    bars: tuple[Bar, ...] = ()
    work: float = 0

    @property
    def median(self) -> float:
        return statistics.median(self.values)


class Table(NamedTuple):
    """What was measured in one run, shown in one of `UNITS`.

    `work` is what each value stands for, and `rate` its unit in a second: (256, "MB/s").
    """

    title: str
    rows: list[Row]
    unit: str
    notes: list[str]
    work: float = 0
    rate: str = ""


class Sweep(NamedTuple):
    """Lines of points: `lines` has a list of (x, y) for each name; the axes' labels tell the units."""

    title: str
    across: str
    up: str
    lines: dict[str, list[tuple[float, float]]]
    notes: list[str]


class Judged(NamedTuple):
    """A bar, and what has come of it: `value` is None where the limit is missing, `met` where there is no bar."""

    bar: Bar
    value: float | None
    met: bool | None


def judge(table: Table, row: Row) -> list[Judged]:
    return [_judged(bar, _figure(table, row, bar)) for bar in row.bars]


def _figure(table: Table, row: Row, bar: Bar) -> float | None:
    if bar.figure == "value":
        return row.median
    if bar.figure == "rate":
        return (row.work or table.work) / row.median
    limit = next((other.median for other in table.rows if other.name == bar.limit), None)
    if limit is None:
        return None
    return {"times": row.median / limit, "speed": limit / row.median, "more": row.median - limit}[bar.figure]


def _judged(bar: Bar, value: float | None) -> Judged:
    if value is None or (bar.most is None and bar.least is None):
        return Judged(bar, value, None)
    return Judged(bar, value, value <= bar.most if bar.most is not None else value >= (bar.least or 0))


# -- for people ----------------------------------------------------------------------------------------


def show(table: Table) -> None:
    lines = [("", f"median {table.unit}", f"min {table.unit}", table.rate, "figure", "bar", "")]
    for row in table.rows:
        scale = UNITS[table.unit]
        rate = f"{(row.work or table.work) / row.median:,.0f}" if table.rate else ""
        told = [_told(table, judged) for judged in judge(table, row)] or [("", "", "")]
        lines.append((row.name, number(row.median * scale), number(min(row.values) * scale), rate, *told[0]))
        lines += [("", "", "", "", *more) for more in told[1:]]
    _print(table.title, lines, 4, table.notes)


def _told(table: Table, judged: Judged) -> tuple[str, str, str]:
    bar, value, met = judged
    if value is None:
        return f"{bar.limit}: not measured", wanted(table.unit, bar), ""
    verdict = "" if met is None else "met" if met else "MISSED"
    return worded(table.unit, table.rate, bar, value), wanted(table.unit, bar), verdict


def worded(unit: str, rate: str, bar: Bar, value: float) -> str:
    scale = UNITS[unit]
    return {
        "times": f"{value:.2f} x {bar.limit}",
        "speed": f"{value:.2f} x as fast as {bar.limit}",
        "more": f"{number(value * scale)} {unit} more than {bar.limit}",
        "rate": f"{value:,.0f} {rate}",
        "value": f"{number(value * scale)} {unit}",
    }[bar.figure]


def wanted(unit: str, bar: Bar) -> str:
    limit = bar.least if bar.most is None else bar.most
    if limit is None:
        return ""
    in_unit = bar.figure in ("more", "value")
    shown = number(limit * UNITS[unit]) if in_unit else f"{limit:,g}"
    return f"{'at least' if bar.most is None else 'at most'} {shown}"


def show_sweep(sweep: Sweep) -> None:
    across = sorted({x for points in sweep.lines.values() for x, _ in points})
    lines = [(sweep.across, *map(number, across))]
    for name, points in sweep.lines.items():
        found = dict(points)
        lines.append((name, *(number(found[x]) if x in found else "" for x in across)))
    _print(f"{sweep.title} ({sweep.up})", lines, len(across) + 1, sweep.notes)


def summary(tables: Sequence[Table]) -> str:
    """How many bars are met, and which are not."""
    judged = [(table, row, one) for table in tables for row in table.rows for one in judge(table, row)]
    with_bars = [found for found in judged if found[2].met is not None]
    missed = [
        f"  {table.title}: {row.name}: {', '.join(_told(table, one)[:2])}"
        for table, row, one in with_bars
        if not one.met
    ]
    told = f"{len(with_bars) - len(missed)} of {len(with_bars)} bars are met."
    return "\n".join([told, *(["Missed:"] if missed else []), *missed])


def number(value: float) -> str:
    """As many digits as are worth reading."""
    if value and abs(value) < 0.995:
        return f"{value:.2g}"
    return f"{value:,.1f}" if abs(value) < 1000 else f"{value:,.0f}"


def _print(title: str, lines: Sequence[tuple[str, ...]], figures: int, notes: list[str]) -> None:
    """A table whose first column and last ones are words, and those up to `figures` numbers."""
    print(f"\n{title}\n")
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [
            cell.rjust(width) if 0 < place < figures else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(cells).rstrip(), flush=True)
    print("".join(f"\n{note}" for note in notes))


# -- for programs --------------------------------------------------------------------------------------


def write(machine: dict[str, Any], tables: Sequence[Table], sweeps: Sequence[Sweep], path: str) -> None:
    told = {
        "machine": machine,
        "tables": [_table(table) for table in tables],
        "sweeps": [sweep._asdict() for sweep in sweeps],
    }
    Path(path).write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def _table(table: Table) -> dict[str, Any]:
    rows = [
        {
            "name": row.name, "median": row.median, "min": min(row.values), "work": row.work or table.work,
            "bars": [{**one.bar._asdict(), "value": one.value, "met": one.met} for one in judge(table, row)],
            "values": [round(value, 9) for value in row.values],
        }
        for row in table.rows
    ]  # fmt: skip
    return {"title": table.title, "unit": table.unit, "rate": table.rate, "notes": table.notes, "rows": rows}
