"""Exceptions as data and back: nothing keeps one from being told, and no data do more than tell one."""

import builtins
import json
import subprocess
import sys
import traceback

import pytest

from rproxy.errors import RemoteExecError, remote_class
from rproxy.trust import GuardedDecoder, Trust
from rproxy_endpoint.protocol.errors import ValueFault
from rproxy_endpoint.protocol.exceptions import make_exception
from rproxy_endpoint.protocol.failures import DEPTH, MOST, TEXT, plain_failure, take_exception
from rproxy_endpoint.protocol.jsoned import JsonCodec
from rproxy_endpoint.protocol.pickled import PickleCodec
from rproxy_endpoint.protocol.values import Side

CODECS = [PickleCodec(decoder=GuardedDecoder), JsonCodec()]


def rebuilt(data, packages=()):
    return make_exception(data, Trust(packages).locate, remote_class)


def there(error, packages=(), codecs=CODECS):
    """An exception that travelled, by each codec in turn."""
    data = take_exception(error)
    for codec in codecs:
        body, buffers = codec.dumps(data, Side())
        data = codec.loads(b"".join(body), buffers, Side())
    return rebuilt(data, packages)


def raised(error):
    try:
        raise error
    except BaseException as caught:
        return caught


def plainest(**changes):
    return {**take_exception(ValueError("x")), **changes}


def builtin_exceptions():
    special = {
        UnicodeDecodeError: ("utf-8", b"ab\xff", 2, 3, "bad"),
        UnicodeEncodeError: ("ascii", "ab\xe9", 2, 3, "bad"),
        UnicodeTranslateError: ("ab\xe9", 2, 3, "bad"),
        ExceptionGroup: ("several", [ValueError("one"), OSError(2, "two")]),
        SyntaxError: ("bad", ("file.py", 3, 5, "a b c", 3, 7)),
    }
    for cls in vars(builtins).values():
        if isinstance(cls, type) and issubclass(cls, Exception):
            by_base = next((special[base] for base in cls.__mro__ if base in special), None)
            yield cls(
                *(by_base or ((2, "No such", "file", None, "other") if issubclass(cls, OSError) else ("first", 2)))
            )


@pytest.mark.parametrize("error", list(builtin_exceptions()), ids=lambda error: type(error).__name__)
def test_each_builtin_exception_is_itself_and_a_remote_one(error):
    back = there(error)
    assert isinstance(back, type(error)) and isinstance(back, RemoteExecError)
    assert str(back) == str(error)
    assert back.remote_type == type(error).__name__
    if isinstance(error, ExceptionGroup):
        assert [type(member) for member in back.args[1]] == [type(member) for member in back.exceptions]
    else:
        assert back.args == error.args


