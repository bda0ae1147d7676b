"""Live objects: what is no data stays on the far side, and a proxy comes back."""

import copy
import gc
import os
import subprocess
import sys

import pytest

import rproxy


@pytest.fixture
def client(stream_client):
    return stream_client


@pytest.fixture
def buffer(client):
    return client.module("io").BytesIO(b"one\ntwo\n")


def held_there(client):
    """How many objects the endpoint holds for the client."""
    gc.collect()
    return client.call(
        lambda: len(next(o for o in __import__("gc").get_objects() if type(o).__name__ == "ObjectTable"))
    )


def test_methods_and_attributes_work(buffer):
    assert buffer.read(3) == b"one"
    assert buffer.tell() == 3
    assert buffer.closed is False
    assert type(buffer).__name__ == "BytesIO"


def test_a_method_is_one_request_and_finding_it_none(client, buffer):
    before = client._session.sent
    read = buffer.read
    assert client._session.sent == before
    read()
    assert client._session.sent == before + 1


def test_indexing_slicing_and_deleting_work(client):
    numbers = client.module("array").array("i", [1, 2, 3, 4])
    assert numbers[1] == 2
    assert list(numbers[1:3]) == [2, 3]
    numbers[0] = 9
    del numbers[-1]
    assert numbers.tolist() == [9, 2, 3]
    assert len(numbers) == 3
    assert 9 in numbers
    with pytest.raises(IndexError):
        _ = numbers[10]


def test_iteration_works(client, buffer):
    assert list(buffer) == [b"one\n", b"two\n"]
    assert [n for n, _ in zip(client.module("itertools").count(3), range(3), strict=False)] == [3, 4, 5]
    assert list(reversed(client.module("array").array("i", [1, 2]))) == [2, 1]


def test_what_is_not_iterable_says_so(client):
    thing = client.module("threading").Lock()
    with pytest.raises(TypeError):
        iter(thing)
    with pytest.raises(TypeError):
        len(thing)
    assert not hasattr(thing, "__len__")
    assert not callable(thing)


def test_with_enters_and_leaves_there(client, tmp_path):
    remote = client.module("builtins")
    with remote.open(str(tmp_path / "file"), "w") as file:
        file.write("text")
        assert file.closed is False
    assert file.closed is True
    assert (tmp_path / "file").read_text() == "text"


def test_an_exception_leaves_a_with_block_through_the_far_sides_exit(client, far_module):
    source = (
        "class Manager:\n"
        "    seen = None\n"
        "    def __enter__(self): return self\n"
        "    def __exit__(self, kind, error, traceback):\n"
        "        self.seen = (kind.__name__, str(error))\n"
        "        return kind is KeyError\n"
    )
    module = client.module(far_module("manager", source))
    manager = module.Manager()
    with manager:
        raise KeyError("swallowed")
    assert manager.seen == ("KeyError", "'swallowed'")
    with pytest.raises(ZeroDivisionError), manager:
        _ = 1 / 0
    assert manager.seen == ("ZeroDivisionError", "division by zero")


def test_comparison_hash_and_arithmetic_are_the_far_sides(client):
    path = client.module("pathlib").PurePosixPath
    assert path("/a") == path("/a")
    assert path("/a") != path("/b")
    assert path("/a") < path("/b")
    assert hash(path("/a")) == hash(path("/a"))
    assert str(path("/a") / "b") == "/a/b"
    assert str("/x" / path("b")) == "/x/b"
    assert (path("/a") == 5) is False


def test_operations_in_place_change_the_object_there_or_make_another(client):
    numbers = same = client.module("array").array("i", [1])
    numbers += client.module("array").array("i", [2])
    assert numbers is same
    assert same.tolist() == [1, 2]
    path = before = client.module("pathlib").PurePosixPath("/a")
    path /= "b"
    assert (str(path), str(before)) == ("/a/b", "/a")


def test_chains_of_objects_work(client):
    assert client.module("pathlib").Path("/etc").joinpath("hosts").name == "hosts"


def test_repr_and_str_are_the_far_sides(client):
    path = client.module("pathlib").PurePosixPath("/a")
    assert (repr(path), str(path), f"{path}") == ("PurePosixPath('/a')", "/a", "/a")


def test_an_object_goes_back_by_reference(client, buffer):
    client.module("shutil").copyfileobj(client.module("io").BytesIO(b"more"), buffer)
    assert buffer.getvalue()[:4] == b"more"


def test_objects_inside_containers_stay_and_go_back(client, far_module):
    source = "import io\ndef make(): return {'a': [io.BytesIO(b'x'), 5]}\ndef read(d): return d['a'][0].getvalue()\n"
    module = client.module(far_module("inside", source))
    made = module.make()
    assert made["a"][1] == 5
    assert made["a"][0].getvalue() == b"x"
    assert module.read(made) == b"x"


def test_the_same_object_twice_is_the_same_proxy(client, far_module):
    module = client.module(far_module("same", "import io\nthing = io.BytesIO()\ndef pair(): return thing, thing\n"))
    first, second = module.pair()
    assert first is second
    assert module.thing is first


