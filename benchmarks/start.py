"""How long it takes until there is something to call."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import rproxy
from rproxy.connectors.local import LocalConnector
from rproxy.deployment.bundle import bundle
from rproxy.deployment.launcher import Launcher, new_token, words_of
from rproxy.testing import command_only

from .report import Row, Table

BARE = "python -c pass"


def measure(rounds: int) -> list[Table]:
    """Every start takes its turn in every round."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="rproxy-bench-"))
        commands = rproxy.connect(command_only(LocalConnector()), endpoint_dir=folder)
        stack.callback(commands.close)
        starts: dict[str, tuple[str, Callable[[], float]]] = {
            BARE: ("", lambda: python("pass")),
            "python -c 'import rproxy'": ("under 40 ms more", lambda: python("import rproxy")),
            "python -c 'import rproxy; rproxy.connect'": ("", lambda: python("import rproxy; rproxy.connect")),
            "an endpoint, until its Hello": ("under 60 ms more", lambda: endpoint(folder)),
            "connect() and the first call": ("", lambda: first_call(folder)),
            "the same, where nothing is deployed": ("", undeployed),
            "a call by a command": ("", lambda: by_command(commands)),
        }
        times: dict[str, list[float]] = {name: [] for name in starts}
        for _, begin in starts.values():
            begin()  # once for the caches
        for _ in range(rounds):
            for name, (_, begin) in starts.items():
                times[name].append(begin())
    rows = [Row(name, times[name], target) for name, (target, _) in starts.items()]
    packed, archive = len(bundle().packed), len(bundle().archive)
    notes = [
        f"the endpoint's archive: {packed} bytes compressed, {archive} as they are",
        f"{rounds} rounds, in turns",
    ]
    return [Table("Starts", rows, BARE, "ms", False, notes)]


def python(code: str) -> float:
    """A process that runs this, from its start to its end."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - begin


def endpoint(folder: str) -> float:
    """An endpoint's process, from its start until its Hello has come."""
    token = new_token()
    launcher = Launcher(sys.executable, "", folder)
    command = ["/bin/sh", "-c", launcher.endpoint(token, "session", token)]
    begin = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdin is not None and process.stdout is not None
        said = b""
        while not (found := words_of(token).search(said)) or len(said) == found.end():
            said += process.stdout.read(65536)
        taken = time.perf_counter() - begin
        process.stdin.close()
    return taken


def first_call(folder: str) -> float:
    """A client, until it has its first answer."""
    begin = time.perf_counter()
    with rproxy.connect(endpoint_dir=folder) as client:
        client.do_remote_call("os", "getenv", ["HOME"])
        return time.perf_counter() - begin


def undeployed() -> float:
    folder = tempfile.mkdtemp(prefix="rproxy-bench-")
    try:
        return first_call(folder)
    finally:
        shutil.rmtree(folder)


def by_command(client: rproxy.RemoteClient) -> float:
    begin = time.perf_counter()
    client.do_remote_call("os", "getenv", ["HOME"])
    return time.perf_counter() - begin
