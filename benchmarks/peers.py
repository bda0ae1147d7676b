"""The ways to ask another process for ``os.getenv("HOME")`` that are compared.

Each is a context manager that starts the other process and gives a function which asks once.
"""

import contextlib
import importlib
import importlib.util
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

import rproxy

Ask = Callable[[], Any]
QUESTION = ("os", "getenv", ("HOME",))
PIPE = "multiprocessing.Pipe"
NATURAL, HELD, VERB = "rproxy: remote_os.getenv(...)", "rproxy: getenv(...)", "rproxy: do_remote_call(...)"
RPYC, RPYC_HELD = "rpyc: remote_os.getenv(...)", "rpyc: getenv(...)"
RAW = "raw os.pipe echo"


@contextlib.contextmanager
def natural(folder: str) -> Iterator[Ask]:
    """A call by a module's proxy, on a session's stream."""
    with rproxy.connect(endpoint_dir=folder) as client:
        remote_os = client.module("os")
        yield lambda: remote_os.getenv("HOME")


@contextlib.contextmanager
def held(folder: str) -> Iterator[Ask]:
    """The same function, fetched once."""
    with rproxy.connect(endpoint_dir=folder) as client:
        getenv = client.module("os").getenv
        yield lambda: getenv("HOME")


@contextlib.contextmanager
def verb(folder: str) -> Iterator[Ask]:
    """The verb beneath it."""
    with rproxy.connect(endpoint_dir=folder) as client:
        yield lambda: client.do_remote_call("os", "getenv", ["HOME"])[0]


def answer_all(end: Connection) -> None:
    """What the child behind a multiprocessing.Pipe does: the same look-up and the same call."""
    while (request := end.recv()) is not None:
        module, function, args = request
        end.send(getattr(importlib.import_module(module), function)(*args))


@contextlib.contextmanager
def pipe(folder: str) -> Iterator[Ask]:
    """What the standard library offers: pickles over a pipe, and no more."""
    processes = multiprocessing.get_context("spawn")
    own, other = processes.Pipe()
    child = processes.Process(target=answer_all, args=(other,))
    child.start()

    def ask() -> Any:
        own.send(QUESTION)
        return own.recv()

    try:
        yield ask
    finally:
        own.send(None)
        child.join()


#: Sends back what it gets.
ECHO = """
import os
while True:
    data = os.read(0, 65536)
    if not data:
        break
    os.write(1, data)
"""


@contextlib.contextmanager
def raw(folder: str) -> Iterator[Ask]:
    """The limit: the bytes of such a request there and back, by system calls alone."""
    with subprocess.Popen([sys.executable, "-c", ECHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None and child.stdout is not None
        to, back, data = child.stdin.fileno(), child.stdout.fileno(), b"x" * 64

        def ask() -> bytes:
            os.write(to, data)
            return os.read(back, 65536)

        yield ask
        child.stdin.close()


#: rpyc's classic server on the standard streams of a process.
RPYC_SERVER = """
import os
from rpyc.utils.classic import SlaveService
from rpyc.utils.factory import connect_stdpipes
connect_stdpipes(SlaveService).serve_all()
os._exit(0)
"""


@contextlib.contextmanager
def rpyc_connection() -> Iterator[Any]:
    """rpyc over the pipes of a local process."""
    classic = importlib.import_module("rpyc.utils.classic")
    factory = importlib.import_module("rpyc.utils.factory")
    connection = factory.connect_subproc([sys.executable, "-u", "-c", RPYC_SERVER], classic.SlaveService)
    try:
        yield connection
    finally:
        connection.close()
        connection.proc.wait()


@contextlib.contextmanager
def rpyc(folder: str) -> Iterator[Ask]:
    """The same expression as the natural call's: it looks the function up and calls it."""
    with rpyc_connection() as connection:
        remote_os = connection.modules.os
        yield lambda: remote_os.getenv("HOME")


@contextlib.contextmanager
def rpyc_held(folder: str) -> Iterator[Ask]:
    """The function fetched once, as those do who know."""
    with rpyc_connection() as connection:
        getenv = connection.modules.os.getenv
        yield lambda: getenv("HOME")


PEERS: dict[str, Callable[[str], contextlib.AbstractContextManager[Ask]]] = {
    PIPE: pipe,
    NATURAL: natural,
    HELD: held,
    VERB: verb,
    RAW: raw,
    RPYC: rpyc,
    RPYC_HELD: rpyc_held,
}
#: What the names of the others begin with.
GROUPS = ("rproxy", "raw", "rpyc")


def missing(name: str) -> bool:
    """Whether a peer is another library that is not installed."""
    return name.startswith("rpyc") and importlib.util.find_spec("rpyc") is None
