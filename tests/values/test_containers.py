"""Containers, shared and cyclic ones too, to a real endpoint and back."""

import copy

import pytest

import rproxy

from .sameness import assert_same
from .samples import CONTAINERS

BY_COMMANDS = ["dict with keys of all sorts", "shared parts", "dict that holds itself", "deque with maxlen"]


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_comes_back_as_it_was(far, name):
    assert_same(far.echo(CONTAINERS[name]), CONTAINERS[name])


@pytest.mark.parametrize("name", [name for name in CONTAINERS if name != "everything together"])
def test_the_far_side_sees_what_was_sent(far, describe, name):
    assert far.describe(CONTAINERS[name]) == describe(CONTAINERS[name])


@pytest.mark.parametrize("name", BY_COMMANDS)
def test_a_container_comes_back_by_commands(far_by_commands, name):
    assert_same(far_by_commands.echo(CONTAINERS[name]), CONTAINERS[name])


def test_a_copy_comes_back_not_the_same_object(far):
    sent = [[1]]
    got = far.echo(sent)
    got[0].append(2)
    assert sent == [[1]]


def test_what_two_arguments_share_is_shared_there(far_client):
    one = [1]
    assert far_client.module("operator").is_(one, one) is True
    assert far_client.module("operator").is_(one, copy.copy(one)) is False


def test_a_list_that_holds_itself_holds_itself_there(far_client):
    made = []
    made.append(made)
    assert far_client.module("builtins").repr(made) == "[[...]]"


def test_a_defaultdict_makes_its_defaults_again(far):
    got = far.echo(CONTAINERS["defaultdict of lists"])
    got["new"].append(1)
    assert got["new"] == [1]


def test_a_tuple_that_holds_itself_comes_back_or_is_refused(far, serializer):
    made = []
    loop = (made,)
    made.append(loop)
    if serializer == "json":
        with pytest.raises(rproxy.SerializationError, match="holds itself"):
            far.echo(loop)
    else:
        got = far.echo(loop)
        assert got[0][0] is got


def test_what_is_nested_too_deeply_is_refused_before_it_is_sent(far_client, far):
    made = []
    for _ in range(100_000):
        made = [made]
    with pytest.raises(rproxy.SerializationError, match="nested too deeply"):
        far.echo(made)
    while made:  # taken apart by hand: its own end would be too deep as well
        made = made.pop()
    assert far.echo(1) == 1
