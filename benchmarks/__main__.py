"""``python -m benchmarks``: measures rproxy here, and says which bars are met."""

import argparse
import os
from collections.abc import Sequence

from . import bulk, latency, machine, report, start, throughput
from .places import scene
from .sizes import FULL, QUICK

MEASUREMENTS = {
    "latency": (latency, "a warm call, near and far, and against distance and payload"),
    "bulk": (bulk, "arrays and files: speed and memory"),
    "start": (start, "imports, an endpoint's start, connect and first call; memory and bytes"),
    "throughput": (throughput, "submitted calls, iterators, many small objects"),
}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures rproxy beside the limits of its links: on this machine, and over a private sshd of it, "
        "near and at the end of a long link. All takes some ten minutes.",
        epilog="; ".join(f"{name}: {text}" for name, (_, text) in MEASUREMENTS.items()),
    )
    parser.add_argument("what", nargs="?", default="all", choices=["all", *MEASUREMENTS], help="(%(default)s)")
    parser.add_argument("--target", metavar="URL", help="measure this host instead, as rproxy.connect() takes it")
    parser.add_argument(
        "--peers", action="store_true", help="also rpyc, execnet, mitogen and Pyro5 (the extra `bench`)"
    )
    parser.add_argument("--json", metavar="FILE", help="write all values to a file, with the machine's facts")
    parser.add_argument("--plot", metavar="FILE.svg", help="draw the lines (the extra `bench`)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that all of it runs, and no more")
    chosen = parser.parse_args(argv)
    # What cannot be written is told now, not once all is measured.
    for path in filter(None, (chosen.json, chosen.plot)):
        if os.path.isdir(path) or not os.access(os.path.dirname(path) or ".", os.W_OK):
            parser.error(f"{path} cannot be written")
    if chosen.plot:
        if not chosen.plot.endswith(".svg"):
            parser.error(f"{chosen.plot}: the picture is an .svg file")
        if chosen.what not in ("all", "latency", "bulk"):
            parser.error(f"{chosen.what} has no lines to draw; latency and bulk have")
        try:
            from . import plots
        except ImportError as error:
            parser.error(f"--plot needs the extra `bench`: {error}")
    facts = machine.facts()  # with the load that was there before ours
    print(machine.line(facts), flush=True)
    tables: list[report.Table] = []
    sweeps: list[report.Sweep] = []
    sizes = QUICK if chosen.quick else FULL
    with scene(chosen.target) as found:
        for note in found.notes:
            print(f"\n{note}")
        for name in MEASUREMENTS if chosen.what == "all" else [chosen.what]:
            for made in MEASUREMENTS[name][0].measure(found, sizes, chosen.peers):
                if isinstance(made, report.Table):
                    tables.append(made)
                    report.show(made)
                else:
                    sweeps.append(made)
                    report.show_sweep(made)
    print(f"\n{report.summary(tables)}")
    if chosen.quick:
        print("These figures mean nothing: --quick shows only that all of it runs.")
    if chosen.json:
        report.write(facts, tables, sweeps, chosen.json)
    if chosen.plot:
        plots.draw(sweeps, chosen.plot)


if __name__ == "__main__":
    main()
