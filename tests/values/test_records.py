"""Named tuples, structseqs and members of enumerations, to a real endpoint and back."""

import importlib
import os
import sys

import pytest

from ..conftest import FAR_MODULES
from .sameness import assert_same
from .samples import RECORDS, Labelled, Point

BY_COMMANDS = ["stat_result", "flags together", "HTTPStatus"]


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_comes_back_as_it_was(far, name):
    assert_same(far.echo(RECORDS[name]), RECORDS[name])


@pytest.mark.parametrize("name", RECORDS)
def test_the_far_side_sees_what_was_sent(far, describe, name):
    assert far.describe(RECORDS[name]) == describe(RECORDS[name])


@pytest.mark.parametrize("name", BY_COMMANDS)
def test_a_record_comes_back_by_commands(far_by_commands, name):
    assert_same(far_by_commands.echo(RECORDS[name]), RECORDS[name])


def test_the_attributes_of_stat_beside_its_items_come_back(far_client, tmp_path):
    (tmp_path / "file").write_text("x")
    os.utime(tmp_path / "file", ns=(1, 1_700_000_000_123_456_789))
    got = far_client.module("os").stat(str(tmp_path / "file"))
    assert type(got) is os.stat_result
    assert (got.st_size, got.st_mtime_ns) == (1, 1_700_000_000_123_456_789)


def test_version_info_comes_back_with_its_fields(far_client):
    got = far_client.module("sys").version_info
    assert got >= (3, 6)
    assert (got.major, got.minor, got.releaselevel) == (*sys.version_info[:2], sys.version_info.releaselevel)


def test_the_flags_of_python_come_back_with_their_fields(far_client):
    assert far_client.module("sys").flags.dev_mode is sys.flags.dev_mode


def test_a_named_tuple_of_their_module_comes_back_with_its_name_and_fields(far):
    got = far.point()
    assert (got, got.x, got.y) == ((1, [2]), 1, [2])
    assert (type(got).__module__, type(got).__qualname__) == ("far_values", "Point")


def test_a_named_tuple_that_came_is_theirs_again_when_it_goes_back(far):
    assert far.is_point(far.point())


def test_a_named_tuple_of_a_module_that_both_have_is_theirs_there(far, monkeypatch):
    monkeypatch.syspath_prepend(str(FAR_MODULES))
    assert far.is_point(importlib.import_module("far_values").Point(1, 2))


def test_a_named_tuple_of_a_module_that_they_have_not_keeps_its_fields_there(far, far_client):
    assert far_client.module("operator").attrgetter("y.x")(Point(1, Point(2, 3))) == 2
    assert far.describe(Point(1, y="a")) == ("Point", "Point(x=1, y='a')")


def test_a_named_tuple_that_they_have_not_keeps_its_attributes(far):
    sent = Labelled(1)
    sent.label = "mine"
    got = far.echo(sent)
    assert (got.value, got.label) == (1, "mine")
