"""No reply can run code here: what a hostile endpoint may write, and what becomes of it."""

import collections
import copyreg
import datetime
import http
import os
import pickle
import pickletools
import subprocess
import sys

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rproxy import scanning
from rproxy.operations import check_operations
from rproxy.trust import GuardedDecoder, Trust
from rproxy_endpoint.protocol.errors import ValueFault
from rproxy_endpoint.protocol.frames import encode
from rproxy_endpoint.protocol.messages import KINDS, Reply
from rproxy_endpoint.protocol.peer import Peer
from rproxy_endpoint.protocol.pickled import PickleCodec, TableEncoder
from rproxy_endpoint.protocol.values import Side

from .hostile import BASE, Bomb, crafted, group, made, named, number, reply, text

CODEC = PickleCodec(decoder=GuardedDecoder)
NAMES = sorted(crafted("canary"))


class Client(Side):
    """What the real client answers about classes."""

    def __init__(self, *packages):
        self.trust = Trust(packages)

    def locate(self, module, qualname):
        return self.trust.locate(module, qualname)


def read(body, *packages):
    """The value of a reply, as the client's peer reads it."""
    peer = Peer("client", Client(*packages))
    peer.feed(b"".join(Peer("endpoint", Side()).greet({})))
    peer.codec = CODEC
    (frame,) = peer.feed(b"".join(encode(KINDS[Reply], peer.number(), [body], [])))
    return peer.read(frame).value


@pytest.fixture
def extension():
    """An extension of `copyreg` that is registered, and cached, in this process."""
    copyreg.add_extension("posix", "system", 0xF0)
    copyreg._extension_cache[0xF0] = os.system
    yield
    copyreg.remove_extension("posix", "system", 0xF0)
    copyreg._extension_cache.pop(0xF0, None)


# -- what is refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_reply_is_refused_and_nothing_runs(name, tmp_path, extension):
    canary = tmp_path / "canary"
    before = dict(vars(http.HTTPStatus.OK))
    with pytest.raises(ValueFault):
        read(crafted(str(canary))[name])
    assert not canary.exists()
    assert vars(http.HTTPStatus.OK) == before


def test_the_bomb_of_these_tests_does_go_off_elsewhere(tmp_path):
    pickle.loads(pickle.dumps(Bomb(tmp_path / "canary")))
    assert (tmp_path / "canary").exists()


@pytest.mark.parametrize("name", ["os.system", "__reduce__", "in an object array", "EXT1", "exec", "dotted name"])
def test_these_replies_would_run_in_an_ordinary_unpickler(name, tmp_path):
    canary = tmp_path / "canary"
    code = "import copyreg, sys, pickle; copyreg.add_extension('posix', 'system', 0xF0); pickle.load(sys.stdin.buffer)"
    subprocess.run([sys.executable, "-c", code], input=crafted(str(canary))[name], capture_output=True)
    assert canary.exists()


