"""Functions by source: what is refused, what their tracebacks show, and what is sent when."""

import importlib
import linecache
import sys
import threading

import pytest

import rproxy
from rproxy_endpoint.protocol.messages import Provide

from ..conftest import connect_over, interpreters
from .conftest import name_of, older_python

table = ["of this", "module"]
HERE, OLD = name_of(sys.version_info[:2]), "3.6"


@pytest.fixture
def refused(old):
    """Calls what must be refused before anything is sent; the text of the refusal."""

    def call(function, *args):
        before = old._session.channel._peer._number
        with pytest.raises(rproxy.SerializationError) as caught:
            old.call(function, *args)
        assert old._session.channel._peer._number == before
        return str(caught.value)

    return call


def made_by_exec(text: str, name: str):
    space = {"__name__": "__main__"}
    exec(text, space)
    return space[name]


# -- refused -------------------------------------------------------------------------------------------


def test_a_function_without_a_source_is_refused_with_both_versions_and_what_to_do(refused):
    text = refused(made_by_exec("def lost(): return 1", "lost"))
    assert "the function 'lost' cannot travel" in text
    assert f"Python {HERE}" in text and f"Python {OLD}" in text
    assert "Put it into a file or module, or connect with python=" in text


def test_a_class_without_a_source_is_refused_by_its_name(refused):
    assert "the class 'Lost' cannot travel" in refused(made_by_exec("class Lost: pass", "Lost"))


def test_a_class_that_was_made_from_text_that_nobody_kept_is_refused_as_that(refused):
    lost = made_by_exec("class Lost:\n    def method(self): return 1", "Lost")
    assert "it was made from text that nobody kept" in refused(lost().method)


def test_a_file_that_was_changed_since_it_was_loaded_is_found_out(refused, write_module, tmp_path):
    module = importlib.import_module(write_module("changing", "make = lambda: (lambda: 1)\n"))
    (tmp_path / "changing.py").write_text("make = lambda: (lambda: 2)\n")
    assert "is not what it was when this was loaded" in refused(module.make())


def test_an_open_file_is_refused_by_what_to_send_instead(refused):
    with open(__file__) as file:
        assert "send what is in it" in refused(lambda: file.read())


def test_a_lock_of_a_closure_is_refused(refused):
    lock = threading.Lock()
    assert "lock" in refused(lambda: lock.locked())


def test_a_code_object_is_refused(refused):
    assert "only functions and classes have one" in refused(len, (lambda: 1).__code__)


def test_a_module_that_was_made_here_is_refused(refused):
    module = type(sys)("made_here")
    assert "cannot be imported by that name there" in refused(lambda: module.x)


def test_a_class_whose_own_making_holds_it_is_refused(refused):
    registry = []

    def register(cls):
        registry.append(cls)
        return cls

    @register
    class Registered:
        def size(self):
            return len(registry)

    assert "'register', a variable of the function around it" in refused(Registered().size)


def test_a_variable_of_a_comprehension_is_none_of_the_function_around(old):
    item = 5

    class Holder:
        squares = [item * item for item in range(3)]  # noqa: RUF012

        def held(self):
            return self.squares

    assert item == 5
    assert old.call(Holder().held) == [0, 1, 4]


def test_a_variable_of_another_function_of_that_name_is_none_of_the_one_around(old):
    def maker():
        table = 1
        return [table]

    first = maker

    def maker():  # noqa: F811
        class Holder:
            def held(self):
                return len(table)

        return Holder

    assert first() == [1]
    assert old.call(maker()().held) == 2


# -- what they are there -------------------------------------------------------------------------------


def test_a_traceback_shows_the_lines_as_they_are_here(far):
    def failing(value):
        doubled = value * 2
        return doubled / 0  # this very line

    with pytest.raises(ZeroDivisionError) as caught:
        far.call(failing, 1)
    line = failing.__code__.co_firstlineno + 2
    assert f'File "{__file__}", line {line}, in failing' in caught.value.remote_traceback
    if far.module("sys").version_info[:2] != sys.version_info[:2]:
        assert "return doubled / 0  # this very line" in caught.value.remote_traceback


