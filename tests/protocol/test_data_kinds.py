"""Every kind of data through either codec, in this process; and the parts that make no data."""

import importlib

import pytest
from rproxy_endpoint.protocol.jsoned import JsonCodec
from rproxy_endpoint.protocol.pickled import PickleCodec
from rproxy_endpoint.protocol.values import Side

from ..values import numpy_samples, samples, table_samples
from ..values.sameness import assert_same

CODECS = {
    "pickle": PickleCodec(),
    "pickle of protocol 4": PickleCodec(4),
    "json": JsonCodec(),
}
SAMPLES = {**samples.ALL, **numpy_samples.ALL, **table_samples.ALL}


class OpenSide(Side):
    """Finds any class."""

    def locate(self, module, qualname):
        found = importlib.import_module(module)
        for name in qualname.split("."):
            found = getattr(found, name)
        return found


@pytest.fixture(params=CODECS)
def codec(request):
    return CODECS[request.param]


def there_and_back(codec, value, side=None):
    side = side or OpenSide()
    pieces, buffers = codec.dumps(value, side)
    return codec.loads(b"".join(pieces), [bytearray(buffer) for buffer in buffers], side)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_value_comes_back_as_it_was(codec, name):
    assert_same(there_and_back(codec, SAMPLES[name]), SAMPLES[name])
