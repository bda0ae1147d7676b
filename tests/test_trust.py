"""Trust, end to end: hostile endpoints are real processes, and honest ones send what the user named."""

import http
import json
import re
import shlex
import subprocess
import sys

import pytest

import rproxy
from rproxy.connectors.local import LocalConnector
from rproxy.trust import Trust
from rproxy_endpoint.protocol.messages import KINDS, Failure, Reply

from .conftest import FAR_MODULES, REPOSITORY
from .protocol.hostile import crafted, made, reply, text

# -- hostile endpoints ---------------------------------------------------------------------------------

#: Speaks the handshake, then answers each request, whatever it asks, with the same bytes.
ENDPOINT = """
import os, struct, sys
token, kind, body, hello = sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3]), sys.argv[4].encode()

def say(kind, call, body):
    os.write(1, struct.pack("<BBHIQ", 0xE7, kind, 0, call, len(body)) + body)

def read(size):
    data = b""
    while len(data) < size:
        more = os.read(0, size - len(data))
        if not more:
            sys.exit()
        data += more
    return data

os.write(1, b"\\n<rproxy:" + token[::-1].encode() + b">")
say(1, 0, hello)
while True:
    _, asked, buffers, call, size = struct.unpack("<BBHIQ", read(16))
    sizes = struct.unpack("<%dQ" % buffers, read(8 * buffers))
    read(size + sum(sizes))
    if 2 <= asked <= 6:
        say(kind, call, body)
"""
FACTS = {
    "protocol": 1, "python": [3, 12, 0], "executable": "python3", "platform": "linux", "pid": 1, "host": "evil",
    "machine": "x86_64", "folder": "/", "pickle": 5,
}  # fmt: skip


class HostileConnector(LocalConnector):
    """Starts a hostile endpoint in the honest one's place."""

    target = "hostile://"

    def __init__(self, body, kind=KINDS[Reply], facts=None):
        self._words = [str(kind), body.hex(), json.dumps({"~": ["tuple", FACTS if facts is None else facts]})]

    def open(self, command):
        script = "".join(shlex.split(command)[5:])  # exec /bin/sh -c ... sh, and the script in pieces
        token = re.findall(r"session ([0-9a-f]{16})", script)[-1]
        words = [sys.executable, "-c", ENDPOINT, token, *self._words]
        return super().open("exec " + " ".join(map(shlex.quote, words)))


def call(body, kind=KINDS[Reply], **options):
    with rproxy.RemoteClient(HostileConnector(body, kind), **options) as client:
        return client.do_remote_call("os", "getenv", ["HOME"])[0]


def test_the_hostile_endpoint_of_these_tests_is_taken_for_an_endpoint():
    assert call(reply(text("honest"))) == "honest"


@pytest.mark.parametrize("name", sorted(crafted("canary")))
def test_a_hostile_endpoint_can_run_nothing_here(name, tmp_path):
    canary = tmp_path / "canary"
    with pytest.raises((rproxy.SerializationError, rproxy.ProtocolError)):
        call(crafted(str(canary))[name])
    assert not canary.exists()


@pytest.mark.parametrize("name", ["os.system", "__reduce__", "in an object array", "BUILD of a member"])
def test_a_failure_is_guarded_as_a_reply_is(name, tmp_path):
    canary = tmp_path / "canary"
    with pytest.raises((rproxy.SerializationError, rproxy.ProtocolError)):
        call(crafted(str(canary))[name], KINDS[Failure])
    assert not canary.exists() and http.HTTPStatus.OK.value == 200


@pytest.mark.parametrize("name", ["os.system", "__reduce__", "eval"])
def test_json_reads_no_pickle(name, tmp_path):
    canary = tmp_path / "canary"
    with pytest.raises(rproxy.SerializationError):
        call(crafted(str(canary))[name], serializer="json")
    assert not canary.exists()


@pytest.mark.parametrize(
    "reference",
    [
        (), ("nonsense",), ("object",), ("object", "x", 0, None, None), ("object", 1, 99, None, None),
        ("object", 1, [], None, None), ("object", True, 0, None, None), ("object", 1, 0, [], None),
    ],
    ids=repr,
)  # fmt: skip
def test_a_reference_that_means_nothing_is_refused(reference):
    body = {"~": ["value", "reference", list(reference), [], []]}
    with pytest.raises(rproxy.SerializationError):
        call(json.dumps({"~": ["tuple", body]}).encode(), serializer="json")


@pytest.mark.parametrize("answer", [b"[]", b"5", b"null", b'{"mro":5}', b'{"fault":"arguments"}', b'{"~":["set"]}'])
def test_a_failure_that_tells_nothing_is_refused(answer):
    with pytest.raises(rproxy.RProxyError):
        call(b'{"~":["tuple",' + answer + b"]}", KINDS[Failure], serializer="json")


