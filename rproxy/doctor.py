"""What is right on the way to a host, layer by layer, and what is wrong with the first that is not.

Rules: nothing is tried that a client would not do; the connectors' own errors say at which stage they failed, and
what to do; after the first fault nothing more is told. What is put on the host is what every client puts there.
"""

import contextlib
import os
import statistics
import time
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

from .client import RemoteClient
from .connectors.base import Connector
from .errors import STAGES, RProxyError
from .targets import connector_for

#: What the throughput is measured by, in bytes: the second if the first goes fast.
_SAMPLES = (256 << 10, 8 << 20)
_FAST = 0.1  # seconds
_PINGS = 20

#: What to do where the error does not say it.
_MENDS = {
    "configuration": "Mend the option, or the configuration that it names.",
    "connection": "Check the address, the network, a VPN, a firewall.",
    "host key": "Compare the host's key with what its administrator says before you accept it.",
    "authentication": "Check the user's name, and name a key or a password that the host knows.",
    "shell": "Look at the files that its login shell reads: they must end, and leave the shell running.",
    "setup lines": "Try the setup lines by hand on the host.",
    "Python": "Name a Python 3.6 or newer of that host with --python (python=).",
    "folders": "Name a folder that can be written with --endpoint-dir (endpoint_dir=).",
    "deployment": "Name another folder with --endpoint-dir (endpoint_dir=).",
    "session": "Try again; if it stays so, look for what ends processes there, such as limits of memory or time.",
}
_QUIET = "rproxy passes it over, scp and rsync may not: print only at terminals, `case $- in *i*) echo ... ;; esac`."
_MEMORY = (
    "Make room there, or name a folder that can be written with --endpoint-dir (endpoint_dir=). Without one calls "
    "may work, but each new client sends the endpoint again, and no package can be installed."
)


class Finding(NamedTuple):
    """What is found of one layer: `mend` says what to do, and may be advice for a layer that is `ok`."""

    layer: str
    ok: bool
    text: str
    mend: str = ""


def examine(
    target: Any = None,
    *,
    python: str | None = None,
    setup: str | None = None,
    endpoint_dir: str | None = None,
    **options: Any,
) -> Iterator[Finding]:
    """Goes layer by layer to a host, up to the first fault.

    Args:
        target, python, setup, endpoint_dir, options: as `rproxy.connect` takes them; a connector is closed at the end.

    Returns:
        An iterator of findings, each as soon as it is known; only the last one may be a fault. Layers that a target
        has not are passed over.

    Raises:
        TypeError, ValueError: for a target or an option that cannot be meant.
    """
    settings = {"python": python, "setup": setup, "endpoint_dir": endpoint_dir}
    with contextlib.closing(_findings(target, options, settings)) as findings:
        for finding in findings:
            yield finding
            if not finding.ok:
                return


def _findings(target: Any, options: dict[str, Any], settings: dict[str, Any]) -> Generator[Finding, None, None]:
    """All layers; whoever asks stops at the first fault."""
    try:
        connector = connector_for(target, options)
    except RProxyError as error:
        yield _fault(error, "configuration")
        return
    try:
        yield from _reach(connector)
        yield from _use(connector, settings)
    finally:
        connector.close()


# -- up to the shell -----------------------------------------------------------------------------------


def _reach(connector: Connector) -> Iterator[Finding]:
    begin = time.perf_counter()
    try:
        done = connector.run("printf rproxy; exit 7", timeout=connector.start_timeout)
    except RProxyError as error:
        fault = _fault(error, "shell")
        yield from _passed(connector, fault.layer)
        yield fault
        return
    took = time.perf_counter() - begin
    yield from _passed(connector, "shell")
    if (done.stdout, done.returncode) != (b"rproxy", 7):
        told = f"{done.stdout[-500:]!r} and exit code {done.returncode}"
        yield Finding("shell", False, f"a command that prints 'rproxy' and exits with 7 gave {told}", _MENDS["shell"])
        return
    noise = (connector.noise + done.stderr).decode("utf-8", "replace").strip()
    said = f"; before each it prints {_shortened(noise)!r}" if noise else ""
    yield Finding("shell", True, f"runs commands, the first in {_milliseconds(took)}{said}", _QUIET if noise else "")


def _passed(connector: Connector, stage: str) -> Iterator[Finding]:
    """The layers before the one at which it ended."""
    before = STAGES[: STAGES.index(stage)]
    if before:
        for layer, text in connector.way().items():
            if layer in before:
                yield Finding(layer, True, text)


def _fault(error: RProxyError, otherwise: str, first: str = STAGES[0]) -> Finding:
    """An error as a finding: of its own stage, unless that has none, or was passed before `first`."""
    own = error.stage in STAGES and STAGES.index(error.stage) >= STAGES.index(first)
    layer = error.stage if own else otherwise
    text = str(error).removesuffix(error.mend).strip()
    return Finding(layer, False, text, error.mend or _MENDS[layer])


# -- behind it -----------------------------------------------------------------------------------------


def _use(connector: Connector, settings: dict[str, Any]) -> Iterator[Finding]:
    begin = time.perf_counter()
    try:
        with RemoteClient(connector, **settings) as client:
            took = time.perf_counter() - begin
            yield from _look_around(client, took, settings)
            yield from _measure(client)
    except RProxyError as error:
        yield _fault(error, "session", "setup lines")


def _look_around(client: RemoteClient, took: float, settings: dict[str, Any]) -> Iterator[Finding]:
    info = client.info()
    if settings["setup"]:
        yield Finding("setup lines", True, "ran")
    yield Finding("Python", True, f"{info.implementation} {info.python}, {info.executable}")
    yield _folders(client, info.endpoint)
    yield Finding("deployment", True, info.endpoint)
    kind = "a stream" if info.channel == "stream" else f"{info.channel}, so that no objects stay there"
    yield Finding("session", True, f"over {kind}; begun in {_milliseconds(took)}")


def _folders(client: RemoteClient, endpoint: str) -> Finding:
    """Whether there is room for the endpoint and what it keeps."""
    root = client._launcher.root
    told, _ = client.do_remote_call("rproxy_endpoint.facts", "room", [root])
    free = "" if told["free"] is None else f", {told['free'] / 2**30:.1f} GiB free"
    if not told["trouble"]:
        return Finding("folders", True, f"{told['path']} can be written{free}")
    trouble = f"{told['path']} cannot be written: {told['trouble']}{free}"
    if endpoint.startswith(told["path"] + "/"):
        return Finding("folders", True, f"{trouble}; the endpoint is there")
    return Finding("folders", False, trouble, _MEMORY)


def _measure(client: RemoteClient) -> Iterator[Finding]:
    live = client.info().channel == "stream"
    trips = [client.ping() for _ in range(_PINGS if live else 3)]
    yield Finding("round trip", True, f"{_milliseconds(statistics.median(trips))}, median of {len(trips)}")
    for size in _SAMPLES:
        up, down = _throughput(client, size)
        if up + down > _FAST:
            break
    rates = f"{size / up / 1e6:.3g} MB/s there, {size / down / 1e6:.3g} MB/s back"
    yield Finding("throughput", True, f"{rates}, with {size / 2**20:g} MiB")


def _throughput(client: RemoteClient, size: int) -> tuple[float, float]:
    """The seconds that so many bytes, which cannot be compressed, take there and back."""
    data = os.urandom(size)
    times = []
    for call in (("builtins", "len", [data]), ("os", "urandom", [size])):
        begin = time.perf_counter()
        client.do_remote_call(*call)
        times.append(time.perf_counter() - begin)
    return times[0], times[1]


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _shortened(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}..."
