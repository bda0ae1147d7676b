"""Typical uses of modules, written for the local ones, run in a block that substitutes them.

docs/substitution.md has the same table. Each use must reach the far side, and give what it gives locally.
"""

import textwrap

import pytest

import rproxy

USES = [
    ("argparse", """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("-n", type=int)
        result = parser.parse_args(["-n", "1"]).n
     """, 1),
    ("array", "import array; result = array.array('i', [1, 2]).tolist()", [1, 2]),
    ("ast", "import ast; result = ast.literal_eval('[1]'), ast.unparse(ast.parse('1+1'))", ([1], "1 + 1")),
    ("codecs", "import codecs; result = codecs.encode('abc', 'rot13')", "nop"),
    ("concurrent", """
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(2) as pool:
            result = list(pool.map(abs, [-1, 2]))
     """, [1, 2]),
    ("contextlib", """
        import contextlib
        @contextlib.contextmanager
        def given():
            yield 5
        with given() as result:
            pass
     """, 5),
    ("copy", "import copy; result = copy.deepcopy([[1]])", [[1]]),
    ("ctypes", "import ctypes; result = ctypes.sizeof(ctypes.c_int32)", 4),
    ("dataclasses", """
        import dataclasses
        @dataclasses.dataclass
        class Point:
            x: int
        result = Point(1).x, str(Point(2)).endswith("Point(x=2)")
     """, (1, True)),
    ("inspect", "import inspect; result = str(inspect.signature(lambda a, b=1: a))", "(a, b=1)"),
    ("logging", "import logging; result = logging.getLogger('a.b').name, logging.INFO", ("a.b", 20)),
    ("operator", "import operator; result = sorted([[2], [1]], key=operator.itemgetter(0))", [[1], [2]]),
    ("queue", "import queue; q = queue.Queue(); q.put(1); result = q.get(), q.empty()", (1, True)),
    ("select", "import select; result = select.select([], [], [], 0)", ([], [], [])),
    ("signal", "import signal; result = signal.SIGTERM.name, signal.Signals(9).name", ("SIGTERM", "SIGKILL")),
    ("base64", "import base64; result = base64.b64decode(base64.b64encode(b'abc'))", b"abc"),
    ("bisect", "from bisect import bisect_left; result = bisect_left([1, 3, 5], 4)", 2),
    ("binascii", "import binascii; result = binascii.crc32(b'abc')", 891568578),
    ("calendar", "import calendar; result = calendar.monthrange(2024, 2)[1]", 29),
    ("collections", "from collections import Counter; result = Counter('aab')['a']", 2),
    ("colorsys", "import colorsys; result = colorsys.rgb_to_hsv(1.0, 0.0, 0.0)", (0.0, 1.0, 1.0)),
    ("configparser", """
        import configparser
        parser = configparser.ConfigParser()
        parser.read_string("[a]\\nb = 1\\n")
        try:
            parser.get("a", "c")
        except configparser.NoOptionError:
            result = parser.getint("a", "b"), parser.sections()
     """, (1, ["a"])),
    ("csv io", """
        import csv, io
        text = io.StringIO()
        csv.writer(text).writerow([1, "a,b"])
        result = list(csv.DictReader(["x,y", text.getvalue().strip()]))
     """, [{"x": "1", "y": "a,b"}]),
    ("datetime", "import datetime as dt; result = (dt.date(2024, 3, 1) - dt.timedelta(days=1)).day", 29),
    ("decimal", "from decimal import Decimal; result = str(Decimal('0.1') + Decimal('0.2'))", "0.3"),
    ("difflib", "import difflib; result = difflib.get_close_matches('appel', ['ape', 'apple'])", ["apple", "ape"]),
    ("email", """
        import email
        message = email.message_from_string("Subject: hello\\n\\nbody")
        result = message["subject"], message.get_payload()
     """, ("hello", "body")),
    ("fnmatch", "from fnmatch import filter; result = filter(['a.py', 'b.c'], '*.py')", ["a.py"]),
    ("fractions", "from fractions import Fraction as F; result = F(1, 3) + F(1, 6) == F('1/2')", True),
    ("functools", "import functools, operator; result = functools.reduce(operator.add, [1, 2, 3])", 6),
    ("glob", "import glob; result = glob.glob('/et[c]')", ["/etc"]),
    ("gzip", "import gzip; result = gzip.decompress(gzip.compress(b'abc'))", b"abc"),
    ("hashlib", "import hashlib; result = hashlib.sha256(b'abc').hexdigest()[:8]", "ba7816bf"),
    ("heapq", "import heapq; result = heapq.nsmallest(2, [5, 1, 4])", [1, 4]),
    ("html", "import html; result = html.escape('<a>')", "&lt;a&gt;"),
    ("io", "import io; result = io.StringIO('a\\nb').readlines()", ["a\n", "b"]),
    ("itertools", "from itertools import chain, product; result = list(chain([1], [2])), list(product([1], [2]))",
     ([1, 2], [(1, 2)])),
    ("itertools", "import itertools; result = [(key, list(group)) for key, group in itertools.groupby('aabccc')]",
     [("a", ["a", "a"]), ("b", ["b"]), ("c", ["c", "c", "c"])]),
    ("json", """
        import json
        try:
            json.loads("{")
        except json.JSONDecodeError as error:
            result = json.dumps({"a": [1, None]}), error.pos
     """, ('{"a": [1, null]}', 1)),
    ("math", "from math import *; result = round(sin(pi / 2), 9), hypot(3, 4)", (1.0, 5.0)),
    ("os", """
        import os
        entries = os.listdir("/")
        with os.scandir("/") as found:
            names = [entry.name for entry in found]
        result = sorted(names) == sorted(entries), os.path.isdir("/"), os.stat("/").st_mode & 0o40000 > 0
     """, (True, True, True)),
    ("pathlib", "from pathlib import Path; p = Path('/') / 'etc'; result = p.is_dir(), p.name, str(p)",
     (True, "etc", "/etc")),
    ("pickle", "import pickle; result = pickle.loads(pickle.dumps({'a': (1, 2)}))", {"a": (1, 2)}),
    ("platform", "import platform; result = platform.system()", "Linux"),
    ("random", "import random; r = random.Random(1); result = 0 <= r.random() < 1, random.choice([7])", (True, 7)),
    ("re", """
        import re
        match = re.compile(r"(\\w)(\\d+)").match("a12", re.IGNORECASE and 0)
        result = match.group(2), match.groups(), re.sub("a", "b", "aa", flags=re.IGNORECASE), re.split(",", "a,b")
     """, ("12", ("a", "12"), "bb", ["a", "b"])),
    ("shlex", "import shlex; result = shlex.split('a \"b c\"')", ["a", "b c"]),
    ("shutil", "import shutil; result = shutil.which('sh') is not None, shutil.disk_usage('/').total > 0",
     (True, True)),
    ("socket", """
        import socket
        left, right = socket.socketpair()
        with left, right:
            left.sendall(b"abc")
            result = right.recv(3), socket.AF_INET.name
     """, (b"abc", "AF_INET")),
    ("sqlite3", """
        import sqlite3
        with sqlite3.connect(":memory:") as db:
            db.row_factory = sqlite3.Row
            db.execute("create table t (a primary key, b)")
            db.executemany("insert into t values (?, ?)", [(1, "x"), (2, None)])
            try:
                db.execute("insert into t values (1, 'y')")
            except sqlite3.IntegrityError:
                rows = [dict(zip(row.keys(), tuple(row))) for row in db.execute("select * from t order by a")]
        result = rows, db.execute("select count(*) from t").fetchone()[0]
     """, ([{"a": 1, "b": "x"}, {"a": 2, "b": None}], 2)),
    ("statistics", "import statistics as s; result = s.mean([1, 2, 3]), s.median([1, 9, 2])", (2, 2)),
    ("string", "import string; result = string.Template('$a!').substitute(a=1), string.digits", ("1!", "0123456789")),
    ("struct", "import struct; result = struct.unpack('<H', struct.pack('<H', 513)), struct.calcsize('<I')",
     ((513,), 4)),
    ("subprocess", """
        import subprocess
        try:
            subprocess.run(["sh", "-c", "exit 3"], check=True)
        except subprocess.CalledProcessError as error:
            code = error.returncode
        done = subprocess.run(["echo", "hi"], capture_output=True, text=True)
        result = code, done.stdout, subprocess.check_output(["echo", "a"])
     """, (3, "hi\n", b"a\n")),
    ("sys", "import sys; result = sys.version_info[0], sys.byteorder", (3, "little")),
    ("tempfile", """
        import tempfile
        with tempfile.TemporaryFile("w+") as file:
            file.write("abc")
            file.seek(0)
            result = file.read()
     """, "abc"),
    ("textwrap", "import textwrap; result = textwrap.wrap('aa bb', 2)", ["aa", "bb"]),
    ("threading", """
        import threading
        lock = threading.Lock()
        with lock:
            result = lock.locked()
     """, True),
    ("time", "import time; result = time.strftime('%Y', time.gmtime(0)), time.time() > 0", ("1970", True)),
    ("typing", """
        import typing
        result = str(typing.Optional[int]), str(typing.Union[int, str]), typing.cast(int, "5")
     """, ("typing.Optional[int]", "typing.Union[int, str]", "5")),
    ("unicodedata", "import unicodedata; result = unicodedata.name('a')", "LATIN SMALL LETTER A"),
    ("urllib", "from urllib.parse import urlsplit, quote; result = urlsplit('http://h/p').netloc, quote('a b')",
     ("h", "a%20b")),
    ("uuid", "import uuid; result = uuid.UUID(int=1).int, uuid.uuid4().version", (1, 4)),
    ("xml", """
        import xml.etree.ElementTree as ET
        try:
            ET.fromstring("<a>")
        except ET.ParseError:
            result = [item.text for item in ET.fromstring("<a><b>1</b><b>2</b></a>").findall("b")]
     """, ["1", "2"]),
    ("zipfile", """
        import zipfile
        try:
            zipfile.ZipFile("/etc/hosts")
        except zipfile.BadZipFile:
            result = zipfile.is_zipfile("/etc/hosts")
     """, False),
    ("zlib", "import zlib; result = zlib.decompress(zlib.compress(b'abc'))", b"abc"),
    ("numpy", """
        import numpy as np
        from numpy.linalg import solve
        a = np.arange(6, dtype=np.float64).reshape(2, 3)
        rng = np.random.default_rng(1)
        result = (
            float(a.sum()), float(np.linalg.norm([3.0, 4.0])), solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 4.0]).tolist(),
            isinstance(a, np.ndarray), a.dtype == np.dtype('float64'), rng.normal(size=3).shape,
            np.fft.fft([1, 0]).tolist(), repr(np.dtype("f4")),
        )
     """, (15.0, 5.0, [1.0, 1.0], True, True, (3,), [1, 1], "dtype('float32')")),
    ("pandas", """
        import pandas as pd
        df = pd.DataFrame({"k": ["a", "b", "a"], "v": [1.0, 2.0, 3.0]})
        other = pd.DataFrame({"k": ["a", "b"], "w": [10, 20]})
        merged = pd.merge(df, other, on="k")
        result = (
            df.groupby("k")["v"].sum().to_dict(), merged["w"].tolist(), isinstance(df, pd.DataFrame),
            pd.to_datetime("2024-02-29").day, pd.concat([df, df]).shape, bool(pd.isna(pd.NA)),
            pd.read_csv("/dev/null", names=["a"]).shape,
        )
     """, ({"a": 4.0, "b": 2.0}, [10, 20, 10], True, 29, (6, 2), True, (0, 1))),
]  # fmt: skip


