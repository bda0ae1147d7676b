"""The endpoint under every Python from 3.6 on that this machine has, over both channels, with both serializers."""

import collections
import datetime
import decimal
import fractions
import json
import os
import uuid
from collections.abc import Iterator
from typing import NamedTuple

import pytest

import rproxy

from .conftest import HOME, connect_over, interpreters

pytestmark = pytest.mark.once

if len(interpreters()) < 2:
    pytest.skip("install more Pythons from 3.6 on, for example by pyenv", allow_module_level=True)


class Far(NamedTuple):
    """A client, and what it is a client of."""

    client: rproxy.RemoteClient
    version: tuple[int, int]
    channel: str
    serializer: str


def ids(param) -> str:
    version, channel, serializer = param
    return f"{version[0]}.{version[1]}-{channel}-{serializer}"


OLDEST, NEWEST = min(interpreters()), max(interpreters())
SERIALIZERS = ("cloudpickle", "json")
#: All of the streams. Of the commands, where each call is a process, all of the oldest and the newest Python, and the
#: two serializers in turn of those in between.
COMBINATIONS = [
    (version, channel, serializer)
    for place, version in enumerate(interpreters())
    for channel in ("stream", "command")
    for serializer in SERIALIZERS
    if channel == "stream" or version in (OLDEST, NEWEST) or serializer == SERIALIZERS[place % 2]
]


@pytest.fixture(scope="module", params=COMBINATIONS, ids=ids)
def far(request) -> Iterator[Far]:
    version, channel, serializer = request.param
    with connect_over(channel, python=interpreters()[version], serializer=serializer) as client:
        yield Far(client, version, channel, serializer)


# -- names and values ----------------------------------------------------------------------------------


def test_a_function_of_a_module_answers(far):
    assert far.client.module("os").getenv("HOME") == str(HOME)


def test_a_dotted_function_answers(far):
    assert far.client.module("os").path.join("a", "b") == "a/b"


def test_a_missing_module_is_missing_at_module(far):
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        far.client.module("no_such_module")


def test_the_version_is_a_record_with_its_fields(far):
    found = far.client.module("sys").version_info
    assert found[:2] == far.version == (found.major, found.minor)
    assert found >= (3, 6)


def test_a_file_status_is_a_record_with_its_fields(far):
    found, local = far.client.module("os").stat(__file__), os.stat(__file__)
    assert type(found) is os.stat_result
    assert (found.st_ino, found.st_size, found.st_mtime_ns) == (local.st_ino, local.st_size, local.st_mtime_ns)


SHARED = [1]
VALUES = [
    None, True, False, 0, -1, 2**200, 1.5, float("inf"), 3 - 4j, "é☃", "\ud800", b"", bytes(range(256)),
    bytearray(b"abc"), [], [1, [2, [3]]], (1, (2,)), {"a": {"b": 1}}, {(1, "x"): 2, None: 3, 4: 5}, {1, 2},
    frozenset({"a"}), range(3, 30, 4), slice(1, None, 2), collections.OrderedDict([("b", 1), ("a", 2)]),
    collections.Counter("abca"), collections.defaultdict(list, {"x": [1]}), collections.deque([1, 2], maxlen=5),
    datetime.datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=datetime.UTC), datetime.date(1, 1, 1),
    datetime.time(23, 59, 59, 999999, fold=1), datetime.timedelta(days=-1, microseconds=1),
    decimal.Decimal("1.10"), fractions.Fraction(-1, 3), uuid.UUID(int=7),
]  # fmt: skip


def test_values_come_back_as_they_went(far, far_module):
    echo = far.client.module(far_module("echo", "def echo(value):\n    return value\n")).echo
    for value, found in zip(VALUES, echo(VALUES), strict=True):
        assert (type(found), found) == (type(value), value)


def test_a_part_that_is_shared_stays_shared(far, far_module):
    echo = far.client.module(far_module("echo", "def echo(value):\n    return value\n")).echo
    first, second = echo([SHARED, SHARED])
    assert first == SHARED
    assert first is second


# -- exceptions ----------------------------------------------------------------------------------------


def test_a_file_that_is_missing_is_told_with_errno_and_name(far):
    with pytest.raises(FileNotFoundError) as caught:
        far.client.module("os").stat("/no/such/file")
    assert (caught.value.errno, caught.value.filename) == (2, "/no/such/file")
    assert isinstance(caught.value, rproxy.RemoteExecError)


