"""Substitution: which imports find remote modules, what is refused, what stays local, what it costs.

The endpoint is another process: `os.getpid()` tells which `os` a name means.
"""

import builtins
import importlib
import json
import os
import sys
from importlib import import_module

import pytest

import rproxy

HERE = os.getpid()


@pytest.fixture
def trips(client):
    """Counts the requests of a client: `trips(function)` is (its result, how many it took)."""

    def count(function):
        before = client._session.sent
        result = function()
        return result, client._session.sent - before

    return count


def is_there(module):
    return module.getpid() != HERE


def is_proxy(obj):
    return " on local://" in repr(obj)


# -- what imports find --------------------------------------------------------------------------------------


def test_an_import_in_the_block_is_the_remote_module(client):
    with client.substitute("os"):
        import os as found
    assert is_there(found)


def test_an_import_after_the_block_is_the_local_module(client):
    with client.substitute("os"):
        pass
    import os as found

    assert found.getpid() == HERE


def test_a_local_module_names_what_is_substituted(client):
    with client.substitute(os):
        import os as found
    assert is_there(found)


def test_several_modules_are_substituted(client):
    with client.substitute("os", "math"):
        import math as second
        import os as first
    assert is_there(first) and is_proxy(second)


def test_other_modules_stay_local(client):
    with client.substitute("os"):
        import math
    assert not is_proxy(math)


def test_a_submodule_is_reached_by_its_dotted_name(client):
    with client.substitute("xml"):
        import xml.etree.ElementTree

        assert is_proxy(xml.etree.ElementTree)
        assert xml.etree.ElementTree.iselement(1) is False


def test_a_submodule_under_another_name(client):
    with client.substitute("xml"):
        import xml.etree.ElementTree as tree
    assert is_proxy(tree)


def test_a_module_that_is_no_package_has_its_aliases(client):
    with client.substitute("os"):
        import os.path as path
    assert is_proxy(path) and path.join("a", "b") == "a/b"


def test_names_are_imported_from_a_module(client):
    with client.substitute("os"):
        from os import getpid, sep
    assert getpid() != HERE
    assert sep == "/"


def test_submodules_are_imported_from_a_package(client):
    with client.substitute("xml"):
        from xml import sax
        from xml.dom import minidom
    assert is_proxy(sax) and is_proxy(minidom)


def test_all_public_names_are_imported(stream_client):
    names = {}
    with stream_client.substitute("math", "os"):
        exec("from math import *", names)
        exec("from os import *", names)
    assert is_proxy(names["sqrt"]) and names["getpid"]() != HERE
    assert names["pi"] == pytest.approx(3.14159265)
    assert {name for name in names if name.startswith("_")} == {"__builtins__", "_exit"}  # as `os.__all__` says


def test_all_of_a_package_includes_what_it_makes_when_it_is_asked_for(stream_client):
    names = {}
    with stream_client.substitute("concurrent"):
        exec("from concurrent.futures import *", names)
    assert is_proxy(names["wait"]) and is_proxy(names["ThreadPoolExecutor"])


def test_an_import_inside_a_function_that_is_called_in_the_block(client):
    def work():
        import os

        return os.getpid()

    with client.substitute("os"):
        there = work()
    assert there != HERE
    assert work() == HERE


def test_import_module_finds_the_remote_module(client):
    with client.substitute("os"):
        assert is_there(importlib.import_module("os"))
    assert importlib.import_module("os") is os


def test_import_module_that_was_taken_from_importlib_before(client):
    with client.substitute("xml"):
        assert is_proxy(import_module("xml.etree.ElementTree"))
        assert is_proxy(import_module(".etree.ElementTree", "xml"))


def test_the_import_function_finds_the_remote_module(client):
    with client.substitute("os"):
        assert is_there(__import__("os"))


def test_a_submodule_is_the_same_however_it_is_reached(client):
    with client.substitute("json"):
        import json
        import json.decoder as first
        from json import decoder as second
    assert first is second is json.decoder


def test_a_submodule_alone_is_substituted(client):
    with client.substitute("xml.etree.ElementTree"):
        import xml.dom
        import xml.etree.ElementTree
        import xml.etree.ElementTree as named
        from xml.etree import ElementTree as taken

        assert is_proxy(xml.etree.ElementTree)
        assert named is taken is xml.etree.ElementTree
        assert not is_proxy(xml.dom) and not is_proxy(xml.etree)
    assert sys.modules["xml"].etree is sys.modules["xml.etree"]


def test_a_relative_import_finds_a_substituted_submodule(client):
    names = {"__name__": "xml.user", "__package__": "xml"}
    with client.substitute("xml.etree.ElementTree"):
        exec("from .etree import ElementTree", names)
        exec("from . import etree", names)
    assert is_proxy(names["ElementTree"]) and is_proxy(names["etree"].ElementTree)


def test_reload_loads_the_module_again_there(stream_client, far_module):
    name = far_module("again", "count = 1\n")
    with stream_client.substitute(name):
        module = importlib.import_module(name)
        module.count = 7
        assert module.count == 7
        assert importlib.reload(module) is module
        assert module.count == 1


