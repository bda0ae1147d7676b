"""Lines as a picture: one panel a sweep, the same colour for the same library in all of them."""

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from .machine import facts
from .report import Sweep

COLOURS = {
    "raw": "#888888", "rproxy, paramiko": "#d98b2b", "rproxy": "#c8321f", "rpyc": "#2b6cb0", "execnet": "#2f855a",
    "mitogen": "#6b46c1", "Pyro5": "#319795",
}  # fmt: skip
TICKS = {1: "1 B", 1 << 5: "32 B", 1 << 10: "1 KB", 1 << 16: "64 KB", 1 << 20: "1 MB", 1 << 24: "16 MB"}


def draw(sweeps: Sequence[Sweep], path: str) -> None:
    """Writes a picture, as SVG."""
    if not sweeps:
        return
    mpl.rcParams["svg.fonttype"] = "none"  # text stays text
    mpl.rcParams["svg.hashsalt"] = "rproxy"  # the same figures, the same file
    columns = min(2, len(sweeps))
    rows = -(-len(sweeps) // columns)
    figure = Figure(figsize=(6.2 * columns, 4.4 * rows), layout="constrained")
    for place, sweep in enumerate(sweeps, 1):
        _panel(figure.add_subplot(rows, columns, place), sweep)
    told = facts()
    figure.supxlabel(f"{told['python']}, {told['cores']} cores, {told['date']}; medians of one run", fontsize=8)
    figure.savefig(path, metadata={"Date": None})


def _panel(axes: mpl.axes.Axes, sweep: Sweep) -> None:
    for name, points in sweep.lines.items():
        ours = name.startswith("rproxy")
        across, up = zip(*points, strict=True)
        colour = next(colour for start, colour in COLOURS.items() if name.startswith(start))
        axes.plot(
            across, up, label=name, color=colour, linewidth=2.6 if ours else 1.2, marker="o", markersize=3,
            # Where lines of ours lie upon each other, both are seen.
            linestyle="--" if name.startswith("raw") or "paramiko" in name else "-", zorder=3 if ours else 2,
        )  # fmt: skip
    axes.set_title(sweep.title, fontsize=10)
    axes.set_xlabel(sweep.across)
    axes.set_ylabel(sweep.up)
    if sweep.across == "bytes":
        found = [x for points in sweep.lines.values() for x, _ in points]
        axes.set_xscale("log", base=2)
        axes.set_xticks([size for size in TICKS if min(found) <= size <= max(found)])
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: TICKS.get(int(value), "")))
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