def test_a_missing_key_is_a_key_error(far, far_module):
    name = far_module("failing", "def fail():\n    return {}['k']\n")
    with pytest.raises(KeyError) as caught:
        far.client.module(name).fail()
    assert caught.value.args == ("k",)
    assert "return {}['k']" in caught.value.remote_traceback


def test_a_decoding_error_keeps_its_place(far):
    with pytest.raises(UnicodeDecodeError) as caught:
        far.client.module("codecs").decode(b"a\xff", "utf-8")
    assert (caught.value.encoding, caught.value.object, caught.value.start) == ("utf-8", b"a\xff", 1)


def test_a_json_error_keeps_its_place(far):
    with pytest.raises(json.JSONDecodeError) as caught:
        far.client.module("json").loads("{1")
    assert (caught.value.doc, caught.value.pos, caught.value.lineno) == ("{1", 1, 1)


def test_the_session_goes_on_after_an_exit(far):
    with pytest.raises(rproxy.RemoteExecError) as caught:
        far.client.module("sys").exit(3)
    assert (caught.value.remote_type, caught.value.args) == ("SystemExit", (3,))
    assert far.client.module("math").sqrt(4) == 2


# -- output and surroundings ---------------------------------------------------------------------------

PRINTING = """
import os, subprocess, sys
def talk():
    print("from Python")
    os.write(1, b"from a descriptor\\n")
    subprocess.call(["echo", "from a child"])
    print("from Python again")
    return 5
"""


def test_output_is_recorded_in_the_order_of_its_writing(far, far_module):
    value, out = far.client.do_remote_call(far_module("printing", PRINTING), "talk")
    assert value == 5
    assert out == "from Python\nfrom a descriptor\nfrom a child\nfrom Python again\n"


SHELL = """
import subprocess
def shell(command):
    return subprocess.check_output(command, shell=True).decode().strip()
"""


def test_a_block_holds_for_its_calls_and_their_children(far, far_module, tmp_path):
    shell = far.client.module(far_module("shell", SHELL)).shell
    with far.client.env(RPROXY_BLOCK="set"), far.client.cwd(tmp_path), far.client.path("/opt/block/bin"):
        assert shell("echo $RPROXY_BLOCK; pwd; echo ${PATH%%:*}") == f"set\n{tmp_path}\n/opt/block/bin"
    assert shell("echo ${RPROXY_BLOCK-unset}") == "unset"
    assert shell("pwd") != str(tmp_path)


def test_a_block_unsets_a_variable(far):
    getenv = far.client.module("os").getenv
    with far.client.env(HOME=None):
        assert getenv("HOME") is None
    assert getenv("HOME") == str(HOME)


# -- what stays and what goes --------------------------------------------------------------------------


def test_an_object_stays_and_is_used_through_its_proxy(far):
    remote_io = far.client.module("io")
    if far.channel == "command":
        with pytest.raises(rproxy.SerializationError, match="`open`"):
            remote_io.StringIO()
        return
    with remote_io.StringIO() as file:
        assert file.write("one\ntwo\n") == 8
        assert file.seek(0) == 0
        assert list(file) == ["one\n", "two\n"]
    assert file.closed is True


def test_a_function_goes_to_every_version(far):
    offset = 40

    def add(number):
        return number + offset

    if far.serializer == "json":
        with pytest.raises(rproxy.SerializationError, match="cannot travel by JSON"):
            far.client.call(add, 2)
    else:
        assert far.client.call(add, 2) == 42


WARNING = """
import sys
def work():
    print("out")
    print("err", file=sys.stderr)
    return list(sys.warnoptions)
"""


@pytest.mark.parametrize("version", interpreters(), ids=lambda version: f"{version[0]}.{version[1]}")
@pytest.mark.parametrize("channel", ["stream", "command"])
def test_the_endpoint_gives_no_cause_for_warnings(version, channel, far_module, monkeypatch):
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    monkeypatch.setenv("PYTHONDEVMODE", "1")
    with connect_over(channel, python=interpreters()[version]) as client, client.capture() as out:
        assert "error" in client.module(far_module("quiet", WARNING)).work()
    assert (out.text, out.errors) == ("out\n", "err\n")
