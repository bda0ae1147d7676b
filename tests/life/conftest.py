"""What the tests of links that end share: the ways to a host."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import rproxy
from rproxy.connectors import Connector
from rproxy.connectors.local import LocalConnector

from ..services.link import Link
from ..ssh.conftest import KINDS, keys, no_agent, shared_sshd, ssh_connector, sshd, start_sshd  # noqa: F401 - fixtures
from ..ssh.sshd import Sshd


class Way:
    """A way to this machine: `name` is "local", "ssh" or "paramiko"."""

    def __init__(self, name: str, server: Sshd | None, link: Link | None) -> None:
        self.name, self.server, self.link = name, server, link

    def connector(self) -> Connector:
        if self.server is None or self.link is None:
            return LocalConnector()
        known = f"[{self.link.host}]:{self.link.port} {self.server.keys.bare('host')}\n"
        file = self.server.folder / "known_hosts_of_the_link"
        file.write_text(known)
        to = f"{self.server.user}@{self.link.host}:{self.link.port}"
        return ssh_connector(self.name, self.server, to=to, known_hosts=str(file))

    def mend(self) -> None:
        if self.link is not None:
            self.link.tell("thaw")


@pytest.fixture(scope="session")
def breakable(start_sshd) -> Sshd:  # noqa: F811
    """A server whose connections tests cut."""
    return start_sshd()


@pytest.fixture(params=["local", *KINDS], scope="module")
def any_way(request) -> Iterator[Way]:
    if request.param == "local":
        yield Way("local", None, None)
        return
    server = request.getfixturevalue("breakable")
    with Link(server.host, server.port) as link:
        yield Way(request.param, server, link)


@pytest.fixture
def way(any_way) -> Iterator[Way]:
    """Each way in turn, sound at the beginning."""
    any_way.mend()
    yield any_way
    any_way.mend()


@pytest.fixture
def connect(way) -> Iterator[Callable[..., rproxy.RemoteClient]]:
    """`connect(**options)` makes a client over the way, closed when the test ends."""
    made: list[Any] = []

    def connect(**options: Any) -> rproxy.RemoteClient:
        made.append(rproxy.connect(way.connector(), python=sys.executable, **options))
        return made[-1]

    yield connect
    way.mend()
    for client in made:
        client.close()
