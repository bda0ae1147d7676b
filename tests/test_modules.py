"""Module proxies: names, constants, mutable state, submodules, what inspection sees."""

import copy
import functools
import inspect
import math
import os
import pickle
import pydoc
import subprocess
import sys
import types

import pytest
import wrapt

import rproxy


@pytest.fixture
def trips(client):
    """Counts the requests of a client: `trips(function)` is (its result, how many it took)."""

    def count(function):
        before = client._session.sent
        result = function()
        return result, client._session.sent - before

    return count


def test_a_function_is_called_there(client, monkeypatch):
    assert client.module("os").getpid() != os.getpid()


def test_a_dotted_call_is_one_request_however_deep(client, trips):
    remote_os = client.module("os")
    assert trips(lambda: remote_os.path.join("a", "b")) == ("a/b", 1)
    assert trips(lambda: remote_os.path.genericpath.commonprefix(["ab", "ac"])) == ("a", 1)


def test_a_class_method_is_one_request(client, trips):
    remote_datetime = client.module("datetime")
    day, count = trips(lambda: remote_datetime.date.fromordinal(1))
    assert (str(day), count) == ("0001-01-01", 1)


def test_module_is_one_request(client, trips):
    assert trips(lambda: client.module("os"))[1] == 1


def test_constants_are_values_and_one_request_each(client, trips):
    remote_math = client.module("math")
    assert trips(lambda: remote_math.pi * 2) == (math.pi * 2, 1)
    assert client.module("os").sep == "/"
    assert client.module("string").ascii_letters[:3] == "abc"


def test_version_info_compares_and_has_its_fields(client):
    version = client.module("sys").version_info
    assert version >= (3, 6)
    assert version.major == 3
    assert tuple(version) == tuple(sys.version_info)


def test_mutable_state_is_read_when_it_is_asked_for(stream_client, far_module):
    module = stream_client.module(
        far_module("state", "counter = 0\ndef count():\n    global counter\n    counter += 1\n")
    )
    assert module.counter == 0
    module.count()
    assert module.counter == 1


def test_attributes_are_set_and_deleted_there(stream_client, far_module):
    name = far_module("settable", "counter = 0\ndef read(): return counter\n")
    module = stream_client.module(name)
    module.counter = 5
    assert (module.read(), module.counter) == (5, 5)
    del module.counter
    assert not hasattr(module, "counter")
    with pytest.raises(NameError):
        module.read()


def test_a_change_that_could_not_last_is_an_error_that_names_open(command_client):
    module = command_client.module("string")
    with pytest.raises(rproxy.RProxyError, match="State lasts only .*over a connector with a stream.*`open`"):
        module.whitespace = ""
    with pytest.raises(rproxy.RProxyError, match="`open`"):
        del module.whitespace


def test_a_function_that_is_replaced_by_a_value_is_read_as_that(stream_client, far_module):
    module = stream_client.module(far_module("replaced", "def thing(): return 1\n"))
    assert module.thing() == 1
    module.thing = 7
    assert module.thing == 7


def test_names_that_appear_later_are_found(stream_client, far_module):
    source = "def grow():\n    global late, later\n    late = 3\n    def later(): return 4\n"
    module = stream_client.module(far_module("growing", source))
    assert not hasattr(module, "late")
    module.grow()
    assert (module.late, module.later()) == (3, 4)


def test_a_modules_own_getattr_answers(client, far_module):
    source = "def __getattr__(name):\n    if name == 'lazy': return 42\n    raise AttributeError('not ' + name)\n"
    module = client.module(far_module("lazy", source))
    assert module.lazy == 42
    with pytest.raises(AttributeError, match="not other"):
        _ = module.other


def test_submodules_are_there_once_they_are_imported(stream_client):
    assert stream_client.module("os.path").join("a", "b") == "a/b"
    stream_client.module("xml.etree.ElementTree")
    assert stream_client.module("xml").etree.ElementTree.tostring is not None
    assert stream_client.module("xml").etree.ElementTree.fromstring("<a/>").tag == "a"


def test_a_submodule_that_nobody_imported_is_missing(client):
    with pytest.raises(AttributeError, match="'concurrent' has no attribute 'futures' on local://"):
        _ = client.module("concurrent").futures


def test_dir_is_the_far_sides_and_costs_nothing(client, trips):
    remote_os = client.module("os")
    names, count = trips(lambda: set(dir(remote_os)))
    assert count == 0
    assert set(dir(os)) - names <= {"__builtins__"}


