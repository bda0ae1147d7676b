"""Whether a link is sound over which nothing has come for long."""

import threading

from ..connectors.base import Connector
from ..errors import CallTimeout, ConnectionLost, ConnectorError

#: How long a host may take to say that the link to it is sound, in seconds.
SOUND = 5.0


def check_link(connector: Connector) -> None:
    """Has the connector connect anew, unless the host answers."""
    answered: list[bool] = []

    def ask() -> None:
        try:
            connector.run("exit 0", timeout=SOUND)
        except (CallTimeout, ConnectionLost):
            return
        except ConnectorError:
            answered.append(False)  # connecting tells the same, and is waited for
        answered.append(True)

    if connector.network:
        asked = threading.Thread(target=ask, name="rproxy link", daemon=True)
        asked.start()
        asked.join(SOUND)
        if not answered:
            connector.renew()
