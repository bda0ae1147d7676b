"""Exceptions of the far side, by the classes that remote modules have: caught, made, raised and sent back."""

import asyncio
import builtins
import contextlib
import gc
import json
import pickle
import sqlite3
import weakref

import pytest

import rproxy

MODULE = """
from concurrent.futures import Future

class Base(Exception):
    pass

class Coded(ValueError):
    code = 7
    def __init__(self, what, code=3):
        super().__init__(what)
        self.code = code
    @classmethod
    def kinds(cls):
        return [cls.__name__]

class Derived(Base, KeyError):
    pass

class Left(Base):
    pass

class Right(Base):
    pass

class Both(Left, Right, Coded):
    pass

class Tight(Base, MemoryError):
    pass

class Stop(BaseException):
    pass

def hidden():
    class Hidden(Base):
        pass
    return Hidden

Hidden = hidden()
del hidden

def get_hidden():
    return Hidden

def fail(kind, *args):
    raise globals()[kind](*args)

def raise_new(number):
    raise type("New%d" % number, (Base,), {})("x")

def is_same(error, kind):
    return type(error).__name__, isinstance(error, globals()[kind]), error.args, getattr(error, "code", None)
"""


@pytest.fixture(scope="module")
def client():
    with rproxy.connect() as client:
        yield client


@pytest.fixture
def module(client, far_module):
    return client.module(far_module("failing", MODULE))


def caught_by(cls, function, *args):
    try:
        function(*args)
    except cls as error:
        return error


def test_a_foreign_exception_is_caught_by_its_class(module):
    error = caught_by(module.Coded, module.fail, "Coded", "what", 5)
    assert (error.args, error.code, str(error)) == (("what",), 5, "what")
    assert isinstance(error, rproxy.RemoteExecError) and isinstance(error, ValueError)


@pytest.mark.parametrize("base", ["Base", "Derived", "KeyError", "LookupError", "Exception"])
def test_a_foreign_exception_is_caught_by_each_of_its_bases(module, base):
    cls = getattr(module, base, None) or getattr(builtins, base)
    assert type(caught_by(cls, module.fail, "Derived", "x")) is module.Derived


def test_several_bases_catch_as_they_do_there(module):
    for cls in (module.Left, module.Right, module.Base, module.Coded, ValueError):
        assert type(caught_by(cls, module.fail, "Both", "x")) is module.Both


def test_another_class_does_not_catch(module):
    with pytest.raises(module.Left):
        caught_by((module.Right, module.Coded), module.fail, "Left")


def test_a_class_that_was_raised_before_it_was_looked_at_is_the_same(client, far_module):
    module = client.module(far_module("failing", MODULE))
    error = caught_by(rproxy.RemoteExecError, module.fail, "Derived", "x")
    assert type(error) is module.Derived
    assert type(error).__mro__[1] is module.Base


def test_the_name_that_another_module_gives_it_is_the_same_class(client, far_module):
    home = far_module("failing", MODULE)
    other = client.module(far_module("other", f"from {home} import Base, Derived as Renamed, fail\n"))
    assert other.Renamed is client.module(home).Derived
    assert caught_by(other.Base, other.fail, "Left")


def test_a_class_without_a_name_is_caught(module):
    hidden = module.get_hidden()
    with pytest.raises(hidden):
        module.fail("Hidden")
    assert type(hidden("made")) is hidden


def test_errors_of_the_standard_library_are_the_classes_of_here(client):
    remote_json, remote_sqlite = client.module("json"), client.module("sqlite3")
    assert remote_json.JSONDecodeError is json.JSONDecodeError
    with pytest.raises(remote_json.JSONDecodeError):
        remote_json.loads("{")
    with pytest.raises(json.JSONDecodeError):
        remote_json.loads("{")
    with pytest.raises(remote_sqlite.Error) as caught:
        remote_sqlite.connect(":memory:").execute("nonsense")
    assert isinstance(caught.value, sqlite3.OperationalError)


def test_what_is_no_exception_there_is_caught_by_its_remote_class_and_ends_nothing_here(client, module):
    remote = client.module("asyncio")
    assert not issubclass(remote.CancelledError, asyncio.CancelledError)
    with pytest.raises(module.Stop) as caught:
        module.fail("Stop", "x")
    assert isinstance(caught.value, Exception)
    assert client.module("builtins").BaseException is BaseException


def test_a_class_with_an_allocator_of_its_own_is_caught(module):
    with pytest.raises(module.Base) as caught:
        module.fail("Tight")
    assert isinstance(caught.value, MemoryError) and isinstance(caught.value, module.Tight)


def test_classes_of_two_clients_are_two(module):
    with rproxy.connect() as other:
        theirs = other.module(module.__name__)
        assert theirs.Base is not module.Base
        with pytest.raises(module.Base):
            caught_by(theirs.Base, module.fail, "Base")


