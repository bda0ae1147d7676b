# pyright: strict
"""What users must not write: each line that says so is an error to the type checkers, and no other is."""

import os

import rproxy
from rproxy.connectors import Connector


def add(left: int, right: float = 1.0) -> float:
    return left + right


def mistakes(client: rproxy.RemoteClient) -> None:
    rproxy.connect(5)  # error
    rproxy.connect(python=3.9)  # error
    rproxy.connect(trust=5)  # error
    rproxy.RemoteClient()  # error
    rproxy.RemoteClient("ssh://host")  # error
    client.module(5)  # error
    client.call(add, "text")  # error
    client.call(add)  # error
    client.call(5)  # error
    client.function(add)("text")  # error
    client.function(5)  # error
    client.submit(add, 1, wrong=2)  # error
    number: int = client.call(lambda: "text")  # error
    client.aio.call(add, "text")  # error
    client.aio.module(5)  # error
    rproxy.aio.connect(python=3.9)  # error
    client.env(NAME=5)  # error
    client.cwd(5)  # error
    client.path(b"/bin")  # error
    client.substitute(5)  # error
    client.do_remote_call("os")  # error
    client.do_remote_call("os", "getenv", args=5)  # error
    client.register_remote_env_variable("NAME", None)  # error
    rproxy.keep(5)  # error
    rproxy.local()  # error
    rproxy.no_such_name  # error
    client.no_such_name  # error
    print(number)


class Unfinished(Connector):
    def push(self, local: str | os.PathLike[str], remote: str) -> None: ...


class Other(Connector):
    def run(self, command: bytes) -> rproxy.Completed:  # error
        return rproxy.Completed(b"", b"", 0)


Unfinished()  # error
