"""From what the user calls a host to a connector."""

import difflib
import inspect
from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from .connectors.base import Connector

#: Other distributions add schemes under this entry-point group: a function of (url, **options).
GROUP = "rproxy.connectors"


def _local(url: SplitResult, **options: Any) -> Connector:
    from .connectors.local import LocalConnector

    if url.netloc or url.path.strip("/"):
        raise ValueError(f"local:// takes no host or path; {url.geturl()!r} has one")
    return LocalConnector(**options)


def _paramiko(url: SplitResult, **options: Any) -> Connector:
    from .connectors.paramiko import ParamikoConnector  # loads paramiko, which takes a while

    if not url.hostname or url.path.strip("/") or url.query or url.password is not None:
        raise ValueError(f"paramiko:// takes [user@]host[:port], and password= as an option; not {url.geturl()!r}")
    user = None if url.username is None else unquote(url.username)
    return ParamikoConnector(_host(url), user, url.port, **options)


def _host(url: SplitResult) -> str:
    """The host as it was written: names in an ssh_config may have capitals."""
    return unquote(url.netloc.rpartition("@")[2].partition(":")[0]) if "[" not in url.netloc else url.hostname or ""


_BUILTIN: dict[str, Callable[..., Connector]] = {"local": _local, "paramiko": _paramiko}


def schemes() -> dict[str, Callable[..., Connector]]:
    """The schemes that can be used, by name."""
    from importlib.metadata import entry_points  # 20 ms that the built-in schemes need not pay

    found = dict(_BUILTIN)
    for entry in entry_points(group=GROUP):
        found.setdefault(entry.name, _Entry(entry))
    return found


class _Entry:
    """A scheme of another distribution, loaded when it is used."""

    def __init__(self, entry: Any) -> None:
        self._entry = entry

    def __call__(self, url: SplitResult, **options: Any) -> Connector:
        made: Connector = self._entry.load()(url, **options)
        return made


def connector_for(target: Any, options: dict[str, Any]) -> Connector:
    """The connector for a URL, or the instance itself. Raises TypeError or ValueError for anything else."""
    if isinstance(target, Connector):
        if options:
            raise TypeError(f"options of a connector go to its constructor: {', '.join(sorted(options))}")
        return target
    if target is None:
        target = "local://"
    if not isinstance(target, str):
        raise TypeError(f"a target is a URL such as 'local://', or a Connector, not {target!r}")
    url = urlsplit(target)
    if not url.scheme or "://" not in target:
        raise ValueError(
            f"{target!r} is no target: write scheme://..., with a scheme of {', '.join(sorted(schemes()))}"
        )
    factory = _BUILTIN.get(url.scheme) or schemes().get(url.scheme)
    if factory is None:
        raise ValueError(f"unknown scheme {url.scheme!r}{closest(url.scheme, schemes())}")
    check_options(factory, options, url.scheme)
    return factory(url, **options)


def check_options(factory: Any, options: dict[str, Any], scheme: str) -> None:
    """Raises TypeError for an option that this scheme's connector has not."""
    if factory is _local:
        from .connectors.local import LocalConnector

        factory = LocalConnector
    if factory is _paramiko:
        from .connectors.paramiko import ParamikoConnector

        factory = ParamikoConnector
    if isinstance(factory, _Entry):
        return  # its own function knows
    known = [name for name in inspect.signature(factory).parameters if name not in ("args", "kwargs", "url")]
    for name in options:
        if name not in known:
            raise TypeError(f"{scheme}:// has no option {name!r}{closest(name, [*known, *COMMON])}")


#: What `connect` itself takes, for suggestions.
COMMON = ("python", "setup", "serializer", "trust", "endpoint_dir", "tmp_dir")


def closest(word: str, known: Any) -> str:
    """The end of an error message: what was probably meant, and what there is."""
    found = difflib.get_close_matches(word, list(known), 1)
    guess = f"; did you mean {found[0]!r}? There is" if found else "; there is"
    return f"{guess}: {', '.join(sorted(known))}"