def test_isinstance_and_issubclass_of_exceptions_cost_no_request(client, module):
    error = caught_by(module.Base, module.fail, "Both", "x")
    before = client._session.sent
    assert isinstance(error, module.Left) and not isinstance(error, module.Derived)
    assert issubclass(module.Both, module.Right) and not issubclass(module.Base, module.Left)
    assert client._session.sent == before


# -- made and raised here ------------------------------------------------------------------------------


def test_an_exception_that_is_made_here_can_be_raised_here(client, module):
    before = client._session.sent
    with pytest.raises(module.Coded) as caught:
        raise module.Coded("mine", code=9)
    assert (caught.value.code, caught.value.args, str(caught.value)) == (9, ("mine",), "mine")
    assert client._session.sent == before + 1


def test_a_class_is_raised_without_a_call(module):
    with pytest.raises(module.Base):
        raise module.Left


def test_a_constructor_that_fails_raises_its_error(module):
    with pytest.raises(TypeError, match="required positional argument: 'what'"):
        module.Coded()


def test_names_of_an_exception_class_are_there(module):
    assert (module.Coded.code, module.Coded.kinds()) == (7, ["Coded"])


def test_a_local_subclass_of_a_foreign_exception_is_a_clear_error(module):
    with pytest.raises(TypeError, match=r"Mine cannot be a subclass of .*client\.call"):

        class Mine(module.Base):
            pass


def test_help_leaves_exceptions_as_they_are(module):
    import pydoc

    assert "Coded" in pydoc.render_doc(module.Coded)
    assert caught_by(module.Coded, module.fail, "Coded", "x").__cause__ is None


def test_an_exception_that_is_a_result_is_fetched_and_raised(module):
    future = module.Future()
    future.set_exception(module.Coded("what", 5))
    assert isinstance(future.exception(), module.Coded)
    with pytest.raises(module.Coded) as caught:
        raise rproxy.fetch(future.exception())
    assert (caught.value.args, caught.value.code) == (("what",), 5)


# -- sent back -----------------------------------------------------------------------------------------


def test_an_exception_goes_back_as_what_it_was(module):
    error = caught_by(module.Coded, module.fail, "Coded", "what", 5)
    assert module.is_same(error, "Coded") == ("Coded", True, ("what",), 5)


def test_an_exception_of_the_standard_library_goes_back_as_what_it_was(client):
    error = caught_by(OSError, client.module("os").stat, "/no/such/file")
    assert client.module("builtins").repr(error) == "FileNotFoundError(2, 'No such file or directory')"
    assert client.module("builtins").getattr(error, "filename") == "/no/such/file"


def test_a_class_goes_back_as_what_it_was(client, module):
    assert client.module("builtins").issubclass(module.Both, module.Left) is True
    error = caught_by(KeyError, client.module("operator").getitem, {}, "x")
    assert client.module("builtins").issubclass(type(error), client.module("builtins").LookupError) is True


def test_a_with_block_there_is_left_by_the_exception_that_was_raised(client, module):
    suppress = client.module("contextlib").suppress
    with suppress(module.Base):
        module.fail("Left")
    with suppress(KeyError):
        client.module("operator").getitem({}, "x")
    with pytest.raises(module.Left), suppress(module.Right):
        module.fail("Left")


def test_an_exception_that_was_pickled_is_still_an_instance(module):
    error = pickle.loads(pickle.dumps(caught_by(module.Coded, module.fail, "Coded", "what", 5)))
    assert isinstance(error, module.Coded) and isinstance(error, ValueError)
    assert (error.args, error.code, str(error)) == (("what",), 5, "what")


# -- what is left --------------------------------------------------------------------------------------


def test_classes_that_nobody_holds_go(client, module):
    first = weakref.ref(type(caught_by(module.Base, module.raise_new, 0)))
    for number in range(300):
        with contextlib.suppress(module.Base):
            module.raise_new(number)
    gc.collect()
    assert first() is None
    assert len(client._session.side.errors._made) < 150


def test_a_class_that_somebody_holds_stays_the_same(client, module):
    held = module.Base
    for number in range(150):
        with contextlib.suppress(held):
            module.raise_new(number)
    gc.collect()
    assert type(caught_by(held, module.fail, "Base")) is held


def test_exceptions_of_the_standard_library_travel_by_json_too(far_module):
    source = (
        "import contextlib\n"
        "@contextlib.contextmanager\n"
        "def manager(seen):\n"
        "    try:\n        yield\n"
        "    except FileNotFoundError as error:\n        seen.append((error.errno, error.filename))\n"
        "def patient():\n"
        "    try:\n        yield 1\n"
        "    except KeyError as error:\n        yield error.args\n"
    )
    with rproxy.connect(serializer="json") as client:
        module = client.module(far_module("by_json", source))
        seen = rproxy.keep(client.module("builtins").list)()
        with module.manager(seen):
            open("/does/not/exist")
        assert rproxy.fetch(seen) == [(2, "/does/not/exist")]
        patient = module.patient()
        assert (next(patient), patient.throw(KeyError("thrown"))) == (1, ("thrown",))
