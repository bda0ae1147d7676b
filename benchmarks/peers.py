"""Other libraries that call Python elsewhere, each as its own documentation would have it.

Each is a context manager of a place that gives `Calls`; what is not there, or fails, raises.
"""

import contextlib
import copy
import importlib
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from .places import Place


class Calls(NamedTuple):
    """What is compared: ``os.getenv("HOME")`` there, and bytes there and back by a call.

    `many` asks so many times before it waits for the first answer; `iterate` takes so many items of an iterator there.
    """

    getenv: Callable[[], Any]
    echo: Callable[[bytes], Any]
    many: Callable[[int], Any] | None = None
    iterate: Callable[[int], Any] | None = None


#: rpyc's classic server on the standard streams of a process.
_RPYC = """
import os
from rpyc.utils.classic import SlaveService
from rpyc.utils.factory import connect_stdpipes
connect_stdpipes(SlaveService).serve_all()
os._exit(0)
"""


@contextlib.contextmanager
def rpyc(place: Place) -> Iterator[Calls]:
    """Over the pipes of a process, which over ssh is ssh's; it must be installed there."""
    classic = importlib.import_module("rpyc.utils.classic")
    factory = importlib.import_module("rpyc.utils.factory")
    command = f"exec {place.python} -u -c {shlex.quote(_RPYC)}"
    config = {"sync_request_timeout": None}  # else what takes 30 s fails
    connection = factory.connect_subproc(place.command(command), classic.SlaveService, config)
    try:
        remote_os, remote_copy = connection.modules.os, connection.modules.copy
        yield Calls(
            lambda: remote_os.getenv("HOME"),
            remote_copy.copy,
            iterate=lambda count: sum(connection.builtins.iter(connection.builtins.range(count))),
        )
    finally:
        connection.close()
        connection.proc.wait(20)


#: What execnet runs there: it sends data, and functions are the program's own affair.
_EXECNET = """
import os
for what, data in channel:
    if what == "iterate":
        for number in range(data):
            channel.send(number)
    else:
        channel.send(os.getenv(data) if what == "getenv" else data)
"""


@contextlib.contextmanager
def execnet(place: Place) -> Iterator[Calls]:
    library = importlib.import_module("execnet")
    kind = f"ssh={shlex.join(place.words)}" if place.words else "popen"
    group = library.Group()
    gateway = group.makegateway(f"{kind}//python={place.python}")
    try:
        channel = gateway.remote_exec(_EXECNET)

        def ask(what: str, data: Any, answers: int = 1) -> Any:
            channel.send((what, data))
            return sum(channel.receive() for _ in range(answers)) if answers > 1 else channel.receive()

        def many(count: int) -> None:
            for _ in range(count):
                channel.send(("getenv", "HOME"))
            for _ in range(count):
                channel.receive()

        yield Calls(
            lambda: ask("getenv", "HOME"),
            lambda data: ask("echo", data),
            many,
            lambda count: ask("iterate", count, count),
        )
    finally:
        group.terminate(timeout=5)


@contextlib.contextmanager
def mitogen(place: Place) -> Iterator[Calls]:
    master = importlib.import_module("mitogen.master")
    broker = master.Broker()
    try:
        router = master.Router(broker)
        if place.words:
            *words, host = place.words
            context = router.ssh(hostname=host, ssh_args=words, python_path=place.python, check_host_keys="enforce")
        else:
            context = router.local(python_path=place.python)

        def many(count: int) -> None:
            for answer in [context.call_async(os.getenv, "HOME") for _ in range(count)]:
                answer.get().unpickle()

        yield Calls(lambda: context.call(os.getenv, "HOME"), lambda data: context.call(copy.copy, data), many)
    finally:
        broker.shutdown()
        broker.join()


#: A daemon that ends with its input, and first prints its address.
_PYRO = """
import os, sys, threading, Pyro5.api
class There:
    @Pyro5.api.expose
    def getenv(self, name): return os.getenv(name)
    @Pyro5.api.expose
    def echo(self, data): return data
    @Pyro5.api.expose
    def iterate(self, count): yield from range(count)
Pyro5.api.config.SERIALIZER = "marshal"
daemon = Pyro5.api.Daemon()
print(daemon.register(There), flush=True)
threading.Thread(target=daemon.requestLoop, daemon=True).start()
sys.stdin.read()
os._exit(0)
"""


@contextlib.contextmanager
def pyro5(place: Place) -> Iterator[Calls]:
    """Over loopback TCP: it has no way over ssh of its own."""
    if place.kind != "local":
        raise LookupError("Pyro5 has no way over ssh of its own")
    api = importlib.import_module("Pyro5.api")
    api.config.SERIALIZER = "marshal"  # the fastest; the default encodes bytes as text
    command = [sys.executable, "-c", _PYRO]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        with api.Proxy(process.stdout.readline().strip()) as there:
            yield Calls(
                lambda: there.getenv("HOME"), there.echo, iterate=lambda count: sum(there.iterate(count))
            )  # fmt: skip
        process.stdin.close()


LOCAL: dict[str, Callable[[Place], AbstractContextManager[Calls]]] = {
    "rpyc": rpyc,
    "execnet": execnet,
    "mitogen": mitogen,
    "Pyro5": pyro5,
}
#: Those that go over ssh.
OVER_SSH = {name: LOCAL[name] for name in ("rpyc", "execnet", "mitogen")}


def found(place: Place | None, wanted: bool) -> dict[str, Callable[[Place], AbstractContextManager[Calls]]]:
    """The libraries that can be compared at a place."""
    if place is None or not wanted:
        return {}
    return LOCAL if place.kind == "local" else OVER_SSH if place.kind == "ssh" else {}
