"""Who reads the packets of a paramiko:// connection: its own thread, or the one that waits for an answer."""

import os
import signal
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from paramiko.common import MSG_CHANNEL_DATA

import rproxy
from rproxy.connectors.paramiko.link import Transport
from rproxy.connectors.paramiko.packets import SharedPacketizer
from rproxy.connectors.paramiko.stream import GRACE
from rproxy.connectors.paramiko.wire import SMALL, Wire

from .sshd import wait_for

pytestmark = pytest.mark.once

#: Ciphers and checksums whose packets tell their length in clear, and one whose do not.
CLEAR = {"aes-gcm": ("aes128-gcm@openssh.com", "hmac-sha2-256"), "etm": ("aes128-ctr", "hmac-sha2-256-etm@openssh.com")}
HIDDEN = ("aes128-ctr", "hmac-sha2-256")


@pytest.fixture
def read(monkeypatch):
    """How many packets each thread has read, by its number."""
    found = {}
    method = Transport._hand_out

    def hand_out(self, kind, message):
        own = threading.get_ident()
        found[own] = found.get(own, 0) + 1
        return method(self, kind, message)

    monkeypatch.setattr(Transport, "_hand_out", hand_out)
    return found


@pytest.fixture
def client(connect_ssh, shared_sshd):
    return connect_ssh("paramiko", shared_sshd)


def transport_of(client):
    return client._connector._link.transport


# -- calls ---------------------------------------------------------------------------------------------


def by_cipher(sshd, connect_ssh, ciphers):
    return connect_ssh("paramiko", sshd(settings=(f"Ciphers {ciphers[0]}", f"MACs {ciphers[1]}")))


@pytest.mark.parametrize("ciphers", CLEAR.values(), ids=CLEAR)
def test_a_thread_that_waits_reads_its_answers_itself(sshd, connect_ssh, ciphers, read):
    client = by_cipher(sshd, connect_ssh, ciphers)
    remote_abs = client.module("builtins").abs
    assert [remote_abs(-number) for number in range(300)] == list(range(300))
    assert read[threading.get_ident()] > 150


def test_where_lengths_are_encrypted_the_connections_own_thread_reads(sshd, connect_ssh, read):
    client = by_cipher(sshd, connect_ssh, HIDDEN)
    remote_abs = client.module("builtins").abs
    assert [remote_abs(-number) for number in range(300)] == list(range(300))
    assert read == {}


@pytest.mark.parametrize("size", [100, SMALL - 500, SMALL, 30_000, 40_000, 1_000_000])
def test_answers_of_every_size_come_whole_among_small_ones(client, size):
    remote_os, remote_abs = client.module("os"), client.module("builtins").abs
    for number in range(20):
        assert len(remote_os.urandom(size + number)) == size + number
        assert remote_abs(-number) == number


def test_calls_survive_changes_of_keys_by_the_host(sshd, connect_ssh, read):
    server = sshd(settings=("RekeyLimit 20K", "LogLevel DEBUG"))
    client = connect_ssh("paramiko", server)
    remote_abs = client.module("builtins").abs
    assert [remote_abs(-number) for number in range(2000)] == list(range(2000))
    assert server.log().count("SSH2_MSG_NEWKEYS received") > 3
    assert read


def test_calls_survive_changes_of_keys_by_us(sshd, connect_ssh, read):
    server = sshd(settings=("LogLevel DEBUG",))
    client = connect_ssh("paramiko", server)
    remote_abs = client.module("builtins").abs
    transport_of(client).packetizer.REKEY_PACKETS = 200
    assert [remote_abs(-number) for number in range(2000)] == list(range(2000))
    assert server.log().count("SSH2_MSG_NEWKEYS received") > 3
    assert read


def test_commands_and_files_go_on_beside_threads_that_read(client, tmp_path):
    connector, remote_abs = client._connector, client.module("builtins").abs
    (tmp_path / "file").write_bytes(os.urandom(300_000))

    def calls(_):
        return [remote_abs(-number) for number in range(300)] == list(range(300))

    def commands(number):
        there = f"/tmp/rproxy-test-{os.getpid()}-{number}"
        for _ in range(5):
            connector.push(tmp_path / "file", there)
            connector.pull(there, tmp_path / f"back-{number}")
            assert connector.run(f"rm {there}; echo {number}").stdout == f"{number}\n".encode()
        return (tmp_path / f"back-{number}").read_bytes() == (tmp_path / "file").read_bytes()

    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(work, number) for number in range(3) for work in (calls, commands)]
        assert all(job.result() for job in jobs)


def test_signs_of_life_are_sent_while_a_thread_reads(sshd, connect_ssh, write_config):
    server = sshd(settings=("LogLevel DEBUG",))
    client = connect_ssh("paramiko", server, ssh_config=write_config("ServerAliveInterval 1"))
    remote_sleep = client.module("time").sleep
    with ThreadPoolExecutor(1) as pool:
        before = server.log().count("keepalive@")
        job = pool.submit(remote_sleep, 4)
        wait_for(lambda: server.log().count("keepalive@") > before)
        assert not job.done()
        job.result()