@pytest.mark.parametrize("kind", [0, 1, 2, 99])
def test_a_message_that_no_endpoint_may_send_ends_the_session(kind):
    with pytest.raises(rproxy.ProtocolError, match="does not speak the protocol"):
        call(b"[]", kind)


@pytest.mark.parametrize(
    "facts", [{"protocol": 1}, {**FACTS, "python": "3.12"}, {**FACTS, "python": [3, "x", 0]}, {**FACTS, "pickle": None}]
)
def test_a_hello_that_tells_something_else_than_an_endpoints_is_refused(facts):
    with pytest.raises(rproxy.ProtocolError, match="does not say what an endpoint says"):
        rproxy.RemoteClient(HostileConnector(b"", facts=facts))


def test_a_refused_reply_leaves_the_session_sound():
    with rproxy.RemoteClient(HostileConnector(crafted("x")["os.system"])) as client:
        for _ in range(3):
            with pytest.raises(rproxy.SerializationError, match="not data"):
                client.do_remote_call("os", "getenv")


# -- the classes that may be found ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "os.system", "builtins.eval", "ctypes.cdll./tmp/evil", "ctypes.cdll.evil", "pytest.ExitCode", "__main__.X",
        "antigravity.webbrowser", "venv.__main__.main", "this.s", "test.support.X", "os.environ", "http.HTTPStatus.OK",
        "builtins.type.__subclasses__", "_pyrepl._minimal_curses.error", "no_such_module.X", "os.no_such_name",
        "http..HTTPStatus", ".os.error", "json.decoder.JSONDecoder.decode", "rproxy.errors.RProxyError",
    ],
)  # fmt: skip
def test_a_name_that_is_no_class_of_the_standard_library_is_not_found(name):
    for dot in (place for place, char in enumerate(name) if char == "."):
        assert Trust().locate(name[:dot], name[dot + 1 :]) is None


@pytest.mark.parametrize("name", [(1, "x"), ("os", None), (["os"], "error"), ("os", b"error")])
def test_a_name_that_is_no_text_is_not_found(name):
    assert Trust().locate(*name) is None


def test_classes_of_the_standard_library_are_found():
    assert Trust().locate("http", "HTTPStatus") is http.HTTPStatus
    assert Trust().locate("json.decoder", "JSONDecodeError") is json.JSONDecodeError


