"""Files over ssh://: the connection's ssh reads and writes them itself, where that can be trusted."""

import os
import threading

import pytest

import rproxy
from rproxy.connectors.processes import ProcessStream
from rproxy.connectors.reports import told_to

from .sshd import wait_for

pytestmark = pytest.mark.once

SIZE = 40_000_001


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(os.urandom(1 << 20) * (SIZE >> 20) + b"x" * (SIZE % (1 << 20)))
    path.chmod(0o640)
    return path


@pytest.fixture
def passed(monkeypatch):
    """Sizes of what this process itself has read and written for streams."""
    sizes = []
    readinto, write = ProcessStream.readinto, ProcessStream.write

    def counted_readinto(stream, buffer):
        sizes.append(readinto(stream, buffer))
        return sizes[-1]

    def counted_write(stream, pieces):
        sizes.append(sum(map(len, pieces)))
        write(stream, pieces)

    monkeypatch.setattr(ProcessStream, "readinto", counted_readinto)
    monkeypatch.setattr(ProcessStream, "write", counted_write)
    for name in ("send_file", "receive_file"):
        monkeypatch.setattr(ProcessStream, name, None)
    return sizes


def same(one, other):
    return one.read_bytes() == other.read_bytes() and one.stat().st_mode == other.stat().st_mode


def test_no_byte_of_a_file_comes_into_this_process(shared_sshd, reach, source, passed, tmp_path):
    connector, told = reach(shared_sshd), []
    with told_to(told.append):
        connector.push(source, str(tmp_path / "there"))
        connector.pull(str(tmp_path / "there"), tmp_path / "back")
    assert same(source, tmp_path / "there") and same(source, tmp_path / "back")
    assert sum(passed) < 1000
    assert all(0 <= done <= SIZE for done in told)


@pytest.mark.parametrize("size", [0, 1])
def test_small_files_arrive(shared_sshd, reach, tmp_path, size):
    connector = reach(shared_sshd)
    (tmp_path / "source").write_bytes(b"x" * size)
    connector.push(tmp_path / "source", str(tmp_path / "there"))
    connector.pull(str(tmp_path / "there"), tmp_path / "back")
    assert same(tmp_path / "source", tmp_path / "there") and same(tmp_path / "source", tmp_path / "back")


def test_what_a_login_shell_prints_is_no_part_of_a_file(sshd, reach, source, passed, tmp_path):
    server = sshd(shell="/bin/bash")
    (server.home / ".bashrc").write_text("echo Welcome\necho to stderr >&2\n")
    connector = reach(server)
    connector.push(source, str(server.home / "there"))
    assert sum(passed) < 1000
    connector.pull(str(server.home / "there"), tmp_path / "back")
    assert same(source, tmp_path / "back")
    assert sum(passed) > SIZE  # it came by a stream, which tells where it begins


def test_a_file_whose_size_is_not_told_comes_whole(shared_sshd, reach, tmp_path):
    reach(shared_sshd).pull("/proc/self/status", tmp_path / "back")
    assert (tmp_path / "back").read_text().startswith("Name:")


def test_what_cannot_be_copied_is_told_and_leaves_nothing(shared_sshd, reach, source, tmp_path):
    connector = reach(shared_sshd)
    (tmp_path / "empty").mkdir()
    for there in (tmp_path / "missing", tmp_path):
        with pytest.raises(rproxy.ConnectorError, match=r"cannot be read|is a folder"):
            connector.pull(str(there), tmp_path / "empty" / "back")
        with pytest.raises(rproxy.ConnectorError, match=r"exit code 1"):
            connector.push(source, str(there / "no" / "folder") if there != tmp_path else str(there))
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.parametrize("way", ["push", "pull"])
def test_who_stops_a_copy_leaves_nothing(sshd, reach, tmp_path, way):
    server = sshd()
    source, there = tmp_path / "source", tmp_path / "there"
    (tmp_path / "empty").mkdir()
    os.mkfifo(source)  # what comes slowly
    writer = os.open(source, os.O_RDWR)
    os.write(writer, b"x" * 1000)

    def stop(done):
        raise KeyboardInterrupt

    connector = reach(server)
    with told_to(stop), pytest.raises(KeyboardInterrupt):
        if way == "pull":
            connector.pull(str(source), tmp_path / "empty" / "back")
        else:
            (tmp_path / "large").write_bytes(bytes(SIZE * 5))
            connector.push(tmp_path / "large", str(there))
    os.close(writer)
    assert list((tmp_path / "empty").iterdir()) == []
    wait_for(lambda: server.sessions() == [] or "cat" not in str(server.sessions()))
    assert not there.exists()


def test_a_link_that_is_lost_under_a_push_is_told(sshd, reach, tmp_path):
    server = sshd()
    connector = reach(server)
    assert connector.run("true").returncode == 0
    with open(tmp_path / "large", "wb") as file:
        file.truncate(8 << 30)  # takes no room here
    (server.home / "there").mkdir()
    threading.Timer(0.5, server.cut).start()
    with pytest.raises(rproxy.ConnectorError, match="cannot copy"):
        connector.push(tmp_path / "large", "/dev/full")


def test_a_file_that_grows_arrives_as_it_was_at_first(shared_sshd, reach, source, tmp_path):
    def grow(done):
        with open(source, "ab") as file:
            file.write(b"more")

    before = source.read_bytes()
    connector = reach(shared_sshd)
    feed = connector._feed

    def grown(command, file):
        grow(0)
        return feed(command, file)

    connector._feed = grown
    connector.push(source, str(tmp_path / "there"))
    assert (tmp_path / "there").read_bytes() == before