def test_a_build_would_change_a_member_of_an_enumeration_in_an_unguarded_decoder():
    code = (
        "import http\nfrom tests.protocol.test_hostile_bytes import Client, PickleCodec, crafted\n"
        "PickleCodec().loads(crafted('x')['BUILD of a member'], [], Client())\nprint(http.HTTPStatus.OK.value)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "404\n", done.stderr


@pytest.mark.parametrize("module", ["antigravity", "this", "venv.__main__", "idlelib.idle", "_pyrepl._minimal_curses"])
@pytest.mark.parametrize("kind", ["records.member", "records.tuple"])
def test_modules_that_do_something_are_never_imported(module, kind):
    parts = (group(text("a")), group(b"N"), b"}") if kind == "records.tuple" else (text("a"), b"N")
    body = reply(made(kind, text(module), text("Thing"), *parts))
    code = (
        "import sys\nsys.argv[1:] = ['/dev/null']\nfrom tests.protocol.test_hostile_bytes import read, ValueFault\n"
        f"try: print(type(read({body!r})).__module__)\nexcept ValueFault: print('refused')\n"
        f"print({module!r} in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["refused" if kind == "records.member" else module, "False"], done.stderr


# -- what comes out as harmless data -------------------------------------------------------------------


def test_a_record_that_names_another_class_is_a_named_tuple_of_that_name():
    body = made("records.tuple", text("subprocess"), text("Popen"), group(text("args")), group(text("touch x")), b"}")
    value = read(reply(body))
    assert value == ("touch x",) and type(value) is not subprocess.Popen
    assert type(value).__mro__[-2:] == (tuple, object)


def test_a_member_of_the_standard_library_is_that_member():
    value = read(reply(made("records.member", text("http"), text("HTTPStatus"), text("OK"), b"N")))
    assert value is http.HTTPStatus.OK


def test_an_enumeration_elsewhere_needs_trust():
    body = reply(made("records.member", text("pytest"), text("ExitCode"), text("OK"), b"N"))
    assert read(body, "pytest", "_pytest") is pytest.ExitCode.OK


def test_a_dtype_in_an_array_cannot_lie_about_memory():
    body = made("numpy.array", text("<i8"), group(number(1 << 30)), text("C"), b"C\x08AAAAAAAA", b"\x88")
    with pytest.raises(ValueFault):
        read(reply(body))


# -- keys that cost too much ---------------------------------------------------------------------------

#: Deep enough to end a process that hashes such a tuple, and no deeper: all of it is read under coverage.
DEEP = 300_000


KEYS = {
    "SETITEM": b"}%sNs",
    "SETITEMS": b"}(%sNu",
    "ADDITEMS": b"\x8f(%s\x90",
    "FROZENSET": b"(%s\x91",
}


@pytest.mark.parametrize("form", KEYS.values(), ids=KEYS.keys())
def test_tuples_in_tuples_without_end_are_no_key(form):
    with pytest.raises(ValueFault, match="nested too deeply"):
        read(reply(form % (b")" + b"\x85" * DEEP)))


def test_such_a_key_would_end_the_process():
    code = f"import pickle; pickle.loads(b'\\x80\\x04}})' + b'\\x85' * {DEEP} + b'Ns.')"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode < 0


def test_tuples_that_hold_each_other_twice_are_no_key():
    doubled = b"".join(b"h%ch%c\x86\x94" % (place, place) for place in range(100))
    with pytest.raises(ValueFault, match="so often that they cannot be hashed"):
        read(reply(b"})\x94" + doubled + b"Ns"))


def test_a_tuple_that_is_hashed_again_and_again_is_refused():
    long = b"(" + b"K\x01" * 100_000 + b"t\x940"
    keys = b"h\x00N" * 10_000
    with pytest.raises(ValueFault, match="so often"):
        read(reply(b"}" + long + b"(" + keys + b"u"))


def test_parts_that_a_maker_may_hash_are_weighed_too():
    with pytest.raises(ValueFault, match="nested too deeply"):
        read(reply(made("constant", b")" + b"\x85" * DEEP)))


#: `make` as number 0 of the memo, where it stays.
MAKE_MEMO = named("rproxy_endpoint.protocol.values", "make") + b"\x940"
#: What makes a value of another one: before it, after it.
LINKS = {
    "slice": (b"h\x00(" + text("slice"), b"tR"),
    "array": (
        b"h\x00(" + text("numpy.objects") + text("O") + group(number(1)) + text("C") + b"](",
        b"e\x88tR",
    ),
}


@pytest.mark.parametrize(("begin", "end"), LINKS.values(), ids=LINKS.keys())
def test_made_values_nested_without_end_are_refused(begin, end):
    with pytest.raises(ValueFault, match="nested too deeply"):
        read(reply(MAKE_MEMO + begin * 5000 + b"N" + end * 5000))


def test_a_value_that_is_finished_gets_no_more_members():
    deque = b"h\x00(" + text("deque") + b"NtR\x94"
    first_inside_second_by_the_memo = b"h\x01h\x02a"
    with pytest.raises(ValueFault, match="add to a value that is finished"):
        read(reply(MAKE_MEMO + deque + deque + first_inside_second_by_the_memo))


def test_as_many_containers_as_an_honest_endpoint_likes_are_read():
    sent = [collections.deque([(1, (2,)), [place]]) for place in range(30_000)]
    pieces, _ = PickleCodec().dumps((sent,), Client())
    assert read(b"".join(pieces)) == sent


def test_deques_in_deques_without_end_are_refused():
    deque = b"h\x00(" + text("deque") + b"NtR"
    body = MAKE_MEMO + deque * 30_000 + b"a" * 29_999
    with pytest.raises(ValueFault, match="nested too deeply"):
        read(reply(body))


def test_lists_nested_without_end_are_harmless_data():
    value = read(reply(b"]" * DEEP + b"a" * (DEEP - 1)))
    for _ in range(DEEP - 1):
        (value,) = value
    assert value == []


def test_honest_keys_of_any_kind_pass():
    day, pair = datetime.date(2024, 2, 29), (1, (2, 3))
    value = {pair: [pair, pair], (pair, pair): day, day: {pair, frozenset({pair})}}
    assert back(value) == value


def back(value, codec=CODEC):
    body, buffers = codec.dumps((value,), Client())
    return CODEC.loads(b"".join(body), [bytearray(part) for part in buffers], Client())[0]


HASHABLE = st.recursive(
    st.none() | st.integers() | st.text() | st.binary() | st.floats(allow_nan=False) | st.dates() | st.fractions(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=6,
)
VALUES = st.recursive(
    HASHABLE,
    lambda inner: st.lists(inner) | st.dictionaries(HASHABLE, inner) | st.sets(HASHABLE) | st.tuples(inner, inner),
    max_leaves=25,
)


@given(VALUES)
def test_whatever_is_data_passes_the_guard(value):
    assert back(value) == value


@given(VALUES)
def test_whatever_is_data_passes_the_guard_from_an_old_endpoint(value):
    assert back(value, PickleCodec(4, encoder=TableEncoder)) == value


@pytest.mark.parametrize("size", [0, 1, 12, 13, 255, 256, 70_000])
@pytest.mark.parametrize("kind", [str, bytes, int, bytearray])
def test_texts_and_numbers_of_every_length_pass_the_guard(size, kind):
    value = {str: "x" * size, bytes: b"." * size, int: 1 << 8 * size, bytearray: bytearray(b"b" * size)}[kind]
    assert back([value, "after"]) == [value, "after"]


@pytest.mark.parametrize("number", [1, 300, 70_000, -1, 1.5], ids=str)
def test_numbers_in_runs_of_every_length_pass_the_guard(number):
    value = [[number] * count + [None, "x" * count] for count in range(40)]
    assert back(value) == value


@pytest.mark.parametrize("number", [1, 300, 70_000, 1.5, "text", "t" * 40], ids=str)
@pytest.mark.parametrize("count", range(10))
def test_what_would_run_code_is_refused_after_any_number_of_numbers_and_texts(number, count):
    body = b"".join(CODEC.dumps([number] * 10, Side())[0])
    places = [place for code, _, place in pickletools.genops(body) if code.name not in ("MEMOIZE", "FRAME", "PROTO")]
    place = places[2 + count]
    with pytest.raises(ValueFault, match="operation EXT1,"):
        check_operations(body[:place] + b"\x82\x01" + body[place:])


ONE = [None, True, False, 1, 300, 70_000, -1, 1.5, "", "text", "t" * 255, b"", b"bytes", b"\x94\x85\x94."]


@pytest.mark.parametrize("protocol", [4, 5])
@pytest.mark.parametrize("value", ONE, ids=repr)
def test_what_is_taken_for_one_number_or_text_is_no_more_than_that(value, protocol):
    body = pickle.dumps((value,), protocol)
    assert scanning.is_one(body)
    others = {bytes([*body[:place], byte, *body[place + 1 :]]) for place in range(len(body)) for byte in range(256)}
    others |= {body[:place] + body[place + 1 :] for place in range(len(body))}
    others |= {body[:place] + more + body[place:] for place in range(len(body)) for more in (b"0", b"\x94", b"R")}
    taken = [other for other in others if scanning.is_one(other)]
    assert [other for other in taken if not scanning.is_easy(other)] == []


def test_a_tuple_that_holds_itself_passes_the_guard():
    value = ([], 1, 2, 3)
    value[0].append(value)
    value = {"k": value}
    result = back(value)["k"]
    assert result[0][0] is result


def test_a_value_of_megabytes_passes_the_guard():
    value = [{"row": place, "name": "n" * (place % 300), "pair": (place, str(place))} for place in range(20_000)]
    assert back(value) == value


# -- the guard reads as the unpickler does -------------------------------------------------------------


@pytest.mark.parametrize("code", pickletools.opcodes, ids=lambda code: code.name)
def test_each_operation_that_no_data_needs_is_refused_by_its_name(code):
    needed = {
        name for protocol in (4, 5) for value in NEEDED for name in operations(value, protocol)
    } | {"POP", "POP_MARK", "BINPERSID", "LONG_BINGET", "BINUNICODE8", "BINBYTES8"}  # fmt: skip
    body = b"\x80\x05(NNN" + code.code.encode("latin-1") + b"\x01\x00\x00\x00\x00\x00\x00\x00" * 2
    said = ""
    try:
        check_operations(body)
    except ValueFault as fault:
        said = str(fault)
    assert (f"operation {code.name}," in said) == (code.name not in needed)


MANY = [str(place) for place in range(300)]
NEEDED = [
    None, True, False, 1, 300, 70_000, 1 << 40, 1 << 3000, 1.5, "x", "x" * 300, b"x", b"x" * 300, bytearray(1), (),
    (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [1], [1, 2], {1: 2}, {1: 2, 3: 4}, {1}, frozenset({1}), [MANY, MANY],
    numpy.arange(3),
]  # fmt: skip


def operations(value, protocol):
    body = b"".join(PickleCodec(protocol).dumps((value, value), Side())[0])
    return {code.name for code, _, _ in pickletools.genops(body)}


def outcome(body):
    """The type of what bytes give: of a value, or ValueFault; any other exception is the test's failure."""
    try:
        return type(CODEC.loads(body, [], Client()))
    except ValueFault:
        return ValueFault


@given(st.binary(max_size=300))
def test_random_bytes_give_values_or_value_faults(body):
    for start in (b"", BASE, BASE + named("rproxy_endpoint.protocol.values", "make")):
        assert outcome(start + body) is outcome(start + body)  # nothing of it is left in the codec


HONEST = [b"".join(CODEC.dumps((value,), Client())[0]) for value in [*NEEDED, {"a": (1, {2}), "b": range(3)}]]


@given(st.data())
def test_mutated_replies_give_values_or_value_faults(data):
    body = bytearray(data.draw(st.sampled_from(HONEST)))
    for place, byte in data.draw(st.lists(st.tuples(st.integers(0, len(body) - 1), st.integers(0, 255)), max_size=4)):
        body[place] = byte
    cut = bytes(body[: data.draw(st.integers(0, len(body)))])
    assert outcome(cut) is outcome(cut)