def test_a_library_is_not_loaded_by_its_name(tmp_path):
    """`getattr(ctypes.cdll, path)` would load it, and run its first code."""
    source = tmp_path / "evil.c"
    source.write_text('#include <stdio.h>\n__attribute__((constructor)) void f(void) { fclose(fopen("canary", "w")); }')
    built = subprocess.run(["cc", "-shared", "-fPIC", "-o", str(tmp_path / "evil"), str(source)], capture_output=True)
    if built.returncode:
        pytest.skip("install a C compiler as `cc`")
    load = f"import ctypes\ngetattr(ctypes.cdll, {str(tmp_path / 'evil')!r})"
    subprocess.run([sys.executable, "-c", load], cwd=tmp_path, check=True)
    (tmp_path / "canary").unlink()
    ask = f"from rproxy.trust import Trust\nprint(Trust().locate('ctypes', 'cdll.' + {str(tmp_path / 'evil')!r}))"
    done = subprocess.run([sys.executable, "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "None\n" and not (tmp_path / "canary").exists()


# -- trusted packages ----------------------------------------------------------------------------------

PACKAGE = """
import collections, dataclasses, enum, functools, os

class Plain:
    def __init__(self, name):
        self.name = name
    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)

@dataclasses.dataclass
class Data:
    number: int
    inner: object = None

@dataclasses.dataclass(frozen=True)
class Frozen:
    number: int

class Slots:
    __slots__ = ("a", "b")
    def __init__(self, a):
        self.a = a
    def __eq__(self, other):
        return self.a == other.a and not hasattr(other, "b")

class Reduced:
    def __init__(self, value):
        self.value = value
    def __reduce__(self):
        return Reduced, (self.value + 1,)
    def __eq__(self, other):
        return self.value + 1 == other.value

def rebuild(value):
    made = Stated()
    made.value = value
    return made

class Stated:
    value = 0
    def __getstate__(self):
        return [self.value]
    def __setstate__(self, state):
        (self.value,) = state
    def __eq__(self, other):
        return self.value == other.value

class Rebuilt(Stated):
    def __reduce__(self):
        return rebuild, (self.value,)

class Items(dict):
    pass

class Members(list):
    pass

class Counted(collections.UserDict):
    pass

class NewArgs:
    def __new__(cls, *, word):
        made = super().__new__(cls)
        made.word = word
        return made
    def __getnewargs_ex__(self):
        return (), {"word": self.word}
    def __eq__(self, other):
        return self.word == other.word

class Colour(enum.Enum):
    RED = 1

class Wrong(ValueError):
    def __init__(self, one, two):
        super().__init__(one, two)
        self.code = two

class Holder:
    class Nested(Plain):
        pass

def make(name):
    stated = Rebuilt()
    stated.value = 7
    members = Members([1, 2])
    members.extra = 3
    return {
        "plain": Plain("x"), "dataclass": Data(1), "frozen": Frozen(2), "slots": Slots(5), "reduce": Reduced(1),
        "state": stated, "dict": Items(a=1), "list": members, "user dict": Counted(a=1), "new args": NewArgs(word="w"),
        "enumeration": Colour.RED, "nested class": Holder.Nested("n"),
        "nested": Data(1, [Data(2, {"k": Plain((1, 2))}), Slots(Frozen(3))]),
    }[name]

def circle():
    one = Plain(None)
    one.name = [one]
    return one

def shared():
    one = Plain("one")
    return [one, one]

def fail():
    raise Wrong("first", 2)

system = os.system
"""
KINDS_OF_INSTANCES = [
    "plain", "dataclass", "frozen", "slots", "reduce", "state", "dict", "list", "user dict", "new args", "enumeration",
    "nested class", "nested",
]  # fmt: skip


@pytest.fixture(scope="module")
def package():
    """A package that both sides have."""
    (FAR_MODULES / "trusted_here.py").write_text(PACKAGE)
    sys.path.insert(0, str(FAR_MODULES))
    import trusted_here

    yield trusted_here
    sys.path.remove(str(FAR_MODULES))
    del sys.modules["trusted_here"]


@pytest.fixture(scope="module", params=["cloudpickle", "json"])
def trusting(request, package):
    with rproxy.connect(trust=["trusted_here"], serializer=request.param) as client:
        yield client


@pytest.mark.parametrize("name", KINDS_OF_INSTANCES)
def test_an_instance_of_a_trusted_package_comes_back_by_value(trusting, package, name):
    value = trusting.module("trusted_here").make(name)
    expected = package.make(name)
    assert type(value) in (type(expected), package.Stated)
    assert expected == value
    assert getattr(value, "extra", None) == getattr(expected, "extra", None)


def test_an_instance_that_holds_itself_comes_whole_or_not_at_all(trusting, package):
    module = trusting.module("trusted_here")
    with pytest.raises(rproxy.SerializationError, match="trusted_here.Plain holds itself"):
        module.circle()
    kept = rproxy.keep(module.circle)()
    assert type(kept) is not package.Plain
    one, other = module.shared()
    assert one is other and one.name == "one"


def test_an_exception_of_a_trusted_package_is_that_exception(trusting, package):
    with pytest.raises(package.Wrong) as caught:
        trusting.module("trusted_here").fail()
    assert caught.value.args == ("first", 2) and caught.value.code == 2


def test_without_trust_an_instance_stays_on_the_far_side(package):
    with rproxy.connect() as client:
        value = client.module("trusted_here").make("plain")
        assert type(value) is not package.Plain and value.name == "x"
        value.name = "changed there"
        assert value.name == "changed there"


def test_trust_in_one_package_is_none_in_another(trusting):
    value = trusting.module("argparse").Namespace(a=1)
    assert type(value).__module__ != "argparse" and value.a == 1


@pytest.mark.parametrize(
    "qualname", ["system", "os.system", "functools.partial", "Plain.__init__.__globals__", "nothing"]
)
@pytest.mark.parametrize("how", ["new", "call", "other"])
def test_what_a_trusted_package_merely_imports_is_not_trusted(package, tmp_path, qualname, how):
    canary = tmp_path / "canary"
    parts = [text(how), text("trusted_here"), text(qualname), text(f"touch {canary}") + b"\x85", b"}", b"N"]
    with pytest.raises(rproxy.SerializationError):
        call(reply(made("instance", *parts)), trust=["trusted_here"])
    assert not canary.exists()


@pytest.mark.parametrize("name", sorted(crafted("canary")))
def test_trust_in_a_package_opens_nothing_else(name, tmp_path):
    canary = tmp_path / "canary"
    with pytest.raises((rproxy.SerializationError, rproxy.ProtocolError)):
        call(crafted(str(canary))[name], trust=["trusted_here"])
    assert not canary.exists()


def test_a_trusted_package_is_imported_only_when_it_is_needed():
    code = "import sys, rproxy\nc = rproxy.connect(trust=['wave_of_trust'])\nprint(c.module('os').sep)\nc.close()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY)
    assert done.stdout == "/\n", done.stderr
