"""The values that the tests send: what Python itself has. By name, so that a failing test says which."""

import datetime
import decimal
import enum
import fractions
import http
import math
import os
import re
import signal
import sys
import time
import urllib.parse
import uuid
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from typing import Any, NamedTuple

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
INDIA = datetime.timezone(datetime.timedelta(hours=5, minutes=30), "IST")

PLAIN: dict[str, Any] = {
    "None": None,
    "True": True,
    "False": False,
    "zero": 0,
    "small int": -7,
    "int of 53 bits": 2**53,
    "int beyond 53 bits": -(2**53) - 1,
    "int of 64 bits": 2**64,
    "int beyond all": 10**5000,
    "negative int beyond all": -(10**5000),
    "float": 0.1,
    "nan": math.nan,
    "inf": math.inf,
    "-inf": -math.inf,
    "-0.0": -0.0,
    "smallest float": 5e-324,
    "largest float": sys.float_info.max,
    "complex": 1.5 - 2j,
    "complex of -0.0 and nan": complex(-0.0, math.nan),
    "empty str": "",
    "str": "naïve ☃ 𝄞",
    "str with NUL and newline": "a\0b\r\n\u2028",
    "lone surrogate": "\ud800",
    "pair of lone surrogates": "\ud83d\ude00",
    "os.fsdecode of no UTF-8": os.fsdecode(b"\xff\xfe"),
    "long str": "x" * 100_000,
    "long str with a surrogate": "\udcff" * 30_000,
    "empty bytes": b"",
    "bytes of every value": bytes(range(256)),
    "long bytes": bytes(range(256)) * 1000,
    "bytearray": bytearray(range(256)),
    "empty bytearray": bytearray(),
    "long bytearray": bytearray(50_000),
    "Ellipsis": Ellipsis,
    "NotImplemented": NotImplemented,
    "range": range(5, -10, -3),
    "large range": range(10**30),
    "slice": slice(1, None, -1),
    "slice of data": slice("a", (1, 2), [3]),
}

STANDARD: dict[str, Any] = {
    "date": datetime.date(2024, 2, 29),
    "first date": datetime.date.min,
    "time": datetime.time(1, 2, 3, 4),
    "time with fold and zone": datetime.time(2, 30, tzinfo=INDIA, fold=1),
    "datetime": datetime.datetime(2024, 2, 29, 12, 30, 1, 999999),
    "last datetime": datetime.datetime.max,
    "naive datetime with fold": datetime.datetime(2024, 10, 27, 2, 30, fold=1),
    "datetime of UTC": datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC),
    "datetime in a zone with a name": datetime.datetime(2024, 1, 1, tzinfo=INDIA),
    "timedelta": datetime.timedelta(-1, 2, 3),
    "timezone.utc": datetime.UTC,
    "timezone": datetime.timezone(datetime.timedelta(minutes=-61)),
    "timezone with a name": INDIA,
    "Decimal": decimal.Decimal("-1.2300E-7"),
    "Decimal of 60 digits": decimal.Decimal("1" * 60),
    "Decimal -0": decimal.Decimal("-0.00"),
    "Decimal NaN": decimal.Decimal("NaN123"),
    "Decimal sNaN": decimal.Decimal("-sNaN7"),
    "Decimal Infinity": decimal.Decimal("-Infinity"),
    "Fraction": fractions.Fraction(-22, 7),
    "UUID": uuid.UUID(int=2**128 - 1),
}

#: What hosts of Python 3.8 and older have not.
NEWER: dict[str, Any] = {
    "timezone with seconds": datetime.timezone(datetime.timedelta(seconds=-3601)),
    "ZoneInfo": BERLIN,
    "datetime with fold in a ZoneInfo": datetime.datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=1),
    "UUID that is safe": uuid.UUID(int=5, is_safe=uuid.SafeUUID.safe),
    "member of a plain Enum": uuid.SafeUUID.unknown,
    "UUID that is unsafe": uuid.UUID(int=5, is_safe=uuid.SafeUUID.unsafe),
}


def shared() -> Any:
    one: list[Any] = [1]
    table: dict[str, Any] = {"one": one}
    return [one, (one, table), table, {"again": one}, deque([one])]