@pytest.mark.parametrize(
    ("error", "names"),
    [
        (FileNotFoundError(2, "No such", "a", None, "b"), "errno strerror filename filename2"),
        (UnicodeDecodeError("utf-8", b"ab\xff", 2, 3, "bad"), "encoding object start end reason"),
        (UnicodeEncodeError("ascii", "ab\xe9", 2, 3, "bad"), "encoding object start end reason"),
        (UnicodeTranslateError("ab\xe9", 2, 3, "bad"), "object start end reason"),
        (ImportError("no", name="n", path="p"), "msg name path"),
        (SyntaxError("bad", ("f.py", 3, 5, "a b", 3, 7)), "msg filename lineno offset text end_lineno end_offset"),
        (StopIteration(42), "value"),
        (NameError("no", name="n"), "name"),
        (AttributeError("no", name="n"), "name"),
        (json.JSONDecodeError("bad", "doc", 2), "msg doc pos lineno colno"),
        (subprocess.CalledProcessError(3, "cmd", b"out"), "returncode cmd output"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_exception_keeps_its_fields(error, names):
    back = there(error)
    assert [getattr(back, name) for name in names.split()] == [getattr(error, name) for name in names.split()]


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()], ids=repr)
def test_what_would_end_this_process_becomes_an_ordinary_exception(error):
    back = there(error)
    assert isinstance(back, RemoteExecError) and not isinstance(back, type(error))
    assert back.remote_type == type(error).__name__


def test_attributes_come_back():
    error = ValueError("x")
    error.code, error.nested = 7, {"a": [1]}
    back = there(error)
    assert (back.code, back.nested) == (7, {"a": [1]})


def test_notes_come_back_and_what_is_no_text_does_not():
    error = ValueError("x")
    error.__notes__ = ["one", 2, "three"]
    assert there(error).remote_notes == ["one", "three"]
    error.__notes__ = 5
    assert there(error).remote_notes == []


def test_the_traceback_shows_the_source_and_leaves_out_the_hidden_folder():
    error = raised(ValueError("shown"))
    assert "raise error\nValueError: shown" in take_exception(error)["traceback"].replace("    ", "")
    hidden = take_exception(error, hide=__file__)["traceback"]
    assert "raise error" not in hidden and "ValueError: shown" in hidden


def test_a_long_traceback_is_cut_in_the_middle():
    told = take_exception(ValueError("a" * TEXT + "b" * TEXT))["traceback"]
    assert len(told) < TEXT + 100 and "\n  ...\n" in told and told.startswith("ValueError: a") and told.endswith("bb\n")


def test_a_traceback_with_surrogates_can_be_printed():
    assert b"ValueError" in take_exception(ValueError("\ud800"))["traceback"].encode("utf-8")


# -- causes, contexts, groups --------------------------------------------------------------------------


def test_cause_context_and_suppression_come_back():
    error = raised(ValueError("outer"))
    error.__cause__, error.__context__ = KeyError("cause"), OSError(5, "context")
    back = there(error)
    assert isinstance(back.__cause__, KeyError) and back.__context__.errno == 5
    assert back.__suppress_context__ is True
    error.__suppress_context__ = False
    assert there(error).__suppress_context__ is False


def test_a_cause_that_is_the_context_too_stays_one_exception():
    error = ValueError("outer")
    error.__context__ = error.__cause__ = KeyError("both")
    back = there(error)
    assert back.__cause__ is back.__context__


def test_a_cycle_of_contexts_stays_a_cycle_and_can_be_printed():
    one, other = ValueError("one"), KeyError("other")
    one.__context__, other.__context__ = other, one
    back = there(one)
    assert back.__context__.__context__ is back
    assert "ValueError" in "".join(traceback.format_exception(back))


def test_a_chain_without_end_is_cut_where_it_is_deep():
    first = error = ValueError(0)
    for number in range(1, 3000):
        error.__context__ = error = ValueError(number)
    error, depth = there(first), 0
    while error.__context__ is not None:
        error, depth = error.__context__, depth + 1
    assert depth == DEPTH


def test_groups_keep_their_members_and_their_groups():
    group = ExceptionGroup("g", [ValueError("a"), ExceptionGroup("h", [FileNotFoundError(2, "b", "c")])])
    back = there(group)
    assert isinstance(back, ExceptionGroup) and back.message == "g"
    assert back.split(FileNotFoundError)[0].exceptions[0].exceptions[0].filename == "c"


def test_a_large_group_keeps_as_many_members_as_a_failure_may_have():
    back = there(ExceptionGroup("g", [ValueError(number) for number in range(MOST + 5)]))
    assert len(back.exceptions) == MOST - 1


def test_a_group_whose_members_cannot_be_here_is_a_remote_exception():
    back = there(BaseExceptionGroup("g", [KeyboardInterrupt()]))
    assert isinstance(back, RemoteExecError) and back.remote_type == "BaseExceptionGroup"


def test_a_group_that_cannot_name_its_members_is_told_all_the_same():
    class Broken(ExceptionGroup):
        @property
        def exceptions(self):
            raise RuntimeError

    assert type(there(Broken("g", [ValueError()])).remote_type) is str


def test_a_group_in_a_cycle_is_told_once():
    inner = ValueError("inner")
    group = ExceptionGroup("g", [inner])
    inner.__context__ = group
    assert there(group).exceptions[0].__context__ is None


# -- exceptions that resist ----------------------------------------------------------------------------


class Odd(Exception):
    def __init__(self, one, two):
        super().__init__(one, two)

    def __str__(self):
        raise KeyError("no text")

    def __repr__(self):
        raise KeyError("no text either")


class Computed(Exception):
    @property
    def answer(self):
        return 42


class NeedsWords(Exception):
    def __new__(cls, one, two):
        return super().__new__(cls, one, two)


class Texts(str):
    pass


def test_an_exception_whose_str_raises_is_told():
    back = there(Odd(1, 2))
    assert back.args == (1, 2)
    assert str(back) == "<str raised KeyError>"
    assert back.remote_type == f"{__name__}.Odd"


def test_no_constructor_is_called():
    back = there(Odd(1, 2), packages=("tests",))
    assert isinstance(back, Odd) and back.args == (1, 2)
    assert isinstance(there(NeedsWords(1, 2), packages=("tests",)), NeedsWords)


def test_a_text_of_a_strange_type_is_told_as_a_text():
    class Strange(Exception):
        def __str__(self):
            return Texts("said")

    told = take_exception(Strange())["text"]
    assert (type(told), told) == (str, "said")


def test_an_unknown_type_becomes_its_nearest_known_base():
    class Mine(FileNotFoundError):
        pass

    back = there(Mine(2, "No such", "file"))
    assert isinstance(back, FileNotFoundError) and back.filename == "file"
    assert type(back).__name__ == "Mine"


def test_arguments_that_are_no_data_become_texts():
    error = ValueError("x", b"y", object)
    error.handle, error.number = Odd(1, 2), 5
    error.__cause__ = error.__context__ = OSError(2, len)
    told = plain_failure(take_exception(error))
    back = rebuilt(told)
    assert back.args == ("x", b"y", "<class 'object'>")
    assert (back.handle, back.number) == ("<repr raised KeyError>", 5)
    assert back.__cause__ is back.__context__ and "len" in back.__cause__.strerror
    for codec in CODECS:
        codec.dumps(told, Side())


def test_members_of_a_group_become_plain_too():
    told = plain_failure(take_exception(ExceptionGroup("g", [ValueError(object)])))
    assert rebuilt(told).exceptions[0].args == ("<class 'object'>",)


def test_a_property_in_the_state_is_left_to_the_class():
    error = Computed()
    error.__dict__["answer"] = 5
    assert there(error, packages=("tests",)).answer == 42


@pytest.mark.parametrize("name", ["args", "__class__", "__dict__", "__traceback__", "with_traceback()", "", "a b"])
def test_names_in_the_state_that_are_no_attributes_do_nothing(name):
    back = rebuilt(plainest(state={name: "changed"}))
    assert back.args == ("x",) and type(back).__name__ == "ValueError"


def test_a_class_that_cannot_have_subclasses_beside_others_becomes_a_remote_exception():
    def wrap(base, name, known):
        if base is ValueError:
            raise TypeError("layout conflict")
        return remote_class(base, name, known)

    back = make_exception(plainest(), Trust().locate, wrap)
    assert isinstance(back, RemoteExecError) and back.remote_type == "ValueError"


# -- failures of a stranger ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        None, 5, "text", [], {}, {"mro": ()}, plainest(mro=None), plainest(mro=()), plainest(mro=(("builtins",),)),
        plainest(mro=((1, 2, ()),)), plainest(mro=(("builtins", None, ()),)), plainest(mro=(("m", "a\0b", ()),)),
        plainest(mro=(("m", "a", (0,)),)), plainest(mro=(("m", "a", (1,)),)), plainest(mro=(("m", "a", ("1",)),)),
        plainest(mro=(("m", "a", ()),) * 101), plainest(mro=[("m", "a", ())]), plainest(args=None), plainest(args=[1]),
        plainest(fields=None), plainest(state=5), plainest(text=None), plainest(text=["x"]), plainest(traceback=5),
        plainest(notes=None), plainest(notes=[5]), plainest(cause=5), plainest(context={}), plainest(group=[5]),
    ],
    ids=lambda data: str(data)[:30],
)  # fmt: skip
def test_data_that_tell_no_exception_are_a_value_fault(data):
    with pytest.raises(ValueFault, match="not an exception"):
        rebuilt(data)


