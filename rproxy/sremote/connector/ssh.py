"""SRemote's SSH connector, over the system's ``ssh``."""

from typing import Any

from ...connectors.base import Stream
from ...connectors.openssh import OpenSSHConnector
from .base import ClientChannel


class ClientSSHConnector(ClientChannel):
    """Reaches a host by the system's ssh, with all of its configuration.

    Args:
        hostname: as ssh takes it.
        interpreter_route: SRemote's name of a script there; rproxy needs none.
        options: those of ``ssh://``: ``port``, ``identity``, ``known_hosts``, ``ssh_config``, ``ask``, ``options``.
    """

    def __init__(self, hostname: str, interpreter_route: str = "interpreter.sh", **options: Any) -> None:
        super().__init__(hostname, interpreter_route)
        self._options = options

    def auth(
        self, username: str, password: str | None = None, token: str | None = None, home_dir: str | None = None
    ) -> bool:
        """Logs in as a user, by keys and what else the configuration of ssh has, or by a password.

        Returns whether the host has accepted it. `token` and `home_dir` are SRemote's; nothing needs them here.
        """
        connector = OpenSSHConnector(self._hostname, user=username, password=password, **self._options)
        return self._uses(connector, lambda: connector.run("exit 0"))

    def open(self, command: str) -> Stream:
        """Starts a shell command and stays connected to it."""
        connector: Any = self.connector
        opened: Stream = connector.open(command)
        return opened