def test_a_connection_that_ends_while_a_thread_reads_is_lost(client):
    remote_sleep = client.module("time").sleep
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(remote_sleep, 60)
        wait_for(lambda: transport_of(client).packetizer.leader is not None)
        client._connector._link.dialled.socket.shutdown(socket.SHUT_RDWR)
        assert isinstance(job.exception(), rproxy.ConnectionLost)


def test_a_stream_that_is_collected_while_its_thread_reads_is_waited_for_by_another(client, monkeypatch):
    stream, method, ended = client._connector.open("cat"), Transport._hand_out, []
    stream.write([b"x"])  # its command runs

    def hand_out(self, kind, message):
        if not ended and self.packetizer.leader == threading.get_ident():
            begin = time.monotonic()
            stream.close()  # as its finalizer does
            ended.append(time.monotonic() - begin)
        return method(self, kind, message)

    monkeypatch.setattr(Transport, "_hand_out", hand_out)
    remote_abs = client.module("builtins").abs
    assert [remote_abs(-number) for number in range(100)] == list(range(100))
    assert ended
    assert ended[0] < GRACE / 2


# -- what goes wrong while another thread reads --------------------------------------------------------


def test_what_goes_wrong_with_a_packet_ends_the_connection_and_nothing_hangs(client, monkeypatch):
    remote_abs = client.module("builtins").abs
    assert remote_abs(-1) == 1

    def hand_out(self, kind, message):
        raise ValueError("in the middle")

    monkeypatch.setattr(Transport, "_hand_out", hand_out)
    with pytest.raises(rproxy.ConnectionLost):
        for _ in range(50):
            remote_abs(-1)
    monkeypatch.undo()
    wait_for(lambda: not transport_of(client).is_alive())
    client.reconnect()
    assert client.module("builtins").abs(-2) == 2


@pytest.mark.parametrize("count", [1, 2, 3])
def test_interrupts_in_the_middle_of_a_packet_lose_nothing(client, monkeypatch, count):
    """The second one is raised at once, but not there."""
    remote_abs, method, pending = client.module("builtins").abs, Transport._hand_out, [count]

    def hand_out(self, kind, message):
        if threading.current_thread() is threading.main_thread() and kind == MSG_CHANNEL_DATA and pending:
            for _ in range(pending.pop()):
                signal.raise_signal(signal.SIGINT)
        return method(self, kind, message)

    monkeypatch.setattr(Transport, "_hand_out", hand_out)
    with pytest.raises(KeyboardInterrupt):
        for _ in range(50):
            remote_abs(-1)
    assert pending == []
    assert [remote_abs(-number) for number in range(50)] == list(range(50))


def test_a_packet_that_was_changed_on_its_way_ends_the_connection(client, monkeypatch):
    remote_abs = client.module("builtins").abs
    take = Wire.take_packet

    def changed(self, trailer):
        packet = take(self, trailer)
        return packet[:-1] + bytes((packet[-1] ^ 1,)) if packet else packet

    monkeypatch.setattr(Wire, "take_packet", changed)
    with pytest.raises(rproxy.ConnectionLost):
        for _ in range(50):
            remote_abs(-1)


# -- taking packets ------------------------------------------------------------------------------------


@pytest.fixture
def pair():
    """A wire, and the socket at its other end."""
    near, far = socket.socketpair()
    yield Wire(near), far
    near.close()
    far.close()


def packet(size):
    return struct.pack(">I", size) + bytes(size) + b"t" * 16


def test_a_small_packet_is_taken_as_a_whole_and_no_more(pair):
    wire, far = pair
    far.sendall(packet(100) + packet(7)[:9])
    assert wire.has_come(0)
    assert wire.take_packet(16) == packet(100)
    assert wire.take_packet(16) == b""
    assert wire.recv(100) == packet(7)[:9]


@pytest.mark.parametrize("data", [b"", b"\0\0", packet(100)[:-1], packet(SMALL)], ids=["nothing", "2", "cut", "large"])
def test_what_cannot_be_taken_as_a_whole_stays(pair, data):
    wire, far = pair
    far.sendall(data)
    assert wire.has_come(0) == (data != b"")
    assert wire.take_packet(16) == b""
    far.shutdown(socket.SHUT_WR)
    received = b""
    while more := wire.recv(1 << 20):
        received += more
    assert received == data


def test_at_the_end_nothing_is_taken(pair):
    wire, far = pair
    far.close()
    assert wire.has_come(1)
    assert wire.take_packet(16) == b""


def test_nobody_reads_where_the_length_of_packets_is_not_known(pair):
    wire, far = pair
    packetizer = SharedPacketizer(wire)
    far.sendall(packet(100))
    packetizer.lead(lambda: False, 1, lambda kind, message: pytest.fail("it has read"))
    assert wire.recv(1000) == packet(100)
    assert not wire.has_come(0.01)