def test_causes_nested_without_end_are_a_value_fault():
    data = plainest()
    for _ in range(900):
        data = plainest(cause=data)
    for limit in (200, 5000):
        with pytest.raises(ValueFault, match="not an exception"):
            for _ in range(limit):
                data = plainest(context=data)
            rebuilt(data)


def test_causes_that_are_shared_are_made_once():
    data = plainest()
    for _ in range(40):
        data = plainest(cause=data, context=data)
    error = rebuilt(data)
    assert error.__cause__ is error.__context__


@pytest.mark.parametrize(
    "name", ["subprocess.Popen", "os.system", "builtins.eval", "builtins.type", "types.ModuleType"]
)
def test_a_name_that_is_no_exception_is_never_made(name):
    module, _, qualname = name.rpartition(".")
    back = rebuilt(plainest(mro=((module, qualname, (1,)), ("builtins", "object", ()))))
    assert type(back).__mro__[1] is RemoteExecError
    assert back.args == ("x",)


def test_more_exceptions_than_a_failure_may_have_are_a_value_fault():
    group = take_exception(ExceptionGroup("g", [ValueError()]))
    group["group"] = [plainest() for _ in range(MOST)]
    with pytest.raises(ValueFault, match=f"more than {MOST} exceptions"):
        rebuilt(group)