def test_a_traceback_by_value_shows_the_lines_where_the_file_is_missing(tmp_path, write_module):
    text = "def make():\n    def failing():\n        return 1 / 0  # this very line\n    return failing\n"
    failing = importlib.import_module(write_module("gone", text)).make()
    assert linecache.getlines(failing.__code__.co_filename)
    (tmp_path / "gone.py").unlink()
    with rproxy.connect() as client, pytest.raises(ZeroDivisionError) as caught:
        client.call(failing)
    assert "return 1 / 0  # this very line" in caught.value.remote_traceback


def test_a_function_shows_its_own_source_there(old):
    def shown(value):
        return value  # with its comment

    found = old.call(lambda: __import__("inspect").getsource(shown))
    assert found == "    def shown(value):\n        return value  # with its comment\n"


def test_a_generator_that_raises_stop_iteration_fails_there_as_here(old):
    def broken():
        yield 1
        raise StopIteration

    with pytest.raises(RuntimeError, match="generator raised StopIteration"):
        old.call(lambda: list(broken()))


def test_a_variable_that_is_not_assigned_yet_is_not_assigned_there(old):
    def uses():
        return later

    with pytest.raises(NameError, match="later"):
        old.call(uses)
    later = 1
    assert old.call(uses) == later


def test_functions_of_one_request_share_what_they_share_here(old):
    shared = []
    assert old.call(lambda: (shared.append(1), shared.append(2), shared)[-1]) == [1, 2]
    assert shared == []


def test_a_proxy_of_the_far_side_means_its_object_there(old):
    held = old.module("collections").deque
    made = held([1, 2])
    made_type = old.call(lambda: type(made).__name__)
    assert made_type == "deque"


def test_a_private_name_of_a_class_means_the_same_in_a_function_alone(old):
    class Box:
        __content = 5

        def open(self):
            return (lambda: self.__content)()

    assert old.call(Box().open) == 5
    assert old.call(lambda function, box: function(box), Box.open, Box()) == 5


if sys.version_info >= (3, 12):  # else there is no such language to write it in

    def test_type_parameters_go_to_another_version_that_knows_them(write_module):
        others = [version for version in interpreters() if version >= (3, 12) and version != sys.version_info[:2]]
        if not others:
            pytest.skip("install another Python from 3.12 on, for example by pyenv")
        text = "def make():\n    def first[T](items: list[T]) -> T:\n        return items[0]\n    return first\n"
        module = importlib.import_module(write_module("generic", text))
        with connect_over("stream", python=interpreters()[others[0]]) as client:
            assert client.call(module.make(), [1, 2]) == 1


# -- what is sent --------------------------------------------------------------------------------------


@pytest.fixture
def provided(monkeypatch):
    """The notices that clients of this test send."""
    found = []
    made = Provide.__new__

    def noting(cls, kind, items):
        found.append((kind, items))
        return made(cls, kind, items)

    monkeypatch.setattr(Provide, "__new__", noting)
    return found


def test_a_function_that_is_called_often_sends_its_source_once(provided):
    with connect_over("stream", python=older_python()) as client:
        doubled = client.function(lambda x: x * 2)
        assert [doubled(number) for number in range(20)] == [number * 2 for number in range(20)]
    assert [kind for kind, _ in provided] == ["sources"]


def test_each_command_brings_what_it_needs_and_no_other_does(provided):
    with connect_over("command", python=older_python()) as client:
        doubled = client.function(lambda x: x * 2)
        assert (doubled(1), doubled(2)) == (2, 4)
        client.module("os").getenv("HOME")
    assert [kind for kind, _ in provided] == ["sources", "sources"]


def test_what_may_not_have_come_is_sent_again(provided):
    def broken(value):
        return value

    with connect_over("stream", python=older_python()) as client:
        assert client.call(broken, 1) == 1
        with pytest.raises(rproxy.SerializationError, match="no_such_module"):
            client.call(broken, Unloadable())
        assert client.call(broken, 2) == 2
    assert [kind for kind, _ in provided] == ["sources", "sources"]


class Unloadable:
    def __reduce__(self):
        return __import__, ("no_such_module",)


def test_a_call_is_one_request(old):
    before = old._session.sent
    assert old.call(lambda x: x + 1, 1) == 2
    assert old._session.sent == before + 1
