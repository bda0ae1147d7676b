"""What can be wrong with bytes and values; `rproxy.errors` gives both a place in the public tree."""


class ProtocolFault(Exception):
    """The bytes are not the protocol: the stream cannot be followed any further."""


class ValueFault(Exception):
    """One value cannot be taken apart or rebuilt; the stream itself is sound."""
