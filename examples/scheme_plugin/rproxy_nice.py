"""``nice://10``: this machine, at niceness 10, so that others come first.

rproxy finds `connector_for` by the entry point in pyproject.toml, and loads this module when the scheme is used.
"""

from urllib.parse import SplitResult

from rproxy import Connector
from rproxy.connectors.prefix import PrefixConnector

LOWEST = 19


def connector_for(url: SplitResult, *, idle_disk: bool = False) -> Connector:
    """The connector of ``nice://LEVEL``.

    Args:
        url: what was given to `connect`.
        idle_disk: also leave the disk to others.

    Raises:
        ValueError: LEVEL is no number from 0 to 19.
    """
    if not (url.netloc.isascii() and url.netloc.isdigit() and int(url.netloc) <= LOWEST):
        raise ValueError(f"write nice://LEVEL with a level from 0 to {LOWEST}, not {url.geturl()!r}")
    words = ["nice", "-n", url.netloc]
    if idle_disk:
        words = ["ionice", "-c", "3", *words]
    return PrefixConnector(words, target=url.geturl())
