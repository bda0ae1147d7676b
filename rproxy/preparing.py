"""What a client needs before it connects."""

import importlib
from typing import TYPE_CHECKING

from . import blocks, log, operations
from .connectors.base import Connector
from .deployment.launcher import Launcher

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


def watch_for(target: str) -> "Watch | None":
    """Who watches the messages of a client, if somebody wants to see them."""
    if not log.is_watching():
        return None
    found: Watch = importlib.import_module(".tracing", __package__).watch(target)
    return found


def get_ready() -> None:
    """Loads what the first calls need, and takes long: while the far side starts nobody waits for it."""
    importlib.import_module(".proxies.faces", __package__)
    operations.get_ready()
