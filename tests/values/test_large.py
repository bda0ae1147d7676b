"""Values of 100 MB, to a real endpoint and back, with a checksum of what was seen there."""

import zlib

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.once

MB = 1 << 20
SIZE = 100 * MB


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(1).bytes(SIZE)


def test_100_mb_of_bytes_go_and_come_back(far, noise):
    assert far.checksum(noise) == zlib.crc32(noise)
    assert far.echo(noise) == noise


def test_100_mb_of_bytes_that_they_made_come(far):
    assert far.much(SIZE) == bytes(range(256)) * (SIZE // 256)


def test_a_bytearray_of_100_mb_goes_and_comes_back(far, noise):
    sent = bytearray(noise)
    got = far.echo(sent)
    assert type(got) is bytearray
    assert got == sent


def test_an_array_of_100_mb_goes_and_comes_back(far, noise):
    sent = np.frombuffer(noise, "f8")
    assert far.checksum(sent) == zlib.crc32(noise)
    assert far.echo(sent).tobytes() == noise


def test_an_array_of_100_mb_that_they_made_comes_and_may_be_written_to(far):
    got = far.large(SIZE // 8)
    assert got.dtype == np.float64
    assert np.array_equal(got, np.arange(SIZE // 8, dtype="f8"))
    got[:] = 0


def test_a_frame_of_100_mb_goes_and_comes_back(far, noise):
    sent = pd.DataFrame(np.frombuffer(noise, "i8").reshape(-1, 16))
    pd.testing.assert_frame_equal(far.echo(sent), sent)


def test_20_mb_go_and_come_back_by_commands(far_by_commands, noise):
    sent = noise[: 20 * MB]
    assert far_by_commands.checksum(sent) == zlib.crc32(sent)
    assert far_by_commands.echo(sent) == sent


def test_more_large_parts_than_a_message_has_buffers(far):
    sent = [np.full(3000, number) for number in range(1500)]
    got = far.echo(sent)
    assert all(map(np.array_equal, got, sent))
