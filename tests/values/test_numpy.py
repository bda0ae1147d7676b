"""numpy's arrays, scalars and dtypes, to a real endpoint and back."""

import subprocess
import sys

import numpy as np
import pytest

import rproxy

from ..conftest import connect_over
from .numpy_samples import ALL, ARRAYS
from .sameness import assert_same

BY_COMMANDS = ["large array", "nested records", "array of objects", "scalar of f", "read-only array", "empty array"]


@pytest.mark.parametrize("name", ALL)
def test_a_value_comes_back_as_it_was(far, name):
    assert_same(far.echo(ALL[name]), ALL[name])


@pytest.mark.parametrize("name", ALL)
def test_the_far_side_sees_what_was_sent(far, describe, name):
    assert far.describe(ALL[name]) == describe(ALL[name])


@pytest.mark.parametrize("name", BY_COMMANDS)
def test_a_value_comes_back_by_commands(far_by_commands, name):
    assert_same(far_by_commands.echo(ALL[name]), ALL[name])


@pytest.mark.parametrize("name", [name for name, array in ARRAYS.items() if isinstance(array, np.ndarray)])
def test_an_array_that_comes_back_may_be_written_to(far, name):
    got = far.echo(ARRAYS[name])
    assert got.flags.writeable == ARRAYS[name].flags.writeable
    if got.flags.writeable:
        got[...] = np.zeros((), got.dtype)


def test_a_read_only_array_stays_read_only(far):
    with pytest.raises(ValueError, match="read-only"):
        far.echo(ARRAYS["read-only array"])[0] = 1


def test_the_fields_of_a_record_that_comes_back_may_be_written_to(far):
    got = far.echo(np.array([(1, 2)], "i4,i4")[0])
    got["f0"] = 5
    assert got["f0"] == 5


def test_an_array_that_came_back_is_no_view_of_what_was_sent(far):
    sent = np.arange(50_000)
    far.echo(sent)[:] = 0
    assert sent[-1] == 49_999


def test_numpy_that_they_have_not_is_named(tmp_path, far_name, serializer):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    python = str(tmp_path / "bare" / "bin" / "python")
    with connect_over("stream", serializer=serializer, python=python) as client:
        with pytest.raises(rproxy.SerializationError, match="numpy value needs numpy on both sides"):
            client.module(far_name).echo(np.arange(3))
        assert client.module(far_name).echo([1]) == [1]
