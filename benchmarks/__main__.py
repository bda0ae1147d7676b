"""``python -m benchmarks latency`` and ``python -m benchmarks start``."""

import argparse
from collections.abc import Sequence

from . import latency, peers, report, start


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measures rproxy on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, rounds, text in (
        ("latency", 20, "a warm call, a multiprocessing.Pipe, a raw pipe and rpyc"),
        ("start", 15, "imports, an endpoint's start, a call by a command of its own"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--rounds", type=int, default=rounds, help="how often each takes its turn (%(default)s)")
        command.add_argument("--json", metavar="FILE", help="also write the figures to a file")
        if name == "latency":
            command.add_argument(
                "--peers", nargs="*", choices=peers.GROUPS, metavar="PEER",
                help="only these, beside the Pipe, which is always measured",
            )  # fmt: skip
    chosen = parser.parse_args(argv)
    if chosen.rounds < 1:
        parser.error("--rounds needs at least 1")
    if chosen.command == "latency":
        tables = latency.measure(chosen.rounds, chosen.peers or peers.GROUPS)
    else:
        tables = start.measure(chosen.rounds)
    for table in tables:
        report.show(table)
    if chosen.json:
        report.write(tables, chosen.json)


if __name__ == "__main__":
    main()
