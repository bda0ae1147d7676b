"""How long it takes until there is something to call, and what that costs: memory, and bytes that are sent."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import rproxy
from rproxy.connectors.local import LocalConnector
from rproxy.deployment.bundle import bundle
from rproxy.deployment.launcher import Launcher, new_token, words_of
from rproxy.testing import command_only
from rproxy_endpoint.protocol.messages import PING
from rproxy_endpoint.protocol.peer import Peer
from rproxy_endpoint.protocol.values import Side

from . import memory, peers
from .latency import ours, rows_of
from .places import Place, Scene
from .report import Bar, Row, Table
from .sizes import Sizes
from .turns import Turn, Turns

BARE = "python -c pass"
OVER_SSH = "ssh host python3 -c pass"


def measure(scene: Scene, sizes: Sizes, with_peers: bool) -> Iterator[Table]:
    local, ssh = scene.place("local"), scene.place("ssh")
    if local is not None:
        yield _here(sizes)
        yield _idle(local, sizes)
        yield _sent()
    places = [place for place in scene.near if place.kind != "local"]
    if places:
        one_more = ([scene.shared] if scene.shared else []) if ssh else []
        yield _there("Connect and first call on a host", places, one_more, sizes.starts, with_peers, None)
    if scene.far and scene.link is not None:
        scene.link.tell(f"delay {sizes.round_trip / 2}")
        title = f"The same at {sizes.round_trip * 1000:.0f} ms round-trip time"
        yield _there(title, scene.far, [], sizes.far_starts, with_peers, 2 * sizes.round_trip)
        scene.link.tell("delay 0")


def _seconds(start: Callable[[], float]) -> Turn:
    return lambda: [start()]


def _warmed(turns: Turns, rounds: int) -> dict[str, list[float]]:
    """So many rounds, after one that fills the caches."""
    if rounds > 1:
        turns.run(1)
    return turns.run(rounds)


# -- on this machine -----------------------------------------------------------------------------------


def _here(sizes: Sizes) -> Table:
    bars = {
        "python -c 'import rproxy'": (Bar("more", BARE, most=0.025),),
        "an endpoint, until it answers": (Bar("more", BARE, most=0.040),),
    }
    with Turns() as turns:
        folder = turns.enter(tempfile.TemporaryDirectory(prefix="rproxy-bench-"))
        commands = turns.enter(rproxy.connect(command_only(LocalConnector()), endpoint_dir=folder))
        for name, start in {
            BARE: lambda: process([sys.executable, "-c", "pass"]),
            "python -c 'import rproxy'": lambda: process([sys.executable, "-c", "import rproxy"]),
            "python -c 'import rproxy; rproxy.connect'": lambda: process(
                [sys.executable, "-c", "import rproxy; rproxy.connect"]
            ),
            "an endpoint, until it answers": lambda: endpoint(folder),
            "connect() and the first call": lambda: first_call(lambda: rproxy.connect(endpoint_dir=folder)),
            "the same, where nothing is deployed": undeployed,
            "a call by a command": lambda: by_command(commands),
        }.items():
            turns.add(name, _seconds(start))
        values = _warmed(turns, sizes.starts)
    for name in values:
        bars.setdefault(name, (Bar("more", BARE),))
    return Table("Starts on this machine", rows_of(values, bars), "ms", [f"{sizes.starts} rounds, in turns"])


def process(words: list[str]) -> float:
    """A process that runs this, from its start to its end."""
    begin = time.perf_counter()
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - begin


def endpoint(folder: str) -> float:
    """An endpoint's process, from its start until it has answered a Ping: its Hello goes ahead of what it loads."""
    token = new_token()
    launcher = Launcher(sys.executable, "", folder)
    command = ["/bin/sh", "-c", launcher.endpoint(token, "session", token)]
    begin = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as started:
        assert started.stdin is not None and started.stdout is not None
        peer = Peer("client", Side())
        started.stdin.write(b"".join([*peer.greet({}), peer.bare(PING)]))
        said = b""
        while not (found := words_of(token).search(said)):
            said += started.stdout.read(65536)
        frames = peer.feed(said[found.end() :])
        while not frames:
            frames = peer.feed(started.stdout.read(65536))
        taken = time.perf_counter() - begin
        started.stdin.close()
    return taken


def first_call(connect: Callable[[], rproxy.RemoteClient]) -> float:
    """A client, until it has its first answer."""
    begin = time.perf_counter()
    with connect() as client:
        client.do_remote_call("os", "getenv", ["HOME"])
        return time.perf_counter() - begin


def undeployed() -> float:
    folder = tempfile.mkdtemp(prefix="rproxy-bench-")
    try:
        return first_call(lambda: rproxy.connect(endpoint_dir=folder))
    finally:
        shutil.rmtree(folder)


def by_command(client: rproxy.RemoteClient) -> float:
    begin = time.perf_counter()
    client.do_remote_call("os", "getenv", ["HOME"])
    return time.perf_counter() - begin


