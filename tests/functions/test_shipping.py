"""The user's own modules: sent where they are missing, once, as they are, and refused with a reason."""

import importlib
import importlib.util
import pathlib
import sys
import textwrap
import time

import pytest

import rproxy
from rproxy.code import packing

from ..conftest import HOME, connect_over
from .conftest import FAR_VERSIONS, far_python, name_of

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("elsewhere")]

PACKAGE = {
    "__init__.py": "NAME = __name__\n",
    "analysis.py": """
        import os, pkgutil
        from . import helpers
        from .deep.inside import below
        import {single}

        class Thing:
            def __init__(self, size):
                self.size = size
            def doubled(self):
                return Thing(helpers.twice(self.size))

        def run(number):
            return helpers.twice(number) + below() + {single}.ONE

        def data():
            beside = os.path.join(os.path.dirname(__file__), "data", "words.txt")
            with open(beside) as file:
                return pkgutil.get_data(__package__, "data/words.txt").decode(), file.read(), __name__

        def lazily():
            from {name}.unseen import there
            return there()

        def fail():
            raise KeyError("wrong")
    """,
    "helpers.py": "def twice(number):\n    return 2 * number\n",
    "unseen.py": "def there():\n    import {name}.deep.inside as inside\n    return inside.below() + 1\n",
    "deep/__init__.py": "",
    "deep/inside.py": "from ..helpers import twice\ndef below():\n    return twice(50)\n",
    "data/words.txt": "some words",
    ".hidden": "secret",
}


@pytest.fixture
def package(write_module, tmp_path, request):
    """A package of the user's, with all that packages have; its name is new in each test."""
    name = "own_" + "".join(filter(str.isalnum, request.node.name))[:60]
    single = f"{name}_single"
    for path, text in PACKAGE.items():
        file = tmp_path / name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text).replace("{name}", name).replace("{single}", single))
    (tmp_path / f"{single}.py").write_text("ONE = 1\n")
    write_module(f"{name}.extra", "")
    return importlib.import_module(f"{name}.analysis")


@pytest.fixture(params=FAR_VERSIONS, ids=name_of)
def client(request):
    with connect_over("stream", python=far_python(request.param)) as client:
        yield client


def requests_of(client, function, *args):
    before = client._session.sent
    found = client.call(function, *args)
    return found, client._session.sent - before


# -- what works ----------------------------------------------------------------------------------------


def test_a_function_of_an_own_package_runs_there_with_all_that_it_imports(client, package):
    assert client.call(package.run, 3) == 107


def test_the_modules_have_their_own_names_and_data_there(client, package):
    assert client.call(package.data) == ("some words", "some words", package.__name__)


def test_an_instance_of_an_own_class_is_an_argument_and_its_method_a_function(client, package):
    assert client.call(lambda thing: thing.doubled().size, package.Thing(4)) == 8
    assert client.call(package.Thing(5).doubled).size == 10


def test_a_class_of_a_trusted_package_takes_it_along(package):
    with connect_over("stream", trust=[package.__package__]) as client:
        thing = client.call(package.Thing, 3)
        assert type(rproxy.fetch(thing)) is package.Thing


RECORD = "import typing\nclass Record(typing.NamedTuple):\n    x: int\n    def twice(self): return 2 * self.x\n"


def test_a_named_tuple_that_has_methods_takes_its_class_along(client, write_module):
    module = importlib.import_module(write_module("own_record", RECORD))
    assert client.module("builtins").getattr(module.Record(3), "twice")() == 6


@pytest.mark.parametrize("options", [{"ship": False}, {"serializer": "json"}], ids=["ship=False", "json"])
def test_a_named_tuple_is_its_fields_where_nothing_is_sent(options, write_module):
    module = importlib.import_module(write_module("own_record", RECORD))
    with rproxy.connect(**options) as client:
        assert client.module("builtins").repr(module.Record(3)) == "Record(x=3)"


def test_a_lambda_that_uses_an_own_module_takes_it_along(client, package):
    assert client.call(lambda: package.run(1)) == 103


