"""How many round trips each line of docs/round_trips.md costs: the page is read, and its code is run."""

import asyncio
import copy
import inspect
import pathlib
import pydoc
import re

import pytest

import rproxy

from .conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "round_trips.md").read_text("utf-8")
ROW = re.compile(r"^\| (.+?) \| `(.+)` \| (at most )?(\d+) \|$", re.MULTILINE)
ROWS = [(what, code, bool(most), int(count)) for what, code, most, count in ROW.findall(PAGE)]

MODULE = """
async def wait():
    return "waited"

def generate(count):
    yield from range(count)
"""


@pytest.fixture(scope="module")
def client():
    with rproxy.connect() as client:
        client.deploy()  # all of it: the parts that a host asks for once are no part of what a line costs
        yield client


@pytest.fixture
def names(client, far_module, tmp_path):
    """What the page says that there is before each row."""
    file = tmp_path / "file"
    file.write_text("text")
    module = client.module(far_module("trips", MODULE))
    found = {
        "client": client, "rproxy": rproxy, "name": str(file), "coroutine": module.wait(),
        "numbers": module.generate(100_000), "asyncio": asyncio, "copy": copy, "inspect": inspect,
        "pathlib": pathlib, "pydoc": pydoc,
        **{f"remote_{name}": client.module(name) for name in ("os", "io", "pathlib", "asyncio")},
    }  # fmt: skip
    found["kept"] = rproxy.keep(found["remote_os"].getpid)()
    found["buffer"] = found["remote_io"].BytesIO(b"abc")
    found["path"] = found["remote_pathlib"].Path("/a")
    return found


@pytest.fixture
def count(client):
    """`count(work)`: the requests of both sides while it runs."""
    session, loans = client._session, client._session.side.loans
    asked = []
    run = loans._run
    loans._run = lambda message: asked.append(message) or run(message)

    def counted(work):
        before = session.sent
        work()
        return session.sent - before + len(asked)

    yield counted
    del loans._run


@pytest.mark.parametrize(("what", "code", "most", "trips"), ROWS, ids=[row[0] for row in ROWS])
def test_a_row_of_the_page_costs_what_it_says(names, count, what, code, most, trips):
    compiled = compile(code, "docs/round_trips.md", "exec")
    counted = count(lambda: exec(compiled, names))
    assert counted <= trips if most else counted == trips


def test_every_row_of_the_page_is_read():
    lines = [line for line in PAGE.splitlines() if line.startswith("| ") and "`" in line]
    assert len(lines) == len(ROWS) > 30