def test_hasattr_and_callable_of_described_names_cost_nothing(client, trips):
    remote_os = client.module("os")
    found, count = trips(
        lambda: (
            hasattr(remote_os, "getenv"),
            callable(remote_os.getenv),
            callable(remote_os),
            hasattr(remote_os, "path"),
        )
    )
    assert (found, count) == ((True, True, False, True), 0)


def test_documentation_and_signatures_of_a_module_cost_one_request(client, trips):
    module = client.module("textwrap")
    names = ["dedent", "wrap", "fill", "indent"]
    told, count = trips(
        lambda: [(str(inspect.signature(getattr(module, n))), inspect.getdoc(getattr(module, n))) for n in names]
    )
    import textwrap

    local = [(str(inspect.signature(getattr(textwrap, n))), inspect.getdoc(getattr(textwrap, n))) for n in names]
    assert told == local
    assert count == 1


def test_defaults_and_kinds_of_parameters_are_in_the_signature(client, far_module):
    source = "def f(a, b=1, *rest, key: int, other='x', **more) -> str: 'Does f.'\n"
    function = client.module(far_module("signed", source)).f
    signature = inspect.signature(function)
    assert [p.kind.name for p in signature.parameters.values()] == [
        "POSITIONAL_OR_KEYWORD", "POSITIONAL_OR_KEYWORD", "VAR_POSITIONAL",
        "KEYWORD_ONLY", "KEYWORD_ONLY", "VAR_KEYWORD",
    ]  # fmt: skip
    assert signature.parameters["b"].default == 1
    assert signature.parameters["key"].default is inspect.Parameter.empty
    assert inspect.getdoc(function) == "Does f."


def test_what_has_no_signature_raises_as_inspect_does(client):
    with pytest.raises(ValueError, match="no signature found"):
        inspect.signature(client.module("builtins").iter)


def test_help_shows_the_far_sides_documentation(stream_client):
    client = stream_client
    text = pydoc.plain(pydoc.render_doc(client.module("textwrap")))
    assert "dedent(text)" in text
    assert "Remove any common leading whitespace" in text
    assert "class TextWrapper" in text
    assert "getenv(key, default=None)" in pydoc.plain(pydoc.render_doc(client.module("os").getenv))


def test_going_through_all_names_reads_the_small_values_at_once(client, trips):
    remote_stat = client.module("stat")
    members, count = trips(lambda: dict(inspect.getmembers(remote_stat)))
    assert members["S_IFDIR"] == 0o040000
    assert count <= 8


def test_what_was_read_ahead_is_not_older_than_the_last_request(stream_client, far_module):
    module = stream_client.module(far_module("ahead", "a = 1\nb = 1\ndef change():\n    global b\n    b = 2\n"))
    dir(module)
    assert module.a == 1
    module.change()
    assert module.b == 2
    assert [module.b, module.b] == [2, 2]


def test_a_module_proxy_is_a_module(client):
    remote_os = client.module("os")
    assert isinstance(remote_os, types.ModuleType)
    assert inspect.ismodule(remote_os)
    assert isinstance(remote_os, wrapt.BaseObjectProxy)
    assert (remote_os.__name__, remote_os.path.__name__) == ("os", "posixpath")
    assert repr(remote_os) == f"<module 'os' from {os.__file__!r} on local://>"


def test_functions_and_classes_look_like_what_they_are(client):
    remote = client.module("textwrap")
    assert inspect.isroutine(remote.dedent)
    assert inspect.isclass(remote.TextWrapper)
    assert (remote.dedent.__name__, remote.dedent.__module__) == ("dedent", "textwrap")
    assert repr(remote.dedent) == "<function textwrap.dedent on local://>"
    assert repr(remote.TextWrapper) == "<class 'textwrap.TextWrapper' on local://>"


def test_ipython_completes_names(stream_client):
    from IPython.core.completer import IPCompleter, provisionalcompleter
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    shell.user_ns["remote_os"] = stream_client.module("os")
    completer = IPCompleter(shell=shell, namespace=shell.user_ns, use_jedi=False)
    before = stream_client._session.sent
    with provisionalcompleter():
        found = {completion.text for completion in completer.completions("remote_os.getenv", 16)}
    assert any(text.endswith("getenv") for text in found)
    assert stream_client._session.sent - before <= 1


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((1,), {"key": 2}), ((1, 5), {"key": 2}), ((1, 5, 6, 7), {"key": 2, "extra": 3}), ((1,), {"key": 2, "self": 4})],
)
def test_arguments_of_every_kind_arrive(client, far_module, args, kwargs):
    source = "def f(a, b=10, *rest, key, other=20, **more): return a, b, rest, key, other, more\n"
    expected = {}
    exec(source, expected)
    assert client.module(far_module("kinds", source)).f(*args, **kwargs) == expected["f"](*args, **kwargs)


