"""A thousand calls through each double, while one request in a hundred fails before its command, one while the
command runs, and one after it: connections that drop, 503, commands that are killed, answers that are lost, cut,
late, doubled, or a page of HTML.

An eighth of the calls travels alone, some of them with files, the others in batches of fifteen: a command costs the
machine an interpreter's start. Four clients work at once.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

import rproxy

from ..services.process import Double
from .conftest import PYTHON, newt_options, sfapi_options

pytestmark = [pytest.mark.once, pytest.mark.timeout(300)]

CALLS, ALONE, BATCH, CLIENTS = 1000, 120, 15, 4
SHARE = 0.01
SEED = 106  # it has three faults of each stage among the first requests

FAR = """
import os

def work(number, data):
    line = os.open(os.path.expanduser("~/runs"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(line, b"%d\\n" % number)
    os.close(line)
    return number * 7, data
"""


class Tally:
    """How each call has ended, by its number."""

    def __init__(self):
        self.returned, self.raised, self.wrong = set(), {}, []

    def note(self, number, data, outcome):
        """Takes the outcome of a call: a function that returns its value or raises."""
        try:
            value = outcome()
        except rproxy.RProxyError as error:
            self.raised[number] = error
            return
        self.returned.add(number)
        if value != (number * 7, data):
            self.wrong.append((number, value))


def alone(work, tally, numbers):
    for number in numbers:
        data = bytes(30_000) if number % 20 == 0 else b""  # goes as a file, and comes as one
        tally.note(number, data, lambda number=number, data=data: work(number, data))


def batched(client, work, tally, numbers):
    for begin in range(0, len(numbers), BATCH):
        chunk = numbers[begin : begin + BATCH]
        try:
            with client.batch():
                promises = [work(number, b"") for number in chunk]
        except rproxy.RProxyError:
            pass  # each promise tells it too
        for number, promise in zip(chunk, promises, strict=True):
            tally.note(number, b"", promise.result)


def each_way(client, work, tally, some, others):
    alone(work, tally, some)
    batched(client, work, tally, others)


def options_of(service, double):
    return newt_options(double) if service == "newt" else sfapi_options(double)


@pytest.mark.parametrize(("service", "target"), [("newt", "newt://edison"), ("sfapi", "sfapi://perlmutter")])
def test_of_a_thousand_calls_each_is_right_or_raises_and_none_runs_twice(service, target):
    tally, kinds = Tally(), Counter()
    with Double(service) as double:
        (double.home / "far_work.py").write_text(FAR)
        clients = [
            rproxy.connect(target, python=PYTHON, setup="export PYTHONPATH=$HOME", **options_of(service, double))
            for _ in range(CLIENTS)
        ]
        works = [client.module("far_work").work for client in clients]  # before the faults begin
        for client in clients:
            client._connector.output_limit, client._connector.poll_interval = 20_000, 0.02
        double.modes(faults={"share": SHARE, "seed": SEED})
        with ThreadPoolExecutor(CLIENTS) as pool:
            jobs = []
            for place, (client, work) in enumerate(zip(clients, works, strict=True)):
                numbers = list(range(place, CALLS, CLIENTS))
                cut = ALONE // CLIENTS
                jobs.append(pool.submit(each_way, client, work, tally, numbers[:cut], numbers[cut:]))
            for job in jobs:
                job.result()
        faults = double.faults()
        double.reset()
        for client in clients:
            client.close()
        runs = Counter(map(int, (double.home / "runs").read_text().split()))
        left = list((double.home / ".rproxy" / "tmp").iterdir())
    kinds.update(type(error).__name__ for error in tally.raised.values())
    assert tally.wrong == []
    assert len(tally.returned) + len(tally.raised) == CALLS
    assert {number: count for number, count in runs.items() if count > 1} == {}
    assert tally.returned <= set(runs), "a value without a run"
    denied = [number for number, error in tally.raised.items() if not getattr(error, "may_have_run", True)]
    assert not set(denied) & set(runs), "an error that said that it had not run"
    assert set(faults) == {"before", "during", "after"}, faults
    assert tally.raised, kinds
    assert left == []