def test_attributes_are_set_and_deleted_there(client, far_module):
    module = client.module(far_module("box", "class Box:\n    pass\n"))
    box = module.Box()
    box.value = [1, 2]
    assert box.value == [1, 2]
    del box.value
    with pytest.raises(AttributeError):
        _ = box.value


def test_functions_that_come_back_are_called_there(client, far_module):
    module = client.module(far_module("maker", "def adder(n):\n    def add(m): return n + m\n    return add\n"))
    add = module.adder(3)
    assert callable(add)
    assert add(4) == 7


def test_a_class_that_comes_back_makes_objects(client):
    cls = client.module("builtins").type(client.module("io").BytesIO())
    assert isinstance(cls, type)
    assert cls(b"abc").getvalue() == b"abc"


def test_objects_are_instances_of_the_standard_librarys_classes_here(client):
    import io
    import pathlib

    path, buffer = client.module("pathlib").Path("/etc"), client.module("io").BytesIO()
    assert isinstance(path, pathlib.PurePath)
    assert isinstance(buffer, io.IOBase)
    assert not isinstance(buffer, pathlib.PurePath)


def test_issubclass_works_against_remote_and_local_classes(client):
    import io

    remote = client.module("io")
    assert issubclass(remote.BytesIO, remote.IOBase)
    assert not issubclass(remote.BytesIO, remote.StringIO)
    assert issubclass(io.BytesIO, remote.BytesIO)


def test_a_local_subclass_of_a_remote_class_is_a_clear_error(client):
    remote = client.module("io").BytesIO
    with pytest.raises(TypeError, match=r"cannot be a subclass of <class 'io.BytesIO' on local://>.*client\.call"):

        class Mine(remote):
            pass


def test_bytes_int_float_and_paths_are_the_far_sides(client):
    assert bytes(client.module("array").array("B", [1, 2])) == b"\x01\x02"
    with client.keep_results():
        kept = client.module("builtins").int(5)
    assert (int(kept), float(kept), kept.__index__(), f"{kept:03d}", [7, 8, 9, 10, 11, 12][kept]) == (
        5,
        5.0,
        5,
        "005",
        12,
    )
    assert os.fspath(client.module("pathlib").PurePosixPath("/a")) == "/a"


def test_a_kept_sequence_is_joined_from_either_side(client):
    def kept(value):
        return rproxy.keep(client.module("builtins").type(value))(value)

    for value in ([1], (1,), "a", b"a"):
        assert value + kept(value) == kept(value) + value == value * 2
    with pytest.raises(TypeError, match="unsupported operand"):
        _ = 5 + kept([1])


def test_an_object_equals_nothing_that_cannot_be_where_it_is(client):
    path = client.module("pathlib").PurePosixPath("/a")
    with rproxy.connect() as other, open(os.devnull) as file:
        foreign = other.module("pathlib").PurePosixPath("/a")
        assert (path == foreign, path != foreign, path == file, path in [foreign, file]) == (False, True, False, False)
        assert len({path, foreign}) == 2


def test_dir_shows_the_attributes_of_an_instance(client):
    assert "data" in dir(client.module("collections").UserList([1]))


def test_a_list_of_remote_objects_is_sorted(client):
    path = client.module("pathlib").PurePosixPath
    assert [str(p) for p in sorted([path("/b"), path("/a")])] == ["/a", "/b"]


def test_copies_are_made_there(client):
    numbers = client.module("array").array("i", [1])
    other = copy.copy(numbers)
    other.append(2)
    assert (len(numbers), len(other)) == (1, 2)


def test_an_unknown_attribute_names_the_target(buffer):
    with pytest.raises(AttributeError, match="no attribute 'nope' on local://"):
        _ = buffer.nope


def test_objects_are_released_when_their_proxies_are_gone(client):
    base = held_there(client)
    kept = [client.module("io").BytesIO() for _ in range(20)]
    assert held_there(client) >= base + 20
    kept.clear()
    gc.collect()
    client.ping()  # carries the releases
    assert held_there(client) <= base + 1


def test_a_method_keeps_its_object(client):
    read = client.module("io").BytesIO(b"abc").read
    gc.collect()
    client.ping()
    assert read() == b"abc"


def test_an_object_that_is_sent_again_while_its_release_is_under_way_stays(client, far_module):
    module = client.module(far_module("again", "import io\nthing = io.BytesIO(b'z')\n"))
    for _ in range(50):
        proxy = module.thing
        del proxy
        assert module.thing.getvalue() == b"z"


def test_without_a_stream_an_object_is_an_error_that_names_open(command_client):
    with pytest.raises(rproxy.SerializationError, match=r"stays on the far side.*`open`"):
        command_client.module("io").BytesIO()


def test_a_session_ends_with_its_last_proxy_and_not_before():
    code = """
import gc, rproxy
remote_os = rproxy.connect().module("os")
gc.collect()
pid = remote_os.getpid()
del remote_os
gc.collect()
import os
try:
    os.kill(pid, 0)
    print("lives")
except ProcessLookupError:
    print("ended")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("ended\n", "")
