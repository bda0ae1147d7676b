"""JSON as text, by the parts of the standard library that are written in C: the module `json` imports `re` and `enum`,
which takes a fifth of an endpoint's start, for what few sessions read and write after their Hello."""

from typing import Any

from .errors import ValueFault


def _refuse(constant: str) -> Any:
    raise ValueFault("%s is not JSON" % constant)


class _Rules:
    """What the scanner of `json.JSONDecoder` takes from it."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int, parse_constant = float, int, staticmethod(_refuse)


def _unknown(value: Any) -> Any:
    raise TypeError("%s is not JSON" % type(value).__name__)


try:
    from _json import encode_basestring_ascii, make_encoder, make_scanner

    _scan: Any = make_scanner(_Rules)  # type: ignore[arg-type]
    _encode: Any = make_encoder(None, _unknown, encode_basestring_ascii, None, ":", ",", False, False, False)
except (ImportError, TypeError):  # an interpreter that has other ones
    import json

    _scan = json.JSONDecoder(parse_constant=_refuse).scan_once  # type: ignore[attr-defined]
    _encode = json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=_unknown).iterencode


def dumps(tree: Any) -> str:
    return "".join(_encode(tree, 0))


def loads(text: str) -> Any:
    """Raises ValueError, ValueFault or, where no value begins, StopIteration."""
    text = text.strip(" \t\n\r")
    value, end = _scan(text, 0)
    if end != len(text):
        raise ValueError("more than one value")
    return value
