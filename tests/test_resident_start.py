"""The start of a resident endpoint: its socket, those of others, and the folder that they are in."""

import os
import signal
import socket
import threading
import time

import pytest

import rproxy

from .test_life import ended
from .test_resident import FOLDER, pid_of, resident, told_pid

pytestmark = pytest.mark.once


def test_a_socket_that_nobody_listens_at_is_replaced():
    name = f"test {os.urandom(4).hex()}"
    with resident(name, idle_timeout=0.3) as first:
        path = FOLDER / first._session.channel._name
        pid = told_pid(first)
    assert ended(pid)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with resident(name) as second:
        assert pid_of(second) != pid
        os.kill(pid_of(second), signal.SIGTERM)


def test_sockets_of_those_that_were_killed_go_with_the_next_start():
    with resident() as first:
        path = FOLDER / first._session.channel._name
        os.kill(pid_of(first), signal.SIGKILL)
    with resident():  # or another start meanwhile
        assert not path.exists()


def test_another_session_that_lets_nobody_in_is_left_alone_and_not_waited_for():
    path = FOLDER / f"test-{os.urandom(4).hex()}"
    with socket.socket(socket.AF_UNIX) as full, socket.socket(socket.AF_UNIX) as first, resident():
        full.bind(str(path))
        full.listen(0)
        first.connect(str(path))  # as many as may wait there: a stopped endpoint has no room for more
        with resident() as client:
            assert client.call(int, "5") == 5
        assert path.exists()
    path.unlink()


def test_sockets_that_go_while_they_are_looked_at_do_no_harm(tmp_path):
    from rproxy_endpoint.relay import _tidy

    over = threading.Event()

    def come_and_go(name):
        while not over.is_set():
            (tmp_path / name).touch()
            (tmp_path / name).unlink()

    threads = [threading.Thread(target=come_and_go, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    try:
        for _ in range(2000):
            _tidy(str(tmp_path))
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert list(tmp_path.iterdir()) == []


def test_clients_that_start_a_session_at_once_have_one():
    name, pids = f"test {os.urandom(4).hex()}", []

    def use():
        with resident(name) as client:
            pids.append(pid_of(client))
            time.sleep(0.3)

    threads = [threading.Thread(target=use) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pids) == 3
    assert len(set(pids)) == 1
    os.kill(pids[0], signal.SIGTERM)
    assert ended(pids[0])


def test_a_folder_that_others_can_enter_is_not_used(tmp_path):
    from rproxy_endpoint.relay import private_folder

    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(OSError, match="must be a folder of yours with mode 0700"):
        private_folder(str(tmp_path / "open"))
    with pytest.raises(OSError):
        private_folder(str(tmp_path / "link"))
    os.close(private_folder(str(tmp_path / "fresh")))
    assert (tmp_path / "fresh").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"session": "x"}, TypeError, "add resident=True"),
        ({"idle_timeout": 5}, TypeError, "add resident=True"),
        ({"resident": True, "session": ""}, TypeError, "the name of a session"),
        ({"resident": True, "idle_timeout": 0}, ValueError, "seconds above 0"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        rproxy.connect(**options)
