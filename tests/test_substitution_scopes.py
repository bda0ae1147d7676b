"""Substitution: what holds after a block, where and when it holds, and within one module.

The endpoint is another process: `os.getpid()` tells which `os` a name means.
"""

import builtins
import contextlib
import importlib
import json
import os
import re
import subprocess
import sys
import textwrap
import threading
import xml.etree.ElementTree

import pytest

import rproxy

from .conftest import REPOSITORY

HERE = os.getpid()


def is_there(module):
    return module.getpid() != HERE


def is_proxy(obj):
    return " on local://" in repr(obj)


# -- what holds afterwards ----------------------------------------------------------------------------------


def test_sys_modules_is_never_changed(client):
    before = dict(sys.modules)
    with client.substitute("xml", "os", "json"):
        import os.path  # noqa: F401
        import xml.etree.ElementTree  # noqa: F401

        assert {name: sys.modules.get(name) for name in before} == before
    assert {name: sys.modules.get(name) for name in before} == before
    assert not [name for name, module in sys.modules.items() if is_substitute(module)]


def is_substitute(module):
    return type(module).__module__.startswith("rproxy.proxies")


def test_local_modules_are_back_after_an_exception(client):
    with contextlib.suppress(ZeroDivisionError), client.substitute("os"):
        1 / 0
    assert importlib.import_module("os") is os


def test_submodules_are_back_in_their_packages(client):
    local = xml.etree.ElementTree
    with client.substitute("xml"):
        import xml.etree.ElementTree as remote

        assert remote is not local
    assert sys.modules["xml"].etree.ElementTree is local


def test_the_import_hooks_go_with_the_last_block(client):
    before = builtins.__import__, importlib._bootstrap._gcd_import, importlib.reload
    with client.substitute("os"), client.substitute("json"):
        assert builtins.__import__ is not before[0]
    assert (builtins.__import__, importlib._bootstrap._gcd_import, importlib.reload) == before


def test_a_hook_that_somebody_put_over_ours_stays(client, monkeypatch):
    original = builtins.__import__
    with client.substitute("os"):
        under = builtins.__import__
        over = lambda *args, **kwargs: under(*args, **kwargs)
        builtins.__import__ = over
    try:
        assert builtins.__import__ is over
        import os as found

        assert found.getpid() == HERE
    finally:
        builtins.__import__ = original


def test_a_module_first_imported_in_the_block_has_the_local_names_afterwards(client, write_module):
    write_module("first_time", "import os\nfrom os import getpid as who\ndef both(): return os.getpid(), who()")
    with client.substitute("os"):
        import first_time

        assert HERE not in first_time.both()
    assert first_time.both() == (HERE, HERE)
    assert sys.modules["first_time"] is first_time


def test_a_proxy_that_a_module_made_itself_stays_one(client, write_module):
    write_module("own_proxy", "def keep(client):\n    global remote_os\n    remote_os = client.module('os')")
    with client.substitute("os"):
        import own_proxy

        own_proxy.keep(client)
    assert is_there(own_proxy.remote_os)


def test_a_module_that_took_what_is_not_here_leaves_sys_modules(stream_client, far_module, write_module):
    name = far_module("only_there", "def answer(): return 42")
    write_module("took", f"import {name} as far")
    with stream_client.substitute(name):
        import took

        assert took.far.answer() == 42
    assert "took" not in sys.modules


# -- nesting, starting, threads -----------------------------------------------------------------------------


def test_blocks_nest(stream_client):
    with rproxy.connect() as other, stream_client.substitute("os"):
        import os

        first = os.getpid()
        with other.substitute("os"):
            import os

            second = os.getpid()
        import os

        assert os.getpid() == first
    assert len({first, second, HERE}) == 3


def test_started_until_stopped(client):
    substitution = client.substitute("os")
    assert substitution.start() is substitution
    try:
        assert is_there(importlib.import_module("os"))
    finally:
        substitution.stop()
    assert importlib.import_module("os") is os
    substitution.stop()


def test_what_was_stopped_can_be_started_again(client):
    substitution = client.substitute("os")
    for _ in range(2):
        substitution.start()
        found = importlib.import_module("os")
        substitution.stop()
        assert is_there(found)


def test_starting_twice_is_an_error(client):
    substitution = client.substitute("os").start()
    try:
        with pytest.raises(rproxy.RProxyError, match="started already"):
            substitution.start()
    finally:
        substitution.stop()


def test_what_was_started_may_stop_in_any_order(client):
    first, second = client.substitute("os").start(), client.substitute("json").start()
    first.stop()
    try:
        assert importlib.import_module("os") is os
        assert is_proxy(importlib.import_module("json"))
    finally:
        second.stop()
    assert importlib.import_module("json") is json


def in_thread(function):
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def test_a_block_is_its_threads_own(client):
    with client.substitute("os"):
        assert in_thread(lambda: importlib.import_module("os")) is os


