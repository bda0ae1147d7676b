"""What a client needs before it connects."""

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import blocks, log, scanning
from .channels import ChannelOptions
from .channels.opening import check_seconds
from .connectors.base import Connector
from .deployment.launcher import Launcher
from .session import Session

if TYPE_CHECKING:
    from .tracing import Watch


def launcher_for(
    connector: Connector,
    python: str | None,
    setup: str | None,
    endpoint_dir: str | None,
    tmp_dir: str | None,
    deploy: bool,
) -> Launcher:
    """How to start the endpoint. Raises TypeError or ValueError for what cannot be meant."""
    if setup is not None and not isinstance(setup, str):
        raise TypeError(f"setup is a text of shell lines, not {setup!r}")
    python = connector.python if python is None else python
    endpoint_dir = connector.sremote_dir if endpoint_dir is None else endpoint_dir
    tmp_dir = connector.tmp_dir if tmp_dir is None else tmp_dir
    return Launcher(
        None if python is None else blocks.check_path(python, "python"), setup or "",
        blocks.check_path(endpoint_dir, "endpoint_dir"),
        None if tmp_dir is None else blocks.check_path(tmp_dir, "tmp_dir"), deploy,
    )  # fmt: skip


def options_for(
    session: Session, connector: Connector, launcher: Launcher, trust: Sequence[str], keepalive: float | None
) -> ChannelOptions:
    """What the channels of a client need to know. Raises TypeError or ValueError for a wrong `keepalive`."""
    silence = None if keepalive is None else check_seconds("keepalive", keepalive)
    told = {"serializer": session.serializer, "trust": list(trust), "tmp": launcher.tmp}
    return ChannelOptions(
        target=connector.target,
        launcher=launcher,
        side=session.side,
        codec=session.choose_codec,
        hello={**told, "keepalive": silence if connector.network else None},
        ambient=session.shown,
        before=session.side.notices,
        lender=session.side.loans.answer,
        watch=_watch_for(connector.target),
        keepalive=silence,
    )


def _watch_for(target: str) -> "Watch | None":
    if not log.is_watching():
        return None
    found: Watch = importlib.import_module(".tracing", __package__).watch(target)
    return found


def get_ready() -> None:
    """Loads what the first calls need, and takes long: while the far side starts nobody waits for it."""
    importlib.import_module(".proxies.faces", __package__)
    scanning.get_ready()
