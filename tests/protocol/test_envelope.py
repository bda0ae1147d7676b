"""Envelopes: what is not proven to be whole is nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rproxy_endpoint.protocol.envelope import seal, unseal

pytestmark = pytest.mark.once

TOKEN = "0123456789abcdef"


@given(st.binary(max_size=300), st.booleans())
def test_what_was_sealed_comes_out_as_it_was(data, text):
    sealed = seal(TOKEN, data, text)
    assert unseal(TOKEN, sealed, text) == data
    assert unseal(TOKEN, sealed + b"\nlogout\n" + sealed, text) == data


@given(st.binary(max_size=300), st.booleans(), st.data())
def test_what_was_cut_is_nothing(data, text, draw):
    sealed = seal(TOKEN, data, text)
    cut = draw.draw(st.integers(0, len(sealed) - 1))
    assert unseal(TOKEN, sealed[:cut], text) is None


@given(st.binary(min_size=1, max_size=300), st.data())
def test_a_changed_byte_makes_it_nothing(data, draw):
    sealed = bytearray(seal(TOKEN, data))
    place = draw.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= draw.draw(st.integers(1, 255))
    assert unseal(TOKEN, bytes(sealed)) is None


@given(st.binary(max_size=300), st.binary(min_size=1, max_size=20), st.data())
def test_more_bytes_make_it_nothing(data, more, draw):
    sealed = seal(TOKEN, data)
    place = draw.draw(st.integers(0, len(data)))
    assert unseal(TOKEN, sealed[:place] + more + sealed[place:]) is None


def test_broken_lines_of_text_do_no_harm():
    sealed = seal(TOKEN, bytes(range(256)), text=True)
    assert unseal(TOKEN, sealed[:76] + b"\r\n" + sealed[76:], text=True) == bytes(range(256))


def test_text_that_is_no_base64_is_nothing():
    assert unseal(TOKEN, b"A" + seal(TOKEN, b"abc", text=True), text=True) is None


def test_the_envelope_of_another_command_is_nothing():
    assert unseal("f" * 16, seal(TOKEN, b"data")) is None


def test_a_shell_that_echoes_the_token_makes_no_trailer():
    assert TOKEN.encode() not in seal(TOKEN, b"")
