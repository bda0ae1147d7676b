"""JSON as text: the parts in C and the module `json` agree, and one without those parts works as well."""

import importlib
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rproxy_endpoint.protocol import jsontext
from rproxy_endpoint.protocol.errors import ValueFault

TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
NOT_JSON = ["", " ", "nan", "[1", "{", '{"a"', "1 2", "[1] x", "'a'", "[1,]", '"\n"', "\ufeff1"]


@pytest.fixture(params=["in C", "of json"])
def form(request, monkeypatch):
    if request.param == "of json":
        monkeypatch.setitem(sys.modules, "_json", None)
    importlib.reload(jsontext)
    yield jsontext
    monkeypatch.undo()
    importlib.reload(jsontext)


@given(TREES)
def test_what_is_written_is_what_json_writes_and_reads(tree):
    text = jsontext.dumps(tree)
    assert text == json.dumps(tree, separators=(",", ":"))
    assert jsontext.loads(text) == tree


def test_both_forms_read_and_write_the_same(form):
    tree = {"a": [1, -2.5, None, True, "é\ud800\n"], "": {}}
    assert form.dumps(tree) == '{"a":[1,-2.5,null,true,"\\u00e9\\ud800\\n"],"":{}}'
    assert form.loads(form.dumps(tree)) == tree
    assert form.loads(' \n{ "a" : [ 1 , 2 ] }\t') == {"a": [1, 2]}


@pytest.mark.parametrize("text", NOT_JSON)
def test_both_forms_refuse_the_same(form, text):
    with pytest.raises((ValueError, StopIteration)):
        form.loads(text)


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "-Infinity"])
def test_both_forms_refuse_what_json_has_no_word_for(form, text):
    with pytest.raises(ValueFault, match="is not JSON"):
        form.loads(text)
    with pytest.raises(ValueError, match="not JSON compliant"):
        form.dumps(float(text.strip("[]")))


def test_both_forms_refuse_what_is_not_data(form):
    with pytest.raises(TypeError, match="object"):
        form.dumps([object()])
    with pytest.raises(RecursionError):
        form.dumps(nested(100_000))
    assert form.dumps([[1], [1]]) == "[[1],[1]]"


def nested(depth):
    tree = []
    for _ in range(depth):
        tree = [tree]
    return tree