# -- what an endpoint costs ----------------------------------------------------------------------------


def _idle(local: Place, sizes: Sizes) -> Table:
    """Memory of an endpoint that has answered a call and waits, beside that of a Python that only waits."""
    bare, ready = "python that waits", "import sys; print(1, flush=True); sys.stdin.read()"
    values: dict[str, list[float]] = {bare: [], "an idle endpoint": []}
    for _ in range(min(sizes.starts, 5)):
        command = [sys.executable, "-c", ready]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as waiting:
            assert waiting.stdin is not None and waiting.stdout is not None
            waiting.stdout.readline()
            values[bare].append(memory.resident(waiting.pid))
            waiting.stdin.close()
        with local.connect() as client:
            values["an idle endpoint"].append(memory.resident(client.module("os").getpid()))
    bars = {"an idle endpoint": (Bar("more", bare, most=4 << 20),)}
    return Table("Memory of an endpoint", rows_of(values, bars), "MB", ["resident, once it has answered a call"])


class _Counted(LocalConnector):
    """Counts what a client sends: its command, and what is written."""

    sent = 0

    def open(self, command: str) -> Any:
        self.sent += len(command.encode())
        stream = super().open(command)
        write = stream.write

        def counted(pieces: Any) -> None:
            self.sent += sum(len(memoryview(piece).cast("B")) for piece in pieces)
            write(pieces)

        stream.write = counted  # type: ignore[method-assign]
        return stream


def _sent() -> Table:
    rows = [
        Row("the endpoint for a fresh host, compressed", [len(bundle().packed)], (Bar("value", most=24_000),)),
        Row("the rest, at a host's first need of it", [len(bundle().rest)]),
    ]
    with tempfile.TemporaryDirectory(prefix="rproxy-bench-") as folder:
        for name in ("all until the first answer, fresh host", "all until the first answer, deployed"):
            with rproxy.connect(counted := _Counted(), endpoint_dir=folder) as client:
                client.do_remote_call("os", "getenv", ["HOME"])
            rows.append(Row(name, [counted.sent]))
    return Table("Bytes that are sent", rows, "KB", ["a KB is 1000 bytes"])


# -- on a host -----------------------------------------------------------------------------------------


def _there(
    title: str, places: list[Place], shared: list[Place], rounds: int, with_peers: bool, above: float | None
) -> Table:
    """`above`: what the first call may take beyond Python's start there, in seconds; near by, it is a ratio."""
    bars: dict[str, tuple[Bar, ...]] = {}
    with Turns() as turns:
        ssh = next((place for place in places if place.kind == "ssh"), None)
        if ssh is not None:
            turns.add(OVER_SSH, _seconds(lambda: process(ssh.command(f"{ssh.python} -c pass"))))
        for place in places:
            fresh, again = f"{ours(place)}, fresh", f"{ours(place)}, deployed"
            turns.add(fresh, _seconds(partial(on_fresh_host, place)))
            turns.add(again, _seconds(partial(first_call, place.connect)))
            strict = place.kind == "ssh"
            for name in (fresh, again):
                if above is not None:
                    bars[name] = (Bar("more", OVER_SSH, most=above if strict else None),)
                else:
                    bars[name] = (Bar("times", OVER_SSH, most=1.25 if strict and name == fresh else None),)
        for place in shared:
            turns.enter(_held_open(place))
            name = f"{ours(place)}, second client on a shared connection"
            turns.add(name, _seconds(partial(first_call, place.connect)))
            bars[name] = (Bar("times", OVER_SSH, most=0.5),)
        for name, opening in peers.found(ssh, with_peers).items():
            turns.invite(f"{name} over ssh", contextlib.nullcontext(opening), lambda found: _first_of(found, ssh))
            bars[f"{name} over ssh"] = (Bar("times" if above is None else "more", OVER_SSH),)
        values = _warmed(turns, rounds)
    return Table(title, rows_of(values, bars), "ms", [*turns.notes, f"{rounds} rounds, in turns"])


def on_fresh_host(place: Place) -> float:
    """A first call where nothing is deployed; the folder that it makes goes again."""
    folder = f"~/.rproxy-bench-{new_token()}"
    begin = time.perf_counter()
    with place.connect(endpoint_dir=folder) as client:
        client.do_remote_call("os", "getenv", ["HOME"])
        taken = time.perf_counter() - begin
        client.undeploy()
    return taken


@contextlib.contextmanager
def _held_open(place: Place) -> Iterator[None]:
    """The first client, whose connection the others share."""
    with place.connect() as client:
        client.ping()
        yield


def _first_of(opening: Any, place: Any) -> Turn:
    def turn() -> list[float]:
        begin = time.perf_counter()
        with opening(place) as calls:
            calls.getenv()
            return [time.perf_counter() - begin]

    return turn