def need(module):
    if module in ("numpy", "pandas"):
        pytest.importorskip(module, reason=f"install {module}")


@pytest.mark.parametrize(("module", "code", "expected"), USES, ids=[use[0] for use in USES])
def test_a_typical_use_gives_what_it_gives_locally(stream_client, module, code, expected):
    need(module)
    names: dict = {"__name__": "user"}
    with stream_client.substitute(*module.split()):
        before = stream_client._session.sent
        exec(textwrap.dedent(code), names)
        assert stream_client._session.sent > before, "it never asked the far side"
    assert names["result"] == expected


LIMITS = [
    ("abc", "import abc\nclass Mine(abc.ABC): pass", "Mine cannot be a subclass of"),
    ("enum", "import enum\nclass Mine(enum.Enum): X = 1", "Mine cannot be a subclass of"),
    ("json", "import json\nclass Mine(json.JSONEncoder): pass", "Mine cannot be a subclass of"),
    ("csv", "import csv, io\ncsv.writer(io.StringIO())", "an open file of this side"),
    ("asyncio", """
        import asyncio
        async def work(): pass
        under_way = work()
        try:
            asyncio.run(under_way)
        finally:
            under_way.close()
     """, "a coroutine, cannot travel"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "code", "text"), LIMITS, ids=[use[0] for use in LIMITS])
def test_what_cannot_work_is_an_error(stream_client, module, code, text):
    need(module)
    with (
        stream_client.substitute(module),
        pytest.raises((TypeError, rproxy.SerializationError), match=text),
    ):
        exec(textwrap.dedent(code), {"__name__": "user"})


@pytest.mark.parametrize("trust", [[], ["numpy"]], ids=["strange", "trusted"])
def test_exceptions_of_a_package_are_caught(trust):
    need("numpy")
    names: dict = {"__name__": "user"}
    code = "import numpy as np\ntry: np.linalg.inv([[0.0]])\nexcept np.linalg.LinAlgError: caught = True"
    with rproxy.connect(trust=trust) as client, client.substitute("numpy"):
        exec(code, names)
    assert names["caught"]


def test_a_local_dtype_is_not_equal_to_a_remote_class(stream_client):
    need("numpy")
    names: dict = {"__name__": "user"}
    with stream_client.substitute("numpy"):
        exec("import numpy as np; a = np.zeros(2); same = a.dtype == np.float64, a.dtype == np.dtype('float64')", names)
    assert names["same"] == (False, True)
