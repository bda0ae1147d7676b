"""The verbs: do_remote_call, functions by value, and what they refuse before anything is sent."""

import gc
import os

import pytest

import rproxy


@pytest.fixture
def untouched(client):
    """Fails if the test has sent anything."""
    before = client._session.sent
    yield
    assert client._session.sent == before


def test_a_call_returns_its_value_and_what_it_printed(client):
    assert client.do_remote_call("os", "getenv", ["HOME"]) == (os.environ["HOME"], "")
    assert client.do_remote_call("builtins", "print", ["hello"]) == (None, "hello\n")


def test_a_list_gives_positional_and_a_dict_keyword_arguments(client):
    assert client.do_remote_call("builtins", "int", ["ff", 16])[0] == 255
    assert client.do_remote_call("textwrap", "shorten", {"text": "one two three", "width": 10})[0] == "one [...]"
    assert client.do_remote_call("textwrap", "shorten", ["one two three"], {"width": 10})[0] == "one [...]"
    assert client.do_remote_call("textwrap", "shorten", {"text": "one two three"}, {"width": 10})[0] == "one [...]"


def test_a_dotted_function_is_found(client):
    assert client.do_remote_call("os", "path.join", ["a", "b"])[0] == "a/b"


def test_keep_env_loads_the_login_environment_for_the_call(client, tmp_path, monkeypatch):
    profile = os.path.join(os.environ["HOME"], ".profile")
    with open(profile, "w") as file:
        file.write("echo noise from a profile\nexport FROM_LOGIN='a\nb=c'\n")
    try:
        with rproxy.connect() as fresh:
            fresh.register_remote_env_variable("SHELL", "/bin/sh")
            assert fresh.do_remote_call("os", "getenv", ["FROM_LOGIN"], keep_env=True) == ("a\nb=c", "")
            assert fresh.do_remote_call("os", "getenv", ["FROM_LOGIN"]) == (None, "")
    finally:
        os.unlink(profile)


def test_functions_run_there_by_value(client):
    offset = 10

    def shifted(number, *, by=1):
        return number + offset + by

    assert client.call(shifted, 1) == 12
    assert client.call(shifted, 1, by=5) == 16
    assert client.call(lambda: __import__("os").getpid()) != os.getpid()
    remote = client.function(shifted)
    assert (remote(2), remote.__name__) == (13, "shifted")


def test_lambdas_closures_and_local_classes_are_arguments(client):
    class Pair:
        def __init__(self, a, b):
            self.a, self.b = a, b

        def total(self):
            return self.a + self.b

    assert list(client.call(lambda f, xs: [f(x) for x in xs], lambda x: x * 2, [1, 2])) == [2, 4]
    assert client.call(lambda pair: pair.total(), Pair(1, 2)) == 3
    assert client.call(lambda cls: cls(3, 4).total(), Pair) == 7
    assert client.module("functools").reduce(lambda a, b: a * b, [2, 3, 4]) == 24


def test_functions_of_every_kind_run_there(client):
    import functools

    class Counter:
        def __init__(self, start):
            self.start = start

        def plus(self, n, *, twice=False):
            return self.start + n * (2 if twice else 1)

    async def later(n):
        import asyncio

        await asyncio.sleep(0)
        return n + 1

    def factorial(n):
        return 1 if n < 2 else n * factorial(n - 1)

    assert client.call(Counter(10).plus, 1, twice=True) == 12
    assert client.call(functools.partial(Counter(10).plus, 5)) == 15
    assert client.call(later, 1) == 2
    assert client.call(factorial, 5) == 120
    assert client.call(lambda: __import__("math").sqrt(4)) == 2


def test_a_generator_function_gives_a_generator_that_runs_there(stream_client):
    def count(n):
        import os

        for number in range(n):
            yield number, os.getpid()

    found = list(stream_client.call(count, 3))
    assert [number for number, _ in found] == [0, 1, 2]
    assert {pid for _, pid in found} == {stream_client.module("os").getpid()}


def test_an_importable_function_or_object_is_an_argument(client):
    import operator
    import pathlib

    assert client.module("functools").reduce(operator.mul, [2, 3]) == 6
    assert client.module("os").fspath(pathlib.PurePosixPath("/a/b")) == "/a/b"


