"""The measurements run, whatever they measure: with tiny sizes, over the same links and beside the same libraries."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from benchmarks.__main__ import main
from benchmarks.page import BEGIN, END
from benchmarks.report import Bar, Row, Table, judge, summary

from .conftest import REPOSITORY
from .ssh.sshd import program

pytestmark = [pytest.mark.once, pytest.mark.timeout(600)]  # it starts some hundred processes

PEERS = {"rpyc", "execnet", "mitogen", "Pyro5"}


class Run(NamedTuple):
    """What one run has printed and written."""

    said: str
    tables: list[dict]
    sweeps: list[dict]
    machine: dict
    picture: str

    def rows(self, title: str) -> dict[str, dict]:
        """The rows of the tables whose titles begin so."""
        return {row["name"]: row for table in self.tables if table["title"].startswith(title) for row in table["rows"]}


def run(folder, *words: str) -> Run:
    wanted, picture = folder / "figures.json", folder / "lines.svg"
    command = [sys.executable, "-m", "benchmarks", *words, "--quick", "--json", str(wanted)]
    if "latency" in words:
        command += ["--plot", str(picture)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(wanted.read_text())
    drawn = picture.read_text() if picture.exists() else ""
    return Run(done.stdout, told["tables"], told["sweeps"], told["machine"], drawn)


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Run]:
    """Each measurement once; they mostly wait for other processes, so side by side."""
    for name, package in (("sshd", "openssh-server"), ("ssh", "openssh-client"), ("setpriv", "util-linux")):
        program(name, package)
    for library in ("matplotlib", *PEERS):
        pytest.importorskip(library, reason=f"install {library}, which is in the extra `bench`")
    words = {
        "latency": ["latency", "--peers"],
        "bulk": ["bulk"],
        "start": ["start"],
        "throughput": ["throughput", "--peers"],
        "target": ["bulk", "--target", "local://"],
    }
    with ThreadPoolExecutor(2) as pool:
        found = {name: pool.submit(run, tmp_path_factory.mktemp(name), *given) for name, given in words.items()}
        return {name: future.result() for name, future in found.items()}


def barred(rows: dict[str, dict]) -> set[str]:
    """The rows that have a bar, whose limit was measured."""
    return {name for name, row in rows.items() for bar in row["bars"] if bar["met"] is not None}


# -- what is measured ----------------------------------------------------------------------------------


def test_a_warm_call_stands_beside_the_limits_and_the_peers(runs):
    rows = runs["latency"].rows('os.getenv("HOME") in another process, wherever')
    assert {"multiprocessing.Pipe", "raw pipe echo"} | PEERS <= rows.keys()
    assert barred(rows) == {"rproxy: remote_os.getenv(...)", "rproxy: do_remote_call(...)"}


def test_a_warm_call_over_either_ssh_stands_beside_a_raw_echo_and_the_peers(runs):
    rows = runs["latency"].rows('os.getenv("HOME") on a host')
    assert {"raw ssh echo", "raw paramiko echo", "execnet over ssh", "rpyc over ssh", "mitogen over ssh"} <= rows.keys()
    assert barred(rows) == {"rproxy, OpenSSH", "rproxy, paramiko"}
    assert all(bar["value"] for name in barred(rows) for bar in rows[name]["bars"])


def test_calls_at_the_end_of_a_long_link_stand_beside_its_round_trip(runs):
    rows = runs["latency"].rows("The same at 5 ms")
    assert {
        f"rproxy, {way}{what}" for way in ("OpenSSH", "paramiko") for what in ("", ": 100 submitted calls")
    } == barred(rows)
    assert rows["rproxy, OpenSSH"]["min"] >= 0.005


def test_no_peer_is_left_out_of_the_calls(runs):
    assert "is left out" not in runs["latency"].said


@pytest.mark.parametrize("place", ["local", "OpenSSH", "paramiko"])
def test_an_array_goes_either_way_beside_raw_bytes(runs, place):
    rows = runs["bulk"].rows(f"An array of 1 MB, {place}")
    assert {"raw, there", "raw, back", f"rproxy, {place}, there", f"rproxy, {place}, back"} == rows.keys()
    assert barred(rows) == ({name for name in rows if "rproxy" in name} if place != "paramiko" else set())


def test_the_memory_of_both_sides_has_a_bar(runs):
    rows = runs["bulk"].rows("The most memory")
    assert len(rows) == 12 and barred(rows) == set(rows)


def test_files_stand_beside_cat_over_ssh(runs):
    assert barred(runs["bulk"].rows("A file of 1 MB, OpenSSH")) == {"rproxy, OpenSSH, push", "rproxy, OpenSSH, pull"}


def test_starts_stand_beside_a_bare_python(runs):
    rows = runs["start"].rows("Starts on this machine")
    assert barred(rows) == {"python -c 'import rproxy'", "an endpoint, until it answers"}


def test_an_endpoint_s_memory_and_bytes_have_bars(runs):
    assert barred(runs["start"].rows("Memory of an endpoint")) == {"an idle endpoint"}
    assert barred(runs["start"].rows("Bytes that are sent")) == {"the endpoint for a fresh host, compressed"}


def test_the_first_call_on_a_host_has_a_bar_near_and_far(runs):
    shared = "rproxy, OpenSSH, second client on a shared connection"
    assert barred(runs["start"].rows("Connect and first call")) == {"rproxy, OpenSSH, fresh", shared}
    assert barred(runs["start"].rows("The same at 5 ms")) == {"rproxy, OpenSSH, fresh", "rproxy, OpenSSH, deployed"}


def test_submitted_calls_items_and_small_objects_have_bars(runs):
    measured = runs["throughput"]
    assert barred(measured.rows("Calls that are submitted")) == {"rproxy, local"}
    assert barred(measured.rows("An item of an iterator")) == {"rproxy, local"}
    assert len(barred(measured.rows("Many small objects"))) == 12


def test_a_host_of_the_users_is_measured_alone(runs):
    assert "local:// alone" in runs["target"].said
    assert {table["title"] for table in runs["target"].tables} == {
        "An array of 1 MB, local", "The most memory that an array of 1 MB takes"
    }  # fmt: skip


# -- what is written -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["start", "--json", "/no/such/folder/x.json"], "cannot be written"),
        (["--plot", "/no/such/folder/x.svg"], "cannot be written"),
        (["--plot", "lines.png"], "is an .svg file"),
        (["start", "--plot", "lines.svg"], "start has no lines to draw"),
    ],
)
def test_what_cannot_be_written_is_told_before_anything_is_measured(words, told, capsys):
    with pytest.raises(SystemExit):
        main(words)
    said = capsys.readouterr()
    assert told in said.err and not said.out


def test_the_file_has_all_values_and_the_machine(runs):
    measured = runs["latency"]
    assert all(len(row["values"]) >= 1 for table in measured.tables for row in table["rows"])
    assert {"processor", "cores", "memory", "python", "ssh", "versions"} <= measured.machine.keys()


def test_the_picture_has_a_panel_a_line_and_a_name_for_each(runs):
    measured = runs["latency"]
    texts = {text for element in ET.fromstring(measured.picture).iter() for text in [element.text] if text}
    assert {sweep["title"] for sweep in measured.sweeps} | {"rproxy, OpenSSH", "mitogen"} <= texts


def test_a_page_gets_the_tables_and_keeps_its_words(runs, tmp_path):
    page, figures = tmp_path / "page.md", tmp_path / "figures.json"
    page.write_text(f"before\n{BEGIN}old\n{END}after\n")
    figures.write_text(json.dumps({"machine": runs["bulk"].machine, "tables": runs["bulk"].tables}))
    command = [sys.executable, "-m", "benchmarks.page", str(figures), str(page)]
    subprocess.run(command, cwd=REPOSITORY, check=True)
    written = page.read_text()
    assert written.startswith(f"before\n{BEGIN}") and written.endswith(f"{END}after\n") and "old" not in written
    assert "| rproxy, OpenSSH, push |" in written and "at least 0.8" in written


# -- bars ----------------------------------------------------------------------------------------------


def judged(bar: Bar, values=(2.0, 4.0, 9.0)):
    rows = [Row("limit", [2.0]), Row("ours", values, (bar,))]
    [found] = judge(Table("x", rows, "s", [], 8, "calls/s"), rows[1])
    return found.value, found.met


def test_a_bar_is_judged_by_medians():
    assert judged(Bar("times", "limit", most=2.0)) == (2.0, True)
    assert judged(Bar("times", "limit", most=1.9)) == (2.0, False)
    assert judged(Bar("speed", "limit", least=0.6)) == (0.5, False)
    assert judged(Bar("more", "limit", most=2.0)) == (2.0, True)
    assert judged(Bar("rate", least=2.0)) == (2.0, True)
    assert judged(Bar("value", most=3.0)) == (4.0, False)


def test_a_bar_whose_limit_was_not_measured_is_not_judged():
    assert judged(Bar("times", "somebody else", most=2.0)) == (None, None)


def test_the_summary_names_what_was_missed():
    rows = [
        Row("limit", [2.0]),
        Row("ours", [4.0], (Bar("times", "limit", most=1.2), Bar("speed", "limit", least=0.1))),
    ]
    said = summary([Table("Calls", rows, "s", [])])
    assert said.startswith("1 of 2 bars are met.") and "Calls: ours: 2.00 x limit, at most 1.2" in said
