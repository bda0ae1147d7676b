"""Sources: a text compiles, alone, to the very code that it had where it was written."""

import sys

import pytest

from rproxy_endpoint.protocol.errors import ValueFault
from rproxy_endpoint.protocol.sources import AROUND, Source, code_of, compiled

PLAIN = Source("def", "f", "def f(): pass\n", 1, (0, 0), "x.py", None, False, (), (), sys.version_info[:2])


def codes_in(text: str) -> list:
    """The code of every function of a file, in the order of writing."""
    found, waiting = [], [compile(text, "x.py", "exec", dont_inherit=True)]
    while waiting:
        code = waiting.pop(0)
        found.append(code)
        waiting += [const for const in code.co_consts if hasattr(const, "co_code")]
    return found


def code_named(text: str, name: str):
    return next(code for code in codes_in(text) if code.co_name == name)


def test_a_function_at_its_own_line():
    text = "\n\ndef f(a, b=1, *c, d=2, **e) -> int:\n    return a\n"
    source = PLAIN._replace(text=text[2:], line=3)
    assert code_of(source) == code_named(text, "f")


def test_a_function_that_is_indented_and_decorated():
    text = "if True:\n    @decorator\n    def f(a: int, *, b, c=1): return a\n"
    source = PLAIN._replace(text=text.partition("\n")[2], line=2)
    assert code_of(source) == code_named(text, "f")


def test_a_lambda_at_its_own_columns():
    text = "a, b = (lambda x, y=(lambda: 1): x), (lambda x:\n   x)\n"
    lambdas = [code for code in codes_in(text) if code.co_name == "<lambda>" and code.co_argcount]
    place = text.index("lambda"), text.index("), ("), text.index("lambda x:")
    first = PLAIN._replace(form="lambda", name="<lambda>", text=text.splitlines(True)[0], span=place[:2])
    second = PLAIN._replace(form="lambda", name="<lambda>", text=text, span=(place[2], 4))
    assert sorted(map(hash, map(code_of, (first, second)))) == sorted(map(hash, lambdas))


def test_a_function_with_variables_of_another_and_private_names():
    text = "def g(a):\n class C:\n  def f(self): return self.__x, a, __class__\n"
    source = PLAIN._replace(
        text=text.splitlines(True)[2], line=3, inside="C", nested=True, free=("a",),
    )  # fmt: skip
    assert code_of(source) == code_named(text, "f")


def test_a_method_of_a_class_alone():
    text = "class C:\n  def f(self): return self.__x\n"
    source = PLAIN._replace(text=text.splitlines(True)[1], line=2, inside="C")
    assert code_of(source) == code_named(text, "f")


def test_a_class_alone():
    text = "class f(Base):\n  def f(self): return 1\n"
    assert code_of(PLAIN._replace(form="class", text=text)) == code_named(text, "f")


def test_a_class_of_a_function_tells_its_cells():
    text = "  class C:\n    def f(self): return a, C\n"
    source = PLAIN._replace(form="class", name="C", text=text, nested=True, free=("a",))
    space = {}
    exec(compiled(source), space)
    made, cells = space[AROUND](5)
    assert made().f() == (5, made)
    assert [cell.__closure__[0].cell_contents for cell in cells] == [5]


def test_calls_of_what_the_file_imports():
    text = "import m\ndef f(): return m.g(1)\n"
    source = PLAIN._replace(text=text.splitlines(True)[1], line=2)
    assert code_of(source, ("m",)) == code_named(text, "f")


def test_features_of_the_future():
    text = "from __future__ import annotations\ndef f():\n  def g(x: y): pass\n  return g\n"
    source = PLAIN._replace(text=text.partition("\n")[2], line=2, features=("annotations", "no_such_feature"))
    assert code_of(source) == code_named(text, "f")


def test_a_text_without_the_function_is_a_fault():
    with pytest.raises(ValueFault, match="no g in its source"):
        code_of(PLAIN._replace(name="g"))


def test_a_text_that_is_no_language_is_a_syntax_error():
    with pytest.raises(SyntaxError):
        code_of(PLAIN._replace(text="def f(:\n"))
