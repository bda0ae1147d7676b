"""`isinstance` of this side about objects of the far side, and what their type is here."""

import collections.abc
import enum
import functools
import importlib
import inspect
import io
import logging
import pathlib
import sys
import threading
import types

import pytest

import rproxy

MODULE = """
import collections, collections.abc, enum, io, logging, pathlib, threading

class Thread(threading.Thread): pass
class Handler(logging.Handler): pass
class Path(pathlib.PurePosixPath): pass
class Table(dict): pass
class Both(threading.Thread, collections.abc.Sized):
    def __len__(self): return 3
class Raw(io.RawIOBase):
    pass
class Numbers(collections.abc.Sequence):
    def __len__(self): return 3
    def __getitem__(self, place): return range(3)[place]
class Level(enum.IntEnum):
    LOW = 1
class Plain:
    def __init__(self, value=0): self.value = value
def generate():
    yield 1
def local():
    class Local: pass
    return Local()
"""


@pytest.fixture
def module(stream_client, far_module):
    return stream_client.module(far_module("likeness", MODULE))


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("Thread", threading.Thread), ("Handler", logging.Handler), ("Path", pathlib.PurePath), ("Table", dict),
        ("Both", threading.Thread), ("Both", collections.abc.Sized), ("Raw", io.IOBase), ("Raw", io.RawIOBase),
        ("Numbers", collections.abc.Sequence), ("Numbers", collections.abc.Reversible),
    ],
)  # fmt: skip
def test_an_instance_of_a_subclass_there_is_one_of_the_standard_librarys_class(module, name, cls):
    arguments = ["/a"] if name == "Path" else []
    thing = getattr(module, name)(*arguments)
    assert isinstance(thing, cls)
    assert not isinstance(thing, logging.Filter)
    assert (thing.__class__.__name__, type(thing).__name__) == (name, name)


def test_a_member_of_an_enumeration_there_is_a_member_of_one(module):
    assert isinstance(module.Level.LOW, enum.IntEnum) and isinstance(module.Level.LOW, int)


def test_what_no_module_has_a_name_for_is_an_instance_of_its_type(stream_client, module):
    generator, keys = module.generate(), rproxy.keep(stream_client.module("builtins").dict)(a=1).keys()
    assert isinstance(generator, types.GeneratorType) and inspect.isgenerator(generator)
    assert isinstance(keys, collections.abc.KeysView)
    assert isinstance(stream_client.module("types").MappingProxyType({"a": 1}), collections.abc.Mapping)


def test_a_class_that_is_imported_here_later_counts_from_then_on(stream_client, monkeypatch):
    monkeypatch.delitem(sys.modules, "sched", raising=False)
    scheduler = stream_client.module("sched").scheduler()
    assert scheduler.__class__ is type(scheduler)
    monkeypatch.setitem(sys.modules, "sched", importlib.import_module("sched"))
    assert isinstance(scheduler, sys.modules["sched"].scheduler)


def test_a_function_of_this_side_dispatches_on_the_standard_librarys_class(module):
    @functools.singledispatch
    def kind(thing):
        return "other"

    kind.register(threading.Thread, lambda thing: "thread")
    assert [kind(module.Thread()), kind(module.Plain())] == ["thread", "other"]


@pytest.mark.parametrize("name", ["Plain", "Numbers"])
def test_the_type_of_an_object_makes_others_there(module, name):
    thing = getattr(module, name)()
    for cls in (type(thing), thing.__class__):
        assert isinstance(cls(), getattr(module, name))
    if name == "Plain":
        assert type(thing)(value=5).value == 5


def test_a_type_that_has_no_name_there_says_what_to_do(module):
    with pytest.raises(TypeError, match=r"has no name by which it could be called.*type\(obj\)"):
        type(module.local())()


def test_what_a_type_there_forbids_is_forbidden_here(stream_client):
    mapping = stream_client.module("collections").UserDict({0: "a"})
    with pytest.raises(TypeError, match="is not reversible"):
        reversed(mapping)
    assert not isinstance(mapping, collections.abc.Reversible)
