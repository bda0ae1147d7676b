"""`issubclass` of this side about classes of the far side, and that nothing of here shows through them."""

import collections
import collections.abc
import enum
import inspect
import io
import logging
import numbers
import pathlib
import pydoc
import string
import threading
import typing

import pytest

import rproxy

MODULE = """
import collections.abc, enum, fractions, logging, pathlib, string, threading, typing
from pathlib import PurePosixPath as Renamed

class Path(pathlib.PurePosixPath): pass
class Table(dict): pass
class Numbers(collections.abc.Sequence):
    def __len__(self): return 3
    def __getitem__(self, place): return range(3)[place]
class Handler(logging.Handler):
    class Worker(threading.Thread): pass
class Text(string.Template):
    delimiter = "%"
if hasattr(string.Template, "get_identifiers"):
    del string.Template.get_identifiers
class Level(enum.IntEnum):
    LOW = 1
class Box(typing.Generic[typing.TypeVar("T")]): pass
class Ratio(fractions.Fraction): pass
class Loop:
    def __iter__(self): return iter(())
    def __call__(self): return 5
class Odd:
    def __eq__(self, other): return "equal"
    def __repr__(self): return "odd"
class Plain: pass
def local():
    class Local(threading.Thread): pass
    return Local
"""


@pytest.fixture
def module(stream_client, far_module):
    return stream_client.module(far_module("subclasses", MODULE))


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("Path", pathlib.PurePath), ("Renamed", pathlib.PurePosixPath), ("Table", dict),
        ("Table", collections.abc.Mapping), ("Numbers", collections.abc.Sequence),
        ("Numbers", collections.abc.Reversible), ("Handler", logging.Handler), ("Handler", logging.Filterer),
        ("Text", string.Template), ("Level", int), ("Level", enum.Enum), ("Box", typing.Generic),
        ("Ratio", numbers.Rational), ("Loop", collections.abc.Iterable),
        ("Loop", collections.abc.Callable), ("Odd", object),
    ],
)  # fmt: skip
def test_a_class_there_is_a_subclass_of_the_standard_librarys_that_it_is_derived_from(module, name, cls):
    assert issubclass(getattr(module, name), cls)


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("collections.OrderedDict", dict), ("collections.OrderedDict", collections.OrderedDict),
        ("collections.OrderedDict", collections.abc.MutableMapping), ("collections.abc.Mapping", collections.abc.Sized),
        ("io.BytesIO", io.BytesIO), ("io.BytesIO", io.IOBase), ("io.RawIOBase", io.IOBase),
        ("threading.Timer", threading.Thread), ("builtins.int", numbers.Integral), ("abc.ABCMeta", type),
    ],
)  # fmt: skip
def test_a_class_of_the_standard_library_there_is_a_subclass_of_those_of_here(stream_client, name, cls):
    module, _, own = name.rpartition(".")
    assert issubclass(getattr(stream_client.module(module), own), cls)


def test_it_is_a_subclass_of_no_others(stream_client, module):
    ordered = stream_client.module("collections").OrderedDict
    for cls in (list, collections.Counter, collections.abc.Sequence, collections.abc.Hashable, logging.Handler):
        assert not issubclass(ordered, cls)
    for cls in (collections.abc.Iterable, collections.abc.Callable, threading.Thread):
        assert not issubclass(module.Plain, cls)
    assert issubclass(module.Plain, collections.abc.Hashable) and not issubclass(module.Odd, collections.abc.Hashable)


def test_a_class_in_a_class_and_one_without_a_name_know_what_they_are_derived_from(module):
    assert issubclass(module.Handler.Worker, threading.Thread)
    assert issubclass(module.local(), threading.Thread)


def test_a_class_is_found_by_way_of_another_module(module):
    assert issubclass(module.threading.Timer, threading.Thread)


def test_to_ask_needs_no_far_side(far_module):
    with rproxy.connect() as client:
        cls = client.module(far_module("subclasses", MODULE)).Handler
    assert issubclass(cls, logging.Handler) and not issubclass(cls, collections.abc.Mapping)


def test_the_classes_of_here_do_not_list_it(module):
    assert issubclass(module.Handler, logging.Handler) and issubclass(module.Numbers, collections.abc.Sequence)
    assert module.Handler not in logging.Handler.__subclasses__()
    assert module.Numbers not in collections.abc.Sequence.__subclasses__()


def test_its_attributes_are_those_of_the_far_side(stream_client, module):
    timer = stream_client.module("threading").Timer
    assert repr(timer.start) == "<function threading.Timer.start on local://>"
    assert module.Text.delimiter == "%"
    assert repr(module.Table.keys) == f"<function {module.__name__}.Table.keys on local://>"


def test_what_only_the_class_of_here_has_it_has_not(module):
    assert hasattr(string.Template, "get_identifiers")
    assert not hasattr(module.Text, "get_identifiers") and "get_identifiers" not in dir(module.Text)
    assert "get_identifiers" not in dict(inspect.getmembers(module.Text)) and "get_identifiers" not in pydoc.render_doc(
        module.Text
    )


def test_a_class_that_is_no_container_does_not_look_like_one(module):
    assert not hasattr(module.Plain, "__len__") and hasattr(module.Table, "__len__")
    assert hasattr(module.Level, "__len__") and len(module.Level) == 1


def test_a_special_method_of_the_class_is_that_of_the_far_side(module):
    odd = module.Odd()
    assert module.Odd.__eq__(odd, 1) == "equal"
    assert module.Odd.__repr__(odd) == "odd"
    assert module.Odd.__hash__ is None
    assert isinstance(module.Plain.__hash__(module.Plain()), int)


def test_its_order_of_resolution_shows_nothing_of_here(module):
    assert inspect.getmro(module.Handler) == (module.Handler, object)
    assert module.Handler.__bases__ == (object,)


def test_making_one_runs_no_code_of_the_class_of_here(module, monkeypatch):
    made = []
    monkeypatch.setattr(logging.Handler, "__init_subclass__", classmethod(lambda cls: made.append(cls)))
    assert issubclass(module.Handler, logging.Handler) and made == []


def test_it_is_still_no_base_of_a_class_of_here(module):
    with pytest.raises(TypeError, match="its code would be here and its instances there"):

        class Derived(module.Table):
            pass
