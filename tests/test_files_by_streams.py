"""Files over streams: which way their bytes take, and that they arrive the same by each."""

import errno
import os

import pytest

from rproxy.connectors import files
from rproxy.connectors.processes import ProcessStream

pytestmark = pytest.mark.once

SIZE = 5_000_001


class Counted(ProcessStream):
    """A shell's stream that counts the bytes of this process's own readings and writings."""

    passed = 0

    def readinto(self, buffer):
        count = super().readinto(buffer)
        Counted.passed += count
        return count

    def write(self, pieces):
        Counted.passed += sum(map(len, pieces))
        super().write(pieces)


class Refusing(Counted):
    """One whose file system wants files to be read and written."""

    def send_file(self, file, count):
        raise OSError(errno.EINVAL, "Invalid argument")

    receive_file = send_file


class Plain(Counted):
    """One that offers nothing for files."""

    send_file = receive_file = None


def opened_by(kind):
    Counted.passed = 0
    return lambda command: kind(["/bin/sh", "-c", command], "here")


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(os.urandom(SIZE))
    path.chmod(0o640)
    return path


def same(one, other):
    return one.read_bytes() == other.read_bytes() and one.stat().st_mode == other.stat().st_mode


@pytest.mark.parametrize("ends", [False, True], ids=["by size", "by end"])
@pytest.mark.parametrize("kind", [Counted, Refusing, Plain])
def test_a_file_arrives_as_it_was_whichever_way_it_takes(kind, ends, source, tmp_path):
    files.push(opened_by(kind), source, str(tmp_path / "there"), "here", ends=ends)
    files.pull(opened_by(kind), str(tmp_path / "there"), tmp_path / "back", "here")
    assert same(source, tmp_path / "there")
    assert same(source, tmp_path / "back")


@pytest.mark.parametrize("ends", [False, True], ids=["by size", "by end"])
@pytest.mark.parametrize("kind", [Counted, Refusing, Plain])
def test_an_empty_file_arrives(kind, ends, tmp_path):
    (tmp_path / "empty").touch()
    files.push(opened_by(kind), tmp_path / "empty", str(tmp_path / "there"), "here", ends=ends)
    files.pull(opened_by(kind), str(tmp_path / "there"), tmp_path / "back", "here")
    assert (tmp_path / "back").read_bytes() == b""


@pytest.mark.skipif(not hasattr(os, "splice"), reason="install Linux, whose pipes take files without a copy")
def test_the_bytes_of_a_file_do_not_come_into_this_process(source, tmp_path):
    files.push(opened_by(Counted), source, str(tmp_path / "there"), "here")
    assert Counted.passed < 1000
    files.pull(opened_by(Counted), str(tmp_path / "there"), tmp_path / "back", "here")
    assert Counted.passed < SIZE // 2  # but for what comes together with the marks


@pytest.mark.parametrize("kind", [Counted, Plain])
def test_a_host_that_has_gone_is_told_by_its_last_words(kind, source, tmp_path):
    with pytest.raises(files.ConnectorError, match="no/such/folder"):
        files.push(opened_by(kind), source, str(tmp_path / "no/such/folder/there"), "here")


@pytest.mark.parametrize("kind", [Counted, Plain])
def test_a_file_that_becomes_shorter_is_refused_and_leaves_nothing(kind, tmp_path, source):
    class Shrinking(kind):
        def __init__(self, *words):
            super().__init__(*words)
            os.truncate(source, SIZE // 2)

    with pytest.raises(files.ConnectorError, match="became shorter"):
        files.push(opened_by(Shrinking), source, str(tmp_path / "there"), "here", ends=True)
    assert sorted(os.listdir(tmp_path)) == ["source"]
