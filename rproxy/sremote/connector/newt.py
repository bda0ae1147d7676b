"""SRemote's connector of NERSC's NEWT service."""

from typing import Any

from ...connectors.newt import NewtConnector
from .base import ClientChannel


class ClientNEWTConnector(ClientChannel):
    """Reaches a machine by a NEWT service.

    Args:
        hostname: the name of the machine, as the service has it (``edison``).
        interpreter_route: SRemote's name of a script there; rproxy needs none.
        options: those of ``newt://``, as ``base_url``.
    """

    def __init__(self, hostname: str, interpreter_route: str = "interpreter.sh", **options: Any) -> None:
        super().__init__(hostname, interpreter_route)
        self._options = options

    def auth(
        self, username: str, password: str | None = None, token: str | None = None, home_dir: str | None = None
    ) -> bool:
        """Logs in by a password, or by the token of a session. Returns whether the service has accepted it."""
        connector = NewtConnector(self._hostname, **self._options)
        return self._uses(connector, lambda: connector.auth(username, password, token))
