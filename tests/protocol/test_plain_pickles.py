"""Pickles that name nothing are loaded by the C function alone."""

import pickle

import pytest

from rproxy_endpoint.protocol.errors import ValueFault
from rproxy_endpoint.protocol.pickled import PickleCodec, names_nothing
from rproxy_endpoint.protocol.values import Side

PLAIN = [(), ("os", "getenv", ("HOME",), {}, None, False), ([1, 2.5, "é", b"\0"], {"a": {1, 2}}, 10**30)]


@pytest.mark.parametrize("value", PLAIN, ids=["nothing", "a call", "nested"])
def test_plain_values_name_nothing_and_come_back(value):
    codec = PickleCodec(is_plain=names_nothing)
    (body,), _ = codec.dumps(value, Side())
    assert names_nothing(bytes(body))
    assert codec.loads(bytes(body), [], Side()) == value


def test_what_names_something_goes_to_the_decoder():
    codec = PickleCodec(is_plain=names_nothing)
    body = pickle.dumps(print, 4)
    assert not names_nothing(body)
    with pytest.raises(ValueFault, match=r"builtins\.print, which is not data"):
        codec.loads(body, [], Side())


def test_the_byte_of_a_name_in_a_text_changes_nothing():
    codec = PickleCodec(is_plain=names_nothing)
    (body,), _ = codec.dumps((b"\x93\x97",), Side())
    assert not names_nothing(bytes(body))
    assert codec.loads(bytes(body), [], Side()) == (b"\x93\x97",)


@pytest.mark.parametrize(
    "body", [b"", b"\x80\x05", b"no pickle", b"\x80\x04K\x01"], ids=["empty", "cut", "text", "open"]
)
def test_bytes_that_are_no_pickle_are_a_fault(body):
    with pytest.raises(ValueFault, match="not a pickle of data"):
        PickleCodec(is_plain=names_nothing).loads(body, [], Side())
