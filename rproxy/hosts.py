"""What a client does with its host as a whole: what it is, what is deployed there, which modules it has.

Rules: what changes the host runs there, as a call like any other; a refusal of the host is an error that says
where, and what to do.
"""

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

from .deployment.bundle import bundle
from .deployment.launcher import Launcher
from .errors import RemoteExecError, RemoteModulesError, RemoteNotSetupError, RProxyError
from .session import Session

#: Where the endpoint says that it is while it runs from memory.
_MEMORY = "<memory>"
Progress = Callable[[str], None]


class Info(NamedTuple):
    """What a host is: memory in bytes (None if it does not tell), round trip in seconds.

    `endpoint` is the endpoint's folder there, or ``memory`` where none could be written.
    """

    target: str
    python: str
    implementation: str
    executable: str
    platform: str
    host: str
    cores: int
    memory: int | None
    endpoint: str
    channel: str
    round_trip: float


def gather(session: Session, round_trip: float) -> Info:
    """What the host is."""
    told = session.ask("rproxy_endpoint.facts", "gather", ())
    channel = session.channel
    folder = channel.facts["folder"]
    return Info(
        target=session.target, endpoint="memory" if folder == _MEMORY else folder,
        channel=channel.name, round_trip=round_trip, **told,
    )  # fmt: skip


def deploy(session: Session, launcher: Launcher, progress: Progress | None) -> str:
    """Puts the endpoint in its place, or mends it there; returns its folder. Raises RemoteNotSetupError."""
    tell = progress or (lambda text: None)
    name, packed, rest = bundle()
    tell(f"deploys {name} ({(len(packed) + len(rest)) / 1000:.0f} kB) to {launcher.root} on {session.target}")
    try:
        folder = str(session.ask("rproxy_endpoint.deployment", "deploy_whole", (launcher.root, name, packed, rest)))
    except RemoteExecError as error:
        if not isinstance(error, OSError):
            raise
        mend = "Name a folder that can be written: connect(..., endpoint_dir=...)."
        raise RemoteNotSetupError(
            f"the endpoint cannot be deployed to {launcher.root} on {session.target}: {error}\n{mend}"
        ).at("folders", mend) from error
    tell(f"the endpoint is in {folder}")
    return folder


def undeploy(session: Session, launcher: Launcher) -> list[str]:
    """Removes what rproxy has put there; returns what others use, which stays."""
    where = (launcher.root, launcher.tmp, session.channel.folder)
    kept = list(map(str, session.ask("rproxy_endpoint.removal", "remove", where)))
    launcher.deploy = False  # the last command of a client must not bring it back
    return kept


def still_in_use(target: str, kept: list[str]) -> RProxyError:
    """The error of an `undeploy` that had to leave something."""
    return RProxyError(
        f"other clients use what rproxy has on {target}, so these stay: {', '.join(kept)}\n"
        "Close those clients, and undeploy once more."
    )


def check_module(session: Session, name: str) -> None:
    """Raises RemoteModulesError for a module that is missing there, or has another version than here."""
    there, version = session.ask("rproxy_endpoint.facts", "version", (name,))
    target = session.target
    if not there:
        raise RemoteModulesError(f"{target} has no module {name!r}; install it there: client.install({name!r})")
    own = _own_version(name)
    if own is not None and own != version:
        raise RemoteModulesError(
            f"the module {name!r} is version {version or 'unknown'} on {target}, and {own} here; "
            "install the same version on both"
        )


def _own_version(name: str) -> str | None:
    """The version of a local module, or None if there is none."""
    metadata: Any = importlib.import_module("importlib.metadata")  # slow to import, and seldom needed
    try:
        return str(metadata.version(name))
    except metadata.PackageNotFoundError:
        try:
            return getattr(importlib.import_module(name), "__version__", None)
        except ImportError:
            return None
