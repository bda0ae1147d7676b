"""What the tests over ssh share: keys, servers, and clients of every kind."""

import itertools
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import rproxy
from rproxy.connectors import Connector
from rproxy.targets import connector_for
from rproxy.testing import command_only

from ..services.ssh_keys import Keys
from .sshd import Sshd, program

#: The ways to reach a server: the schemes of URLs.
KINDS = ["ssh", "paramiko"]
#: The same as parameters of fixtures whose others are local.
KINDS_ONCE = [pytest.param(kind, marks=pytest.mark.once) for kind in KINDS]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is tested over ssh does not depend on the client's Python; what stands here for all ways runs over the
    local one under each."""
    for item in items:
        if item.path.parent == Path(__file__).parent and "[local" not in item.name:
            item.add_marker(pytest.mark.once)


@pytest.fixture(scope="session", autouse=True)
def no_agent() -> Iterator[None]:
    """The agent of whoever runs the tests is none of theirs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SSH_AUTH_SOCK", raising=False)
        yield


@pytest.fixture(scope="session")
def keys(tmp_path_factory) -> Keys:
    program("ssh-keygen", "openssh-client")
    return Keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def start_sshd(tmp_path_factory, keys) -> Iterator[Callable[..., Sshd]]:
    """`start_sshd(**options)` starts a server that lives until the tests end; its options are those of Sshd."""
    numbers, started = itertools.count(1), []

    def start(**options) -> Sshd:
        server = Sshd(tmp_path_factory.mktemp(f"sshd{next(numbers)}"), keys, **options)
        started.append(server)
        return server

    yield start
    for server in started:
        server.close()


@pytest.fixture(scope="session")
def shared_sshd(start_sshd) -> Sshd:
    """The plain server that all tests share which do not break it."""
    return start_sshd()


@pytest.fixture
def sshd(tmp_path, keys) -> Iterator[Callable[..., Sshd]]:
    """`sshd(**options)` starts a server for one test."""
    numbers, started = itertools.count(1), []

    def start(**options) -> Sshd:
        folder = tmp_path / f"sshd{next(numbers)}"
        folder.mkdir()
        server = Sshd(folder, keys, **options)
        started.append(server)
        return server

    yield start
    for server in started:
        server.close()


@pytest.fixture(scope="module", params=KINDS)
def kind(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def ssh_client(kind, channel, shared_sshd) -> Iterator[rproxy.RemoteClient]:
    """A client of the plain server, by each kind and over each channel in turn."""
    with rproxy.connect(ssh_connector(kind, shared_sshd, channel), python=sys.executable) as client:
        yield client


@pytest.fixture(scope="module", params=["local", *KINDS_ONCE])
def any_client(request) -> Iterator[rproxy.RemoteClient]:
    """A client over every stream in turn, which works at the end whatever was done to it."""
    local = request.param == "local"
    connector = None if local else ssh_connector(request.param, request.getfixturevalue("shared_sshd"))
    with rproxy.connect(connector, python=sys.executable) as client:
        yield client
        assert client.module("os").getcwd()


def ssh_connector(kind: str, server: Sshd, channel: str = "stream", **options) -> Connector:
    """A connector of that kind to a server; options that are not given are those that let it in.

    `to` is the host of the URL instead of the server's address, for names of an ssh_config.
    """
    to = options.pop("to", server.address)
    chosen = {
        "identity": server.keys["user"],
        "known_hosts": server.known_hosts,
        "ssh_config": server.keys.empty_config,
        **options,
    }
    connector = connector_for(f"{kind}://{to}", {name: value for name, value in chosen.items() if value is not None})
    return connector if channel == "stream" else command_only(connector)


#: Options of `connect` itself.
OWN = ("python", "setup", "serializer", "trust", "endpoint_dir", "tmp_dir", "timeout", "deploy")


@pytest.fixture
def connect_ssh() -> Iterator[Callable[..., rproxy.RemoteClient]]:
    """`connect_ssh(kind, server, channel="stream", **options)` makes a client, closed when the test ends."""
    made = []

    def connect(kind: str, server: Sshd, channel: str = "stream", **options) -> rproxy.RemoteClient:
        own = {"python": sys.executable, **{name: options.pop(name) for name in OWN if name in options}}
        connector = ssh_connector(kind, server, channel, **options)
        try:
            made.append(rproxy.connect(connector, **own))
        except BaseException:
            connector.close()
            raise
        return made[-1]

    yield connect
    for client in made:
        client.close()


@pytest.fixture
def agent(tmp_path, monkeypatch) -> Iterator[Callable[..., None]]:
    """A real agent; `agent(*paths)` gives it keys."""
    socket = tmp_path / "agent"
    process = subprocess.Popen(
        [program("ssh-agent", "openssh-client"), "-D", "-a", str(socket)],
        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert b"SSH_AUTH_SOCK" in process.stdout.readline()
    monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))

    def add(*paths: str) -> None:
        words = [program("ssh-add", "openssh-client"), "-q", *paths]
        subprocess.run(words, check=True, capture_output=True, timeout=30)

    yield add
    process.terminate()
    process.wait()
    process.stdout.close()


@pytest.fixture
def write_config(tmp_path) -> Callable[..., str]:
    """`write_config(*sections)` writes an ssh_config and returns its path."""
    numbers = itertools.count(1)

    def write(*sections: str) -> str:
        path: Path = tmp_path / f"ssh_config{next(numbers)}"
        path.write_text("\n".join(sections) + "\n")
        return str(path)

    return write


#: Joins its standard input and output with a TCP connection.
RELAY = """
import os, socket, sys, threading
link = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def up():
    while data := os.read(0, 65536):
        link.sendall(data)
    link.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while data := link.recv(65536):
    while data:
        data = data[os.write(1, data):]
"""


@pytest.fixture
def relay(tmp_path) -> str:
    """A ProxyCommand."""
    path = tmp_path / "relay.py"
    path.write_text(RELAY)
    return f"{sys.executable} {path} %h %p"


@pytest.fixture
def connector() -> Iterator[Callable[..., Connector]]:
    """`connector(server, **options)` makes one for paramiko://, closed when the test ends."""
    made = []

    def make(server: Sshd, **options) -> Connector:
        made.append(ssh_connector("paramiko", server, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def log_in(connector) -> Callable[..., bytes]:
    """`log_in(server, **options)` runs a command over paramiko://, and says what it printed."""

    def log_in(server: Sshd, **options) -> bytes:
        return connector(server, **options).run("echo in").stdout

    return log_in


@pytest.fixture
def reach():
    """`reach(server, **options)` makes a connector, closed when the test ends."""
    made = []

    def make(server, **options):
        made.append(ssh_connector("ssh", server, **options))
        return made[-1]

    yield make
    for connector in made:
        connector.close()


def says(connector, text="ok"):
    return connector.run(f"printf {text}").stdout == text.encode()


@pytest.fixture
def short_folder():
    """Where a socket's path is not too long."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)