def cyclic_list() -> Any:
    made: list[Any] = [1]
    made += [made, [made]]
    return made


def cyclic_dict() -> Any:
    made: dict[Any, Any] = {"list": []}
    made["self"] = made
    made["list"].append(made)
    return made


def cyclic_deque() -> Any:
    made: Any = deque([1], maxlen=5)
    made.append([made])
    return made


def cyclic_mappings() -> Any:
    ordered: Any = OrderedDict()
    by_default: Any = defaultdict(list)
    ordered["other"], by_default["other"] = by_default, ordered
    return ordered


def deep(levels: int = 60) -> Any:
    made: Any = "bottom"
    for level in range(levels):
        made = [made] if level % 3 == 0 else (made,) if level % 3 == 1 else {"down": made}
    return made


CONTAINERS: dict[str, Any] = {
    "empty list": [],
    "empty tuple": (),
    "empty dict": {},
    "empty set": set(),
    "empty frozenset": frozenset(),
    "list": [1, "a", None, [2.5, [b"x"]]],
    "tuple": (1, ("a", (None,))),
    "dict in order": {"z": 1, "a": 2, "m": 3},
    "dict with keys of all sorts": {1: "int", "1": "str", (1, 2): "tuple", None: "None", b"b": "bytes", 2.5: "float"},
    "dict with a key that JSON uses": {"~": ["str", [1]], "a": 1},
    "dict of one key that JSON uses": {"~": 1},
    "dict with surrogates as keys": {"\ud800": 1, "\ud83d\ude00": 2, "\U0001f600": 3},
    "dict with control characters as keys": {"a\nb": 1, "": 2, "\0": 3, " ": 4},
    "dict with a key of nested tuples": {(1, ("a", (frozenset({2}),))): "x"},
    "set": {1, "a", (2, 3), None, b"b"},
    "frozenset of frozensets": frozenset({frozenset({1}), frozenset()}),
    "OrderedDict": OrderedDict([("z", 1), ("a", [2])]),
    "defaultdict of lists": defaultdict(list, {"a": [1]}),
    "defaultdict without a factory": defaultdict(None, {1: 2}),
    "Counter": Counter("abracadabra"),
    "Counter with zero and negative": Counter({"a": 0, "b": -3}),
    "deque": deque([1, [2]]),
    "deque with maxlen": deque([1, 2, 3], maxlen=3),
    "empty deque with maxlen 0": deque(maxlen=0),
    "shared parts": shared(),
    "list that holds itself": cyclic_list(),
    "dict that holds itself": cyclic_dict(),
    "deque that holds itself": cyclic_deque(),
    "mappings that hold each other": cyclic_mappings(),
    "deeply nested": deep(),
    "everything together": [PLAIN, STANDARD],
}


class Point(NamedTuple):
    """A record of a module that the far side does not have."""

    x: Any
    y: Any = 0


class Labelled(namedtuple("Labelled", "value")):
    """A record that may have attributes beside its fields."""


TIME_FIELDS = ("tm_year", "tm_mon", "tm_mday", "tm_hour", "tm_min", "tm_sec", "tm_wday", "tm_yday", "tm_isdst")


class Colour(enum.Enum):
    """An enumeration of a module that the far side does not have."""

    RED = 1


RECORDS: dict[str, Any] = {
    "HTTPStatus": http.HTTPStatus.NOT_FOUND,
    "Signals": signal.SIGINT,
    "one flag": re.I,
    "flags together": re.I | re.M,
    "no flag": re.RegexFlag(0),
    "enum members as keys": {http.HTTPStatus.OK: signal.SIGTERM},
    "named tuple of the standard library": urllib.parse.urlsplit("http://a/b?c#d"),
    "stat_result": os.stat(os.curdir),
    "struct_time": time.localtime(1_700_000_000),
    "struct_time without a zone": time.struct_time(range(9)),
    "terminal_size": os.terminal_size((80, 24)),
    "times_result": os.times(),
}

ALL = {**PLAIN, **STANDARD, **NEWER, **CONTAINERS, **RECORDS}
