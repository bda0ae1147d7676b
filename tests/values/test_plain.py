"""Python's plain types and the standard library's data, to a real endpoint and back."""

import decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ..conftest import connect_over, interpreters
from .sameness import assert_same
from .samples import CONTAINERS, NEWER, PLAIN, RECORDS, STANDARD

VALUES = {**PLAIN, **STANDARD, **NEWER}
BY_COMMANDS = ["None", "int beyond all", "nan", "pair of lone surrogates", "bytes of every value", "long bytes", "UUID"]


@pytest.mark.parametrize("name", VALUES)
def test_a_value_comes_back_as_it_was(far, name):
    assert_same(far.echo(VALUES[name]), VALUES[name])


@pytest.mark.parametrize("name", VALUES)
def test_the_far_side_sees_what_was_sent(far, describe, name):
    assert far.describe(VALUES[name]) == describe(VALUES[name])


@pytest.mark.parametrize("name", BY_COMMANDS)
def test_a_value_comes_back_by_commands(far_by_commands, name):
    assert_same(far_by_commands.echo(VALUES[name]), VALUES[name])


def test_a_value_may_be_a_keyword_argument(far):
    assert far.echo(value=decimal.Decimal("sNaN")).is_snan()


# -- data of every shape -------------------------------------------------------------------------------

PLAINEST = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.binary()
    | st.text(st.characters(exclude_categories=())) | st.dates() | st.times() | st.datetimes(allow_imaginary=False)
    | st.timedeltas() | st.decimals() | st.fractions() | st.uuids()
)  # fmt: skip
KEYS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=())) | st.binary(),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)
DATA = st.recursive(
    PLAINEST | KEYS,
    lambda inner: st.lists(inner, max_size=4) | st.lists(inner, max_size=4).map(tuple)
    | st.dictionaries(KEYS, inner, max_size=4) | st.sets(KEYS, max_size=4),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=DATA)
def test_data_of_any_shape_comes_back_as_it_was(far, value):
    assert_same(far.echo(value), value)


# -- other versions of Python --------------------------------------------------------------------------

SHARED = {**PLAIN, **STANDARD, **CONTAINERS, **RECORDS}


@pytest.fixture(scope="module", params=["3.6", "3.8", "the newest"])
def other(request, far_name, serializer):
    """The far module under another version of Python, and that version."""
    found = interpreters()
    version = max(found) if request.param == "the newest" else tuple(map(int, request.param.split(".")))
    if version not in found:
        pytest.skip(f"install Python {request.param}, for example with pyenv")
    with connect_over("stream", serializer=serializer, python=found[version]) as client:
        yield client.module(far_name), version


@pytest.mark.parametrize("name", SHARED)
def test_a_value_comes_back_from_another_python(other, name):
    assert_same(other[0].echo(SHARED[name]), SHARED[name])


@pytest.mark.parametrize("name", NEWER)
def test_a_newer_type_comes_back_from_a_python_that_has_it(other, name):
    module, version = other
    if version >= (3, 9):
        assert_same(module.echo(NEWER[name]), NEWER[name])


def test_a_zone_by_name_is_refused_by_a_python_without_such(other):
    from rproxy import SerializationError

    module, version = other
    if version < (3, 9):
        with pytest.raises(SerializationError, match=r"time zones by name need Python 3\.9"):
            module.echo(NEWER["ZoneInfo"])