def test_an_import_inside_of_a_function_counts(client, package):
    name = package.__package__
    space = {"__name__": "__main__"}
    assert client.call(package.lazily) == 101
    text = f"def imports():\n    import {name}.helpers\n    return {name}.helpers.twice(4)\n"
    exec(text, space)
    if client._session.codec._there == sys.version_info[:2]:  # text without a file has no source
        assert client.call(space["imports"]) == 8


def test_an_exception_shows_the_lines_of_the_module(client, package):
    with pytest.raises(KeyError) as caught:
        client.call(package.fail)
    assert 'raise KeyError("wrong")' in caught.value.remote_traceback
    assert "analysis.py" in caught.value.remote_traceback


def test_processes_of_multiprocessing_have_the_modules(package):
    twice = importlib.import_module(f"{package.__package__}.helpers").twice

    def pool(way):
        import multiprocessing

        with multiprocessing.get_context(way).Pool(1) as workers:
            return workers.map(twice, [1, 2])

    with rproxy.connect() as client:
        assert client.call(pool, "fork") == [2, 4]
        assert client.call(pool, "spawn") == [2, 4]


def test_a_namespace_package_is_sent_too(client, write_module):
    write_module("own_space.other", "V = 4\n")
    module = importlib.import_module(write_module("own_space.part", "from . import other\ndef run(): return other.V\n"))
    assert client.call(module.run) == 4


def test_a_folder_that_is_on_the_path_twice_is_sent_once(client, write_module, tmp_path, monkeypatch, recwarn):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    name = "own_twice_on_the_path"
    module = importlib.import_module(write_module(f"{name}.part", "def one(): return 1\n"))
    assert client.call(module.one) == 1
    assert not [one for one in recwarn if "Duplicate name" in str(one.message)]


def test_of_two_folders_of_a_namespace_the_first_one_counts(client, write_module, tmp_path, monkeypatch):
    name = "own_in_two_folders"
    write_module(f"{name}.part", "def number(): return 2\n")
    (tmp_path / "first" / name).mkdir(parents=True)
    (tmp_path / "first" / name / "part.py").write_text("def number(): return 1\n")
    monkeypatch.syspath_prepend(str(tmp_path / "first"))
    module = importlib.import_module(f"{name}.part")
    assert client.call(module.number) == module.number() == 1


