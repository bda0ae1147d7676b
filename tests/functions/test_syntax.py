"""Language that is too new for the far side: refused with both versions, by what it is and where."""

import importlib
import sys

import pytest

import rproxy

from ..conftest import connect_over, interpreters
from .conftest import far_python, name_of

HERE = sys.version_info[:2]

#: The version that brought it, what the refusal says of it, and the body of a function that has it.
FOUND = {
    "walrus": ((3, 8), "`:=` ({file}, line 4)", "if x:\n    return (y := x)"),
    "positional-only": (
        (3, 8),
        "a positional-only parameter (`/`) ({file}, line 3)",
        "def f(y, /): return y\nreturn f(x)",
    ),
    "decorator": (
        (3, 9),
        "({file}, line 5)",
        "table = [id]\n@table[0]\ndef f(): return x\nreturn f and x",
    ),
    "match": ((3, 10), "`match` ({file}, line 3)", "match x:\n    case _: return x"),
    "except*": ((3, 11), "`except*` ({file}, line 3)", "try: return x\nexcept* OSError: pass"),
    "star in an index": ((3, 11), "`*` in an index ({file}, line 3)", "return {(1, x): x}[1, *[x]]"),
}
if HERE >= (3, 12):
    FOUND["type parameter"] = ((3, 12), "a type parameter ({file}, line 3)", "def f[T](y: T): return y\nreturn f(x)")
    FOUND["type statement"] = ((3, 12), "a `type` statement ({file}, line 3)", "type Text = str\nreturn x")
if HERE >= (3, 13):
    words = "a type parameter with a default ({file}, line 3)"
    FOUND["type parameter's default"] = ((3, 13), words, "def f[T = int](y: T): return y\nreturn f(x)")
#: What only the far side's compiler finds out.
LEFT = {
    "f-string with =": ((3, 8), "return f'{x=}' and x"),
    "parenthesised with": ((3, 9), "from io import StringIO as S\nwith (S() as a, S() as b): return x"),
}
if HERE >= (3, 12):
    LEFT["quotes in an f-string"] = ((3, 12), "y = {'a': x}\nreturn f'{y['a']}' and x")
ALL = {**FOUND, **LEFT}


def made(write_module, name: str, body: str):
    """A function with that body, in a function, so that it cannot be imported."""
    lines = "".join(f"        {line}\n" for line in body.splitlines())
    module = "syntax_" + "".join(filter(str.isalnum, name))
    text = f"def make():\n    def new(x):\n{lines}    return new\n"
    return importlib.import_module(write_module(module, text)).make()


@pytest.mark.parametrize("name", FOUND)
def test_new_language_is_refused_before_anything_is_sent(name, old, write_module):
    version, words, text = FOUND[name]
    function = made(write_module, name, text)
    before = old._session.channel._peer._number
    with pytest.raises(rproxy.SerializationError) as caught:
        old.call(function, 1)
    said = str(caught.value)
    assert f"Python {name_of(HERE)} to the far side's Python 3.6" in said
    assert words.replace("{file}", function.__code__.co_filename) in said
    assert "Write it in the language of Python 3.6" in said
    assert name_of(version) in said
    assert old._session.channel._peer._number == before


@pytest.mark.parametrize("name", LEFT)
def test_what_the_far_side_finds_too_new_is_told_with_both_versions(name, old, write_module):
    function = made(write_module, name, LEFT[name][1])
    with pytest.raises(rproxy.SerializationError) as caught:
        old.call(function, 1)
    assert f"new was written for Python {name_of(HERE)}, and this is Python 3.6: invalid syntax" in str(caught.value)
    assert old.call(lambda x: x, 1) == 1


@pytest.mark.parametrize("name", ALL)
def test_a_far_side_that_is_new_enough_runs_it(name, write_module):
    enough = next(python for version, python in interpreters().items() if version >= ALL[name][0])
    with connect_over("stream", python=enough) as client:
        assert client.call(made(write_module, name, ALL[name][-1]), 1) == 1


@pytest.mark.parametrize("name", ALL)
def test_a_module_with_new_language_is_refused_with_both_versions(name, elsewhere, write_module):
    body = ALL[name][-1].replace("\n", "\n    ")
    unique = "newer_" + "".join(filter(str.isalnum, name))
    module = importlib.import_module(write_module(unique, f"def new(x):\n    {body}\n"))
    with (
        connect_over("stream", python=far_python((3, 6))) as client,
        pytest.raises(rproxy.SerializationError) as caught,
    ):
        client.call(module.new, 1)
    said = str(caught.value)
    assert f"this is Python {name_of(HERE)}, the far side is Python 3.6" in said
    assert unique in said and "line " in said


def test_a_module_with_annotations_of_the_future_is_refused_before_it_is_sent(elsewhere, write_module):
    text = "from __future__ import annotations\ndef new(x: list[int] | None): return x\n"
    module = importlib.import_module(write_module("newer_annotations", text))
    with connect_over("stream", python=far_python((3, 6))) as client:
        trouble = pytest.raises(rproxy.SerializationError, client.call, module.new, 1)
    said = str(trouble.value)
    assert "`from __future__ import annotations`" in said and "line 1) came with Python 3.7" in said
    assert f"this is Python {name_of(HERE)}, the far side is Python 3.6" in said


if HERE >= (3, 12):
    GENERIC = """
        type Pair = tuple[int, int]
        def make():
            class Generic[T]:
                def __init__(self, held: T): self.held = held
                def both[U](self, other: U) -> Pair: return self.held, other
            def named(x: Pair): return Pair.__name__, x
            return Generic, named
    """

    @pytest.fixture
    def generic(write_module):
        """A generic class with a generic method, and a function with an alias, which cannot be imported."""
        space = {"__name__": "__main__", "__file__": __file__}
        module = importlib.import_module(write_module("generic_source", GENERIC))
        code = module.__loader__.get_code(module.__name__)
        exec(code, space)
        return space["make"]()

    @pytest.mark.parametrize("version", [version for version in interpreters() if version >= (3, 12)], ids=name_of)
    def test_generic_classes_and_type_aliases_travel_where_the_language_has_them(version, generic):
        cls, named = generic
        with connect_over("stream", python=far_python(version)) as client:
            assert client.call(cls(1).both, 2) == (1, 2)
            assert client.call(named, 3) == ("Pair", 3)

    def test_generic_classes_and_type_aliases_are_refused_by_their_words_where_it_has_not(old, generic):
        cls, named = generic
        with pytest.raises(rproxy.SerializationError, match=r"a type parameter \(.*, line 4\) came with Python 3.12"):
            old.call(cls(1).both, 2)
        words = "the type alias 'Pair' cannot travel .*a `type` statement came with Python 3.12. Write it without one"
        with pytest.raises(rproxy.SerializationError, match=words):
            old.call(named, 3)

    def test_a_type_alias_that_means_itself_says_where_to_put_it():
        space = {"__name__": "__main__"}
        exec("type Nested = list[Nested]\ndef made(x: Nested): return x", space)
        with rproxy.connect() as client, pytest.raises(rproxy.SerializationError, match="put it into a module"):
            client.call(space["made"], 1)
