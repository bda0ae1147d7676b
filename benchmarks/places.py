"""Where is measured: this machine, a private sshd of it, near and at the end of a long link, or a host of the user's.

Rules: nothing of the user's is read or changed, unless the host is one of theirs; all that was started ends with
its block; where no sshd can be started, it is said what to install, and the rest is measured.
"""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import rproxy
from rproxy.targets import address_of
from tests.services.link import Link
from tests.services.ssh_keys import Keys
from tests.services.sshd import Missing, Sshd, program


class Place(NamedTuple):
    """A host, by one way to get there.

    `kind` is "local", "ssh", "paramiko" or "other"; `words` are those of ssh that name the host to it, where it is one
    for ssh; `options` are for `rproxy.connect`; `python` is what raw commands and other libraries start. Without
    `streams` objects cannot stay there.
    """

    kind: str
    target: str
    options: dict[str, Any]
    words: tuple[str, ...] = ()
    python: str = sys.executable
    config: str | None = None
    streams: bool = True
    has_numpy: bool = True

    @property
    def name(self) -> str:
        return {"local": "local", "ssh": "OpenSSH", "paramiko": "paramiko"}.get(self.kind, self.target)

    def connect(self, **options: Any) -> rproxy.RemoteClient:
        return rproxy.connect(self.target, **{**self.options, **options})

    def command(self, text: str) -> list[str]:
        """The words of a process here that runs a shell command there."""
        return ["ssh", *self.words, text] if self.words else ["/bin/sh", "-c", text]


class Scene(NamedTuple):
    """What there is to be measured: `far` at the end of `link`, `shared` by a connection that clients share."""

    near: list[Place]
    far: list[Place]
    shared: Place | None
    link: Link | None
    notes: list[str]

    def place(self, *kinds: str) -> Place | None:
        return next((place for place in self.near if place.kind in kinds), None)


@contextlib.contextmanager
def scene(target: str | None) -> Iterator[Scene]:
    """This machine and its sshd, or the user's host alone."""
    if target is not None:
        yield _users_scene(target)
        return
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rproxy-bench-")))
        local = Place("local", "local://", {"endpoint_dir": str(folder / "endpoint")})
        try:
            for name, package in (("ssh", "openssh-client"), ("ssh-keygen", "openssh-client")):
                program(name, package)
            (folder / "keys").mkdir()
            (folder / "sshd").mkdir()
            server = Sshd(folder / "sshd", Keys(folder / "keys"))
        except Missing as missing:
            yield Scene([local], [], None, None, [f"nothing over ssh: {missing}"])
            return
        stack.callback(server.close)
        link = stack.enter_context(Link(server.host, server.port))
        config = _configured(folder, server, link)
        stack.callback(_end_shared, config)
        places = {
            name: [_by_config(kind, name, config) for kind in ("ssh", "paramiko")] for name in ("near", "far", "shared")
        }
        yield Scene([local, *places["near"]], places["far"], places["shared"][0], link, [])


def _users_scene(target: str) -> Scene:
    try:
        place, notes = _of_user(target), [f"{target} alone, and no long link in front of it"]
        with place.connect() as client:
            streams, has_numpy = client.info().channel == "stream", client.has_module("numpy")
    except (rproxy.RProxyError, ValueError) as error:
        raise SystemExit(str(error)) from None
    if not streams:
        notes.append("it holds no stream open, so each call is a command: of bulk and throughput nothing is measured")
    if not has_numpy:
        notes.append("numpy is not there: no arrays are measured")
    return Scene([place._replace(streams=streams, has_numpy=has_numpy)], [], None, None, notes)


def _of_user(target: str) -> Place:
    url = urlsplit(target)
    if url.scheme not in ("ssh", "paramiko"):
        return Place("local" if url.scheme == "local" else "other", target, {}, (), "python3")
    host, user, port = address_of(url)
    words = (*(("-p", str(port)) if port else ()), *(("-l", user) if user else ()), host)
    return Place(url.scheme, target, {}, words, "python3")


def _by_config(kind: str, name: str, config: str) -> Place:
    options = {"ssh_config": config, "python": sys.executable}
    return Place(kind, f"{kind}://{name}", options, ("-F", config, name), config=config)


def _configured(folder: Path, server: Sshd, link: Link) -> str:
    """An ssh_config that calls the server `near`, at the end of the link `far`, and by a shared connection `shared`."""
    with open(server.known_hosts, "a") as known:
        known.write(f"[{link.host}]:{link.port} {server.keys.bare(server.host_key)}\n")
    sharing = ("ControlMaster auto", f"ControlPath {folder}/s", "ControlPersist 60")
    config = folder / "ssh_config"
    config.write_text(
        server.host_lines("near")
        + f"Host far\n  Port {link.port}\n"  # what comes first holds
        + server.host_lines("far")
        + server.host_lines("shared", *sharing)
    )
    return str(config)


def _end_shared(config: str) -> None:
    subprocess.run(["ssh", "-F", config, "-O", "exit", "shared"], capture_output=True, check=False)