def test_what_was_started_holds_in_all_threads(client):
    substitution = client.substitute("os").start()
    try:
        assert is_there(in_thread(lambda: importlib.import_module("os")))
    finally:
        substitution.stop()


def test_two_threads_enter_the_same_substitution(stream_client):
    substitution = stream_client.substitute("os")

    def work():
        with substitution:
            pid = importlib.import_module("os").getpid()
        return pid, importlib.import_module("os") is os

    with substitution:
        pid, local = in_thread(work)
        assert is_there(importlib.import_module("os"))
    assert pid != HERE and local
    assert importlib.import_module("os") is os


def test_two_threads_have_blocks_of_the_same_module_at_once(stream_client):
    both = threading.Barrier(2, timeout=60)

    def work(client):
        with client.substitute("os"):
            both.wait()
            pid = importlib.import_module("os").getpid()
            both.wait()
        return pid, importlib.import_module("os") is os

    with rproxy.connect() as other:
        found = []
        threads = [
            threading.Thread(target=lambda client=client: found.append(work(client)))
            for client in (stream_client, other)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len({pid for pid, _ in found} | {HERE}) == 3
    assert all(local for _, local in found)


# -- into one module ----------------------------------------------------------------------------------------

USER = """
    import os
    import os.path as paths
    from os import getpid as who, sep, path
    from typing import Any

    sys = 5

    def work():
        import os as again
        return os.getpid(), who(), again.getpid()
"""


def test_into_replaces_the_names_of_one_module(client, write_module):
    write_module("into_user", USER)
    import into_user

    before = dict(vars(into_user))
    with client.substitute("os", into="into_user"):
        first, second, third = into_user.work()
        assert HERE not in (first, second)
        assert is_proxy(into_user.paths) and is_proxy(into_user.path)
        assert into_user.sys == 5 and into_user.Any is before["Any"]
    assert third == HERE
    assert vars(into_user) == before


def test_into_leaves_all_imports_alone(client, write_module):
    write_module("into_alone", USER)
    import into_alone

    with client.substitute("os", into=into_alone):
        import os as found
    assert found is os


def test_into_is_undone_after_an_exception(client, write_module):
    write_module("into_error", USER)
    import into_error

    with contextlib.suppress(ZeroDivisionError), client.substitute("os", into=into_error):
        1 / 0
    assert into_error.os is os


def test_into_leaves_alone_what_was_bound_meanwhile(client, write_module):
    write_module("into_bound", USER)
    import into_bound

    with client.substitute("os", into=into_bound):
        into_bound.who = 7
    assert into_bound.who == 7


def test_into_a_module_that_has_no_such_names_is_an_error(client):
    with pytest.raises(ValueError, match="textwrap has no names of math"), client.substitute("math", into=textwrap):
        pass


def test_into_something_that_is_no_module_is_an_error(client):
    with pytest.raises(TypeError, match="into is the name of a local module"):
        client.substitute("os", into=5)
    with pytest.raises(ModuleNotFoundError):
        client.substitute("os", into="no_such_module_here")


# -- the fixture --------------------------------------------------------------------------------------------


def example(words):
    """The Python block of the documentation that has these words."""
    text = (REPOSITORY / "docs" / "substitution.md").read_text("utf-8")
    (found,) = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if words in block]
    return found


def run_pytest(folder, source):
    (folder / "test_given.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100)
    return done.stdout + done.stderr


def test_the_documented_fixture_runs_a_test_against_a_host(tmp_path):
    assert "1 passed" in run_pytest(tmp_path, example("on_host"))


MORE_TESTS = """
import os as operating_system
from os import getpid

def test_names_of_this_file(on_host):
    assert {getpid(), operating_system.getpid()} == {on_host.module("os").getpid()}

def test_imports_inside(on_host):
    import os as inner
    assert inner.getpid() == on_host.module("os").getpid()

def test_without():
    import os as inner
    assert inner is os and "local://" not in repr(os)
"""


def test_the_fixture_holds_for_the_files_names_and_for_imports_in_the_test_alone(tmp_path):
    assert "4 passed" in run_pytest(tmp_path, example("on_host") + MORE_TESTS)


def test_the_fixture_replaces_the_names_of_modules_under_test(tmp_path):
    (tmp_path / "subject.py").write_text("import os\ndef who(): return os.getpid()")
    source = """
import pytest, rproxy.testing, subject
on_host = pytest.fixture(rproxy.testing.remote_modules("os", into=("subject",)))
def test_it(on_host):
    assert subject.who() == on_host.module("os").getpid()
"""
    assert "1 passed" in run_pytest(tmp_path, source)


def test_the_first_documented_example_runs():
    pytest.importorskip("numpy", reason="install numpy")
    names = {"__name__": "example"}
    exec(example("def work"), names)
    assert callable(names["work"])
