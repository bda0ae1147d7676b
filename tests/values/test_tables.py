"""The tables of pandas, pyarrow and polars, to a real endpoint and back."""

import subprocess
import sys

import pandas as pd
import pytest

import rproxy

from ..conftest import connect_over
from .sameness import assert_same
from .table_samples import ALL, FRAMES

BY_COMMANDS = ["frame of every type", "Arrow table", "polars frame"]


@pytest.mark.parametrize("name", ALL)
def test_a_table_comes_back_as_it_was(far, name):
    assert_same(far.echo(ALL[name]), ALL[name])


@pytest.mark.parametrize("name", [name for name in ALL if name != "Arrow table without rows"])
def test_the_far_side_sees_what_was_sent(far, describe, name):
    assert far.describe(ALL[name]) == describe(ALL[name])


@pytest.mark.parametrize("name", BY_COMMANDS)
def test_a_table_comes_back_by_commands(far_by_commands, name):
    assert_same(far_by_commands.echo(ALL[name]), ALL[name])


@pytest.mark.parametrize("name", [name for name, frame in FRAMES.items() if len(frame)])
def test_a_frame_that_comes_back_may_be_written_to(far, name):
    got = far.echo(FRAMES[name])
    if isinstance(got, pd.DataFrame):
        for place in range(got.shape[1]):
            got.iloc[0, place] = got.iloc[-1, place]
        first, last = got.iloc[[0]], got.iloc[[-1]]
    else:
        got.iloc[0] = got.iloc[-1]
        first, last = got.iloc[:1], got.iloc[-1:]
    assert first.reset_index(drop=True).equals(last.reset_index(drop=True))


@pytest.mark.once
@pytest.mark.parametrize(
    ("library", "call"),
    [
        ("pandas", "far_values.frame()"),
        ("polars", "client.module('polars').DataFrame({'a': [1]})"),
        ("pyarrow", "client.module('pyarrow').table({'a': [1]})"),
    ],
)
def test_a_library_that_is_not_here_is_named(far_name, serializer, library, call):
    code = f"""
import sys
sys.modules[{library!r}] = None  # as Python itself marks what cannot be imported
import rproxy
with rproxy.connect(serializer={serializer!r}) as client:
    far_values = client.module("far_values")
    try:
        {call}
    except rproxy.SerializationError as error:
        print(error)
    print(far_values.echo(1))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert f"needs {library} on both sides; it is missing on this one" in done.stdout, done.stderr
    assert done.stdout.endswith("1\n")


@pytest.mark.parametrize("name", ["frame of one type", "Arrow table", "polars frame"])
def test_a_library_that_they_have_not_is_named(bare_far, name):
    library = type(ALL[name]).__module__.partition(".")[0]
    with pytest.raises(rproxy.SerializationError, match=f"needs {library} on both sides|needs numpy on both sides"):
        bare_far.echo(ALL[name])


@pytest.fixture(scope="module")
def bare_far(tmp_path_factory, far_name, serializer):
    """The far module under a Python without any library."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    with connect_over("stream", serializer=serializer, python=str(folder / "bin" / "python")) as client:
        yield client.module(far_name)