@pytest.mark.parametrize(
    "name", ["", ".", "os.", "a b", "1a", "os;rm", "__globals__", "os.__class__", "x.__subclasses__"]
)
def test_a_name_that_cannot_be_is_refused_before_anything_is_sent(client, untouched, name):
    with pytest.raises(ValueError, match="module"):
        client.module(name)
    with pytest.raises(ValueError, match="module"):
        client.do_remote_call(name, "getenv")
    with pytest.raises(ValueError, match="function"):
        client.do_remote_call("os", name)


@pytest.mark.parametrize("name", [None, 5, b"os", ["os"]])
def test_a_name_that_is_no_text_is_refused_before_anything_is_sent(client, untouched, name):
    with pytest.raises(TypeError, match="dotted name"):
        client.module(name)
    with pytest.raises(TypeError, match="dotted name"):
        client.do_remote_call("os", name)


def test_arguments_that_cannot_be_meant_are_refused_before_anything_is_sent(client, untouched):
    with pytest.raises(TypeError, match=r"args=\['HOME'\]"):
        client.do_remote_call("os", "getenv", "HOME")
    with pytest.raises(TypeError, match="'key' is given twice"):
        client.do_remote_call("os", "getenv", {"key": 1}, {"key": 2})
    with pytest.raises(TypeError, match="cannot be called"):
        client.call(5)
    with pytest.raises(TypeError, match="cannot be called"):
        client.function("f")


def test_the_argument_that_cannot_travel_is_named_and_the_session_goes_on(client):
    with open(os.devnull) as file:
        with pytest.raises(
            rproxy.SerializationError, match=r"argument 2 of os.path.join, a _io.TextIOWrapper, cannot travel"
        ):
            client.module("os").path.join("a", file)
        with pytest.raises(rproxy.SerializationError, match=r"argument 'key' of os.getenv"):
            client.module("os").getenv(key=file)
    assert client.module("os").path.join("a", "b") == "a/b"


def test_json_carries_no_code():
    with rproxy.connect(serializer="json") as client:
        with pytest.raises(rproxy.SerializationError, match="argument 1 of builtins.map, a function, cannot travel"):
            client.module("builtins").map(lambda x: x, [])
        assert client.module("os").path.join("a", "b") == "a/b"


def test_json_has_no_pickle_in_either_direction():
    with rproxy.connect(serializer="json") as client:
        connected = client.call if False else client.do_remote_call
        names = connected("sys", "modules.keys")[0]
        assert connected("builtins", "len", [[1, (2, {"a": b"\x00"})]])[0] == 2
        del names
        sent = []
        stream = client._session.channel._stream
        write = stream.write
        stream.write = lambda pieces: (sent.extend(map(bytes, pieces)), write(pieces))[1]
        assert connected("operator", "add", [(1, b"x"), (2.5, {1: 2})])[0] == (1, b"x", 2.5, {1: 2})
        assert b'{"~":["tuple"' in b"".join(sent)
        assert not any(piece.startswith(b"\x80") for piece in sent)


def test_modules_are_compared_by_version(client, far_module):
    client.register_remote_module("numpy")
    client.register_remote_module(far_module("unversioned", ""))
    with pytest.raises(rproxy.RemoteModulesError, match="has no module 'no_such_module'; install it there"):
        client.register_remote_module("no_such_module")


def test_another_version_is_an_error_that_names_both(client, tmp_path, monkeypatch, far_module):
    name = far_module("versioned", "__version__ = '1.0'\n")
    (tmp_path / f"{name}.py").write_text("__version__ = '2.0'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(rproxy.RemoteModulesError, match=r"version 1\.0 on local://, and 2\.0 here"):
        client.register_remote_module(name)


def test_has_module_imports_nothing(client, far_module):
    name = far_module("printing", "raise SystemExit('was imported')\n")
    assert client.has_module(name) is True
    assert client.has_module("no_such_module") is False
    assert client.has_module("os.path") is True


def test_info_and_ping_tell_about_the_host(client, channel):
    info = client.info()
    assert info.target == "local://"
    assert info.channel == {"stream": "stream", "command": "commands"}[channel]
    assert info.cores >= 1
    assert info.memory > 2**20
    assert os.path.isdir(info.endpoint)
    assert client.ping() > 0


def test_what_a_call_needed_goes_with_its_answer(stream_client):
    remote_os = stream_client.module("os")
    remote_os.path.join("a", "b")
    gc.collect()
    gc.disable()
    try:
        for _ in range(100):
            remote_os.path.join("a", "b")
        assert gc.collect() == 0
    finally:
        gc.enable()