def test_wrong_arguments_raise_what_python_raises(client):
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        client.module("textwrap").dedent()


def test_an_unknown_attribute_is_an_error_that_names_module_attribute_and_target(client):
    with pytest.raises(AttributeError, match="module 'os' has no attribute 'nope' on local://"):
        _ = client.module("os").nope
    with pytest.raises(AttributeError, match="'posixpath' has no attribute 'nope' on local://"):
        client.module("os").path.nope()


def test_a_missing_module_is_an_error_at_module(client):
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'no_such' on local:// \(Python 3") as caught:
        client.module("no_such")
    assert caught.value.name == "no_such"
    with pytest.raises(ModuleNotFoundError):
        client.module("os.no_such")


def test_a_module_that_needs_a_missing_one_says_so(client, far_module):
    name = far_module("needy", "import no_such_dependency\n")
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        client.module(name)


def test_a_local_module_object_means_the_remote_one(client):
    assert client.module(os).getpid() != os.getpid()


def test_proxies_cannot_be_pickled_and_say_so(stream_client):
    remote_os = stream_client.module("os")
    for proxy in (remote_os, remote_os.getenv, remote_os.stat_result, stream_client.module("io").BytesIO()):
        with pytest.raises(rproxy.SerializationError, match="is a proxy and cannot be pickled"):
            pickle.dumps(proxy)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(stream_client)


def test_a_proxy_of_another_client_is_refused_before_anything_is_sent(client, trips):
    with rproxy.connect() as other:
        for proxy in (other.module("os"), other.module("os").getenv, other.module("io").BytesIO()):
            before = client._session.sent
            with pytest.raises(rproxy.SerializationError, match="argument 1 of builtins.id.*belongs to another client"):
                client.module("builtins").id(proxy)
            assert client._session.sent - before <= 2  # `module` and the refused call


def test_a_proxy_goes_back_to_its_own_side_as_what_it_means(client):
    builtins, remote_os = client.module("builtins"), client.module("os")
    assert builtins.callable(remote_os.getenv) is True
    assert builtins.callable(remote_os) is False
    assert client.module("inspect").isclass(remote_os.stat_result) is True
    assert list(client.module("functools").reduce(client.module("operator").add, [[1], [2]])) == [1, 2]


def test_proxies_are_refused_after_close():
    client = rproxy.connect()
    remote_os = client.module("os")
    client.close()
    client.close()
    for use in (lambda: remote_os.getenv("HOME"), lambda: remote_os.sep, lambda: client.module("os")):
        with pytest.raises(rproxy.RProxyError, match="is closed; make a new one"):
            use()


def test_a_forked_child_gets_a_clear_error_and_the_parent_goes_on():
    code = """
import os, rproxy
client = rproxy.connect()
remote_os = client.module("os")
child = os.fork()
if not child:
    try:
        remote_os.getenv("HOME")
    except rproxy.RProxyError as error:
        os._exit(7 if "forked" in str(error) else 1)
    os._exit(2)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), remote_os.path.join("a", "b"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("7 a/b\n", "")


def test_functions_work_where_python_takes_functions(client):
    remote_os = client.module("os")
    assert functools.partial(remote_os.path.join, "a")("b") == "a/b"
    assert list(map(remote_os.path.basename, ["x/y", "z"])) == ["y", "z"]
    assert copy.copy(remote_os.getenv) is remote_os.getenv
    assert remote_os.getenv == remote_os.getenv
    assert {remote_os.getenv: 1}[remote_os.getenv] == 1


def test_isinstance_of_values_and_proxies_by_remote_classes(stream_client):
    remote_datetime, remote_io = stream_client.module("datetime"), stream_client.module("io")
    assert isinstance(remote_datetime.datetime.now(), remote_datetime.date)
    assert not isinstance(5, remote_datetime.date)
    assert isinstance(remote_io.BytesIO(), remote_io.IOBase)
    assert not isinstance(remote_io.BytesIO(), remote_io.StringIO)
