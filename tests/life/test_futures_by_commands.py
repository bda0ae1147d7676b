"""Futures of calls that commands bring: which of them can be cancelled, and what `cancel` tells of it."""

import gc
import io
import threading
import time

import pytest

import rproxy
from rproxy.connectors.local import LocalConnector
from rproxy.testing import command_only

from ..ssh.sshd import wait_for

pytestmark = pytest.mark.once


def stay(path):
    import time

    with open(path, "a") as file:
        file.write("runs ")
        file.flush()
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            file.write("interrupted")
            raise


def wait_for_file(path):
    import os
    import time

    while not os.path.exists(path):
        time.sleep(0.01)


@pytest.fixture(scope="module")
def client():
    with rproxy.RemoteClient(LocalConnector(), resident=True) as client:
        yield client


def test_cancel_stops_a_running_call_of_a_resident_endpoint(client, tmp_path):
    path = tmp_path / "state"
    future = client.submit(stay, str(path))
    wait_for(lambda: path.exists() and path.read_text())
    wait_for(future.cancel)  # on a busy machine the first may say that it was not stopped in time
    assert future.cancelled()
    wait_for(lambda: path.read_text() == "runs interrupted")
    assert client.call(int, "5") == 5


def test_cancel_keeps_a_call_of_a_resident_endpoint_from_beginning(client, tmp_path):
    first = client.submit(wait_for_file, str(tmp_path / "go on"))
    behind = client.submit(stay, str(tmp_path / "state"))
    wait_for(behind.cancel)
    assert not first.done()
    (tmp_path / "go on").touch()
    assert first.result(60) is None
    assert client.call(int, "5") == 5 and not (tmp_path / "state").exists()


def test_cancel_tells_of_a_call_that_has_come_to_its_end(client):
    future = client.submit(int, "5")
    assert future.result(60) == 5
    assert not future.cancel()


class Overtaking(LocalConnector):
    """Once `slow` is set, its next command begins after the one behind it."""

    slow = False

    def __init__(self):
        super().__init__()
        self.overtaken = threading.Event()

    def run(self, command, **options):
        if self.slow:
            self.slow = False
            assert self.overtaken.wait(30)
            return super().run(command, **options)
        try:
            return super().run(command, **options)
        finally:
            self.overtaken.set()


def test_a_cancel_that_overtakes_its_call_keeps_it_from_beginning(tmp_path):
    connector = Overtaking()
    with rproxy.RemoteClient(connector, resident=True) as client:
        mkdir, kept = client.module("os").mkdir, client.module("io").BytesIO()
        connector.overtaken.clear()
        connector.slow = True
        del kept  # a notice goes ahead of the call
        future = client.submit(mkdir, str(tmp_path / "made"))
        wait_for(lambda: not connector.slow)
        wait_for(future.cancel)
        assert not (tmp_path / "made").exists()
        assert client.call(lambda: [one for one in gc.get_objects() if type(one) is io.BytesIO]) == []


def test_a_cancel_at_any_time_is_not_lost(client, tmp_path):
    for number in range(20):
        future = client.submit(stay, str(tmp_path / str(number)))
        time.sleep(0.005 * number)
        wait_for(future.cancel)
    assert client.call(int, "5") == 5


def test_cancel_keeps_a_command_from_being_sent_and_lets_a_running_one_end(tmp_path):
    with rproxy.connect(command_only(LocalConnector())) as client:
        first = client.submit(wait_for_file, str(tmp_path / "go on"))
        behind = client.submit(stay, str(tmp_path / "state"))
        wait_for(behind.cancel)
        assert not first.cancel()  # its command runs
        (tmp_path / "go on").touch()
        assert first.result(60) is None
        assert not (tmp_path / "state").exists()