def test_reload_of_a_local_module_in_the_block_is_local(client, write_module):
    write_module("local_reload", "import itertools\n")
    import local_reload

    with client.substitute("math"):
        assert importlib.reload(local_reload) is local_reload


def test_exceptions_of_the_standard_library_are_caught(client):
    with client.substitute("json"):
        import json

        with pytest.raises(json.JSONDecodeError):
            json.loads("{")


def test_a_name_that_the_far_side_lacks_is_an_import_error(client):
    with client.substitute("json"):
        with pytest.raises(ImportError, match="cannot import name 'nothing' from 'json' on local://"):
            from json import nothing  # noqa: F401
        with pytest.raises(ModuleNotFoundError, match="json.nothing"):
            import json.nothing  # noqa: F401


# -- what is refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("modules", "error", "text"),
    [
        ((), TypeError, "names of modules"),
        ((5,), TypeError, "not 5"),
        (("",), ValueError, "empty"),
        (("os path",), ValueError, "identifier"),
        (("os", "os..path"), ValueError, "identifier"),
        (("rproxy",), ValueError, "it is what reaches the far side"),
        (("rproxy.client",), ValueError, "it is what reaches the far side"),
        (("__main__",), ValueError, "your own program"),
        (("no_such_package.sub",), ModuleNotFoundError, "substitute 'no_such_package' as a whole"),
    ],
)
def test_what_cannot_be_substituted_is_refused_at_once(client, trips, modules, error, text):
    def refused():
        with pytest.raises(error, match=text):
            client.substitute(*modules)

    assert trips(refused)[1] == 0


def test_a_module_that_is_missing_there_is_an_error_and_changes_nothing(client):
    before = builtins.__import__
    with (
        pytest.raises(ModuleNotFoundError, match="no_such_module.* on local://"),
        client.substitute("os", "no_such_module"),
    ):
        pytest.fail("the block was entered")
    assert builtins.__import__ is before
    assert importlib.import_module("os") is os


# -- what stays local ---------------------------------------------------------------------------------------


def test_values_are_rebuilt_by_the_local_module(client):
    with client.substitute("decimal", "datetime"):
        import datetime
        import decimal

        assert decimal.Decimal("1.5") + 1 == sys.modules["decimal"].Decimal("2.5")
        assert type(datetime.date(2024, 1, 2)) is sys.modules["datetime"].date


def test_the_local_copy_of_a_substituted_module_imports_itself(client, write_module):
    write_module("selfish", "import json\ndef again():\n    import json\n    return json")
    import selfish

    with client.substitute("json"):
        assert is_proxy(selfish.again())
        sys.modules["json"].__dict__["again"] = eval("lambda: __import__('json')", vars(sys.modules["json"]))
        try:
            assert sys.modules["json"].again() is json
        finally:
            del sys.modules["json"].again


def test_functions_by_value_work_in_the_block(client):
    with client.substitute("pickle", "types", "io", "os"):
        assert client.call(lambda x: x + 1, 2) == 3


#: Those that open a browser or a window, print, are no library, or belong to another system.
NOT_TRIED = {"_ios_support", "antigravity", "idlelib", "test", "this", "tkinter", "turtle", "turtledemo"}


@pytest.mark.slow
def test_requests_work_whatever_of_the_standard_library_is_substituted():
    offset, failed, tried = 3, {}, 0
    with rproxy.connect() as client:
        remote_os, remote_datetime = client.module("os"), client.module("datetime")
        for name in sorted(sys.stdlib_module_names - NOT_TRIED):
            if not client.has_module(name):
                continue
            tried += 1
            try:
                with client.substitute(name):
                    assert client.call(lambda x: x + offset, 4) == 7
                    assert remote_datetime.date(2024, 1, 2).year == 2024
                    with pytest.raises(FileNotFoundError), remote_os.scandir("/nowhere"):
                        pass
                    assert "x".encode("utf-16").decode("utf-16") == "x"
                    assert client.module("textwrap").dedent.__doc__
            except Exception as error:
                failed[name] = repr(error)
    assert failed == {}
    assert tried > 150


# -- round trips --------------------------------------------------------------------------------------------


def run(source):
    return lambda: exec(source, {"__name__": "somewhere"})


def test_entering_is_one_request_a_module_and_leaving_none(client, trips):
    substitution = client.substitute("os", "json", "math")
    assert trips(substitution.start)[1] == 3
    assert trips(substitution.stop)[1] == 0


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("import os", 0),
        ("import os as o; import json.decoder; from os import getpid, path", 0),
        ("from math import pi", 1),
        ("from math import *", 1),
        ("import os; os.getpid()", 1),
        ("import os; os.path.join('a', 'b')", 1),
        ("from os import *", 7),  # __all__, the small values, and five values that stay there
        ("import json\ntry: json.loads('{')\nexcept json.JSONDecodeError: pass", 1),
    ],
)
def test_an_import_costs_few_requests(stream_client, source, count):
    with stream_client.substitute("os", "json", "math"):
        before = stream_client._session.sent
        run(source)()
        assert stream_client._session.sent - before == count
