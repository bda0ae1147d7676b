"""A client's next session, after one that was lost.

Rules: what may have run is never repeated; what was proven not to have been sent can be, and is if the user wants so.
Modules, functions, blocks and what was registered hold in the next session too; objects were the other one's, and
their numbers are given to no others. Several threads that find a session lost make one new.
"""

import threading
from collections.abc import Callable
from typing import Any, Protocol

from . import log
from .channels import Channel
from .channels.checking import check_link
from .channels.patience import Patience
from .connectors.base import Connector
from .errors import AuthenticationError, ConnectionLost, ConnectorError, HostKeyError

Open = Callable[[dict[str, Any]], Channel]


class Renewable(Protocol):
    """What this needs of a session."""

    target: str
    side: Any
    careful: bool

    @property
    def channel(self) -> Channel: ...
    def start(self, channel: Channel) -> None: ...


class Rejoining:
    """Makes a client's session anew: `open` opens a channel, with more for its Hello.

    `timeout` is how long to try to reach the host where that is automatic, in seconds.
    """

    def __init__(self, session: Renewable, connector: Connector, open: Open, timeout: float) -> None:
        self._session = session
        self._connector = connector
        self._open = open
        self._timeout = timeout
        self._lock = threading.Lock()

    def renew(self) -> None:
        """Ends the session, if it has not ended, and begins another. Raises what connecting raises."""
        with self._lock:
            self._renew(self._session.channel)

    def after(self, lost: Channel, error: ConnectionLost) -> None:
        """Begins another session in the place of one that was lost. Raises ConnectionLost, if that takes too long,
        and what connecting raises that no time can mend."""
        with self._lock:
            patience = Patience(self._timeout)
            while self._session.channel is lost:
                try:
                    self._renew(lost)
                except (AuthenticationError, HostKeyError):
                    raise
                except ConnectorError as problem:
                    if not patience.pause():
                        text = f"{error}\nIt could not be made anew for {self._timeout:g} s: {problem}"
                        raise ConnectionLost(text, may_have_run=False) from problem

    def _renew(self, old: Channel) -> None:
        session = self._session
        target = session.target
        old.lose(ConnectionLost(f"the session with {target} was ended by reconnect()"))
        old.close()
        check_link(self._connector)
        session.side.end_objects()
        session.careful = True
        session.start(self._open({"objects": session.side.gone + 1}))
        session.side.shipping.again()
        log.info("client", "reconnected to %s", target)