def test_a_package_in_a_folder_of_another_name_is_sent_under_its_own(client, tmp_path, monkeypatch):
    """As an editable install with a `package_dir` has it."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "__init__.py").write_text("from .inside import where\n")
    (tmp_path / "folder" / "inside.py").write_text("def where(): return __name__\n")
    place = str(tmp_path / "folder" / "__init__.py")
    spec = importlib.util.spec_from_file_location("own_named_otherwise", place)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    assert client.call(module.where) == "own_named_otherwise.inside"


def test_a_module_that_the_far_side_has_is_its_own(far_module, write_module):
    name = far_module("both", "def where(): return 'there'\n")
    module = importlib.import_module(write_module(name, "def where(): return 'here'\n"))
    with rproxy.connect() as client:
        assert client.call(module.where) == "there"


# -- what is sent when ---------------------------------------------------------------------------------


def test_a_new_module_costs_one_request_more_and_then_none(client, package):
    assert requests_of(client, package.run, 3) == (107, 2)
    assert requests_of(client, package.run, 3) == (107, 1)
    assert requests_of(client, package.data)[1] == 1


def test_calls_that_need_no_module_cost_no_request_more(client):
    assert requests_of(client, lambda: 1) == (1, 1)


def test_each_command_brings_the_modules(package):
    with connect_over("command") as client:
        assert requests_of(client, package.run, 3) == (107, 2)
        assert requests_of(client, package.run, 3) == (107, 1)


def test_a_module_that_was_loaded_again_travels_anew(client, package, tmp_path):
    assert client.call(package.run, 3) == 107
    helpers = importlib.import_module(f"{package.__package__}.helpers")
    pathlib.Path(helpers.__file__).write_text("def twice(number):\n    return 20 * number # longer\n")
    assert client.call(package.run, 3) == 107
    importlib.reload(helpers)
    assert requests_of(client, package.run, 3) == (1061, 1)


# -- what stays behind ---------------------------------------------------------------------------------


def folders() -> set[str]:
    tmp = HOME / ".rproxy" / "tmp"
    return {path.name for path in tmp.glob("session-*")} if tmp.is_dir() else set()


def remaining(made: set[str]) -> set[str]:
    """Those of some folders that are still there once they had the time to go."""
    until = time.monotonic() + 20
    while made & folders() and time.monotonic() < until:
        time.sleep(0.02)
    return made & folders()


@pytest.mark.parametrize("channel", ["stream", "command"])
def test_the_files_go_with_the_client(channel, package):
    before = folders()
    with connect_over(channel) as client:
        client.call(package.run, 3)
        made = folders() - before
        assert len(made) == 1
    assert remaining(made) == set()


def test_the_files_go_when_the_far_side_is_killed(package):
    before = folders()
    with rproxy.connect() as client:
        client.call(package.run, 3)
        made = folders() - before
        with pytest.raises(rproxy.ConnectionLost):
            client.call(lambda: __import__("os").kill(__import__("os").getpid(), 9))
        assert remaining(made) == set()
    assert len(made) == 1


# -- what is refused -----------------------------------------------------------------------------------


def test_a_compiled_module_is_refused_with_the_reason(client, package):
    file = pathlib.Path(package.__file__).with_name("_fast.cpython-312-x86_64-linux-gnu.so")
    file.write_bytes(b"\x7fELF")
    with pytest.raises(rproxy.SerializationError, match=r"it is compiled for this machine \(.*_fast") as caught:
        client.call(package.run, 3)
    assert "Install it there" in str(caught.value)


def test_a_huge_package_is_refused_with_the_reason(client, package):
    (pathlib.Path(package.__file__).parent / "data" / "huge.bin").write_bytes(bytes(packing.LIMIT))
    with pytest.raises(rproxy.SerializationError, match=r"more than 4 MiB together \(.*huge.bin alone has 4.0\)"):
        client.call(package.run, 3)


def test_a_refused_package_that_something_imports_is_missing_with_the_reason(client, package):
    single = sys.modules[f"{package.__package__}_single"]
    pathlib.Path(single.__file__).with_suffix(".so").write_bytes(b"")
    folder = pathlib.Path(single.__file__).with_suffix("")
    folder.mkdir()
    pathlib.Path(single.__file__).rename(folder / "__init__.py")
    (folder / "fast.so").write_bytes(b"\x7fELF")
    importlib.invalidate_caches()
    del sys.modules[single.__name__]
    with pytest.raises(rproxy.SerializationError, match="No module named .*_single.*it is compiled for this machine"):
        client.call(package.run, 3)


def test_with_ship_false_nothing_is_sent_and_the_error_says_so(package):
    with rproxy.connect(ship=False) as client:
        trouble = pytest.raises(rproxy.SerializationError, client.call, package.run, 3)
        assert "connect without ship=False" in str(trouble.value)


# -- ship ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["stream", "command"])
def test_a_shipped_package_is_a_module_there(channel, package):
    name = package.__name__
    with connect_over(channel, ship=False) as client:
        with pytest.raises(ModuleNotFoundError, match=rf"client\.ship\('{package.__package__}'\) sends it"):
            client.module(name)
        client.ship(package.__package__)
        assert client.module(name).run(3) == 107
        assert client.has_module(name)


def test_a_module_object_is_shipped_by_its_name(package):
    with rproxy.connect() as client:
        client.ship(package)
        assert client.module(package).run(3) == 107


def test_a_module_is_shipped_by_json_too(package):
    with rproxy.connect(serializer="json") as client:
        client.ship(package)
        assert client.module(package.__name__).run(3) == 107


@pytest.mark.parametrize("name", ["json", "pytest", "no_such_module"])
def test_only_modules_of_the_users_own_are_shipped(name):
    with rproxy.connect() as client, pytest.raises(ModuleNotFoundError, match=f"'{name}' is no module of your own"):
        client.ship(name)