def test_a_unicode_error_whose_fields_do_not_fit_has_none():
    data = take_exception(UnicodeDecodeError("utf-8", b"a", 0, 1, "r"))
    for changes in ({"end": 0, "start": 1}, {"object": 5}):
        back = rebuilt({**data, "fields": {**data["fields"], **changes}})
        assert isinstance(back, UnicodeDecodeError) and str(back) == ""


def test_a_field_is_no_part_of_the_state():
    data = take_exception(UnicodeDecodeError("utf-8", b"a", 0, 1, "r"))
    assert rebuilt({**data, "state": {"reason": "other"}}).reason == "r"


UNSOUND = [
    {"object": b"ab", "start": -(10**9), "end": -(10**9) + 1},
    {"object": b"ab", "start": 10**9, "end": 10**9 + 1},
    {"object": 5, "start": 0, "end": 1},
    {"object": "ab", "start": 0, "end": 1},
    {"object": b"ab", "start": True, "end": None},
    {"object": b"ab", "start": 2, "end": 1},
]


@pytest.mark.parametrize("place", ["fields", "state"])
@pytest.mark.parametrize("fields", UNSOUND, ids=str)
def test_a_unicode_error_cannot_be_made_to_read_foreign_memory(fields, place):
    """Python's own `__str__` trusts these fields: it would read outside of the object."""
    code = (
        "from rproxy.errors import remote_class\nfrom rproxy.trust import Trust\n"
        "from rproxy_endpoint.protocol.exceptions import make_exception\n"
        "from rproxy_endpoint.protocol.failures import take_exception\n"
        "data = take_exception(UnicodeDecodeError('utf-8', b'a', 0, 1, 'r'))\n"
        f"data[{place!r}].update({fields!r})\n"
        "print(repr(str(make_exception(data, Trust().locate, remote_class))))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    sound = repr(str(UnicodeDecodeError("utf-8", b"a", 0, 1, "r")))
    assert (done.returncode, done.stdout.strip()) == (0, sound if place == "state" else "''")
