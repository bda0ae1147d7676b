"""A module on the far side that gives back what it gets, and says what it saw."""

import pytest

from ..conftest import FAR_MODULES, connect_over

SOURCE = '''
import collections
import enum
import re
import zlib


Point = collections.namedtuple("Point", "x y")


class Colour(enum.Enum):
    RED = 1


def echo(value):
    return value


def describe(value):
    """What a value is, in words that are the same in every process."""
    if isinstance(value, (set, frozenset)):
        return type(value).__qualname__, sorted(map(repr, value))
    try:
        return type(value).__qualname__, re.sub(" at 0x[0-9a-f]+>", ">", repr(value))
    except ValueError:  # an int of more digits than Python writes
        return type(value).__qualname__, ""


def checksum(value):
    return zlib.crc32(memoryview(value).cast("B"))


def point():
    return Point(1, [2])


def is_point(value):
    return type(value) is Point


def colour():
    return Colour.RED


def much(count):
    return bytes(range(256)) * (count // 256)


def large(count):
    import numpy

    return numpy.arange(count, dtype="f8")


def frame():
    import pandas

    return pandas.DataFrame({"a": [1]})
'''
FAR = "far_values"
LOCAL = {"__name__": FAR}
exec(SOURCE, LOCAL)


@pytest.fixture(scope="session")
def far_name():
    (FAR_MODULES / f"{FAR}.py").write_text(SOURCE, "utf-8")
    return FAR


@pytest.fixture(scope="session", params=["cloudpickle", "json"])
def serializer(request):
    return request.param


@pytest.fixture(scope="session")
def far_client(far_name, serializer):
    with connect_over("stream", serializer=serializer) as client:
        yield client


@pytest.fixture(scope="session")
def far(far_client, far_name):
    """The far module, over a stream."""
    return far_client.module(far_name)


@pytest.fixture(scope="session")
def far_by_commands(far_name, serializer):
    """The far module, one command at a time."""
    with connect_over("command", serializer=serializer) as client:
        yield client.module(far_name)


@pytest.fixture(scope="session")
def describe():
    """The same function as there, for values that are here."""
    return LOCAL["describe"]
