"""From what the user calls a host to a connector."""

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from .connectors.base import Connector
from .connectors.urls import shown_url

if TYPE_CHECKING:
    from urllib.parse import SplitResult

#: Other distributions add schemes under this entry-point group: a function of (url, **options).
GROUP = "rproxy.connectors"


def _local(url: "SplitResult", **options: Any) -> Connector:
    from .connectors.local import LocalConnector

    if url.netloc or url.path.strip("/"):
        raise ValueError(f"local:// takes no host or path; {shown_url(url)!r} has one")
    return LocalConnector(**options)


def _ssh(url: "SplitResult", **options: Any) -> Connector:
    host, user, port = address_of(url)
    for name, value in (("user", user), ("port", port)):
        if value is not None and options.setdefault(name, value) != value:
            raise TypeError(f"{name} is given twice, in {shown_url(url)!r} and as an option")
    made: Connector = _class(url.scheme)(host, **options)
    return made


def _prefixed(url: "SplitResult", **options: Any) -> Connector:
    from .connectors.prefix import PrefixConnector
    from .connectors.prefixes import prefix_words

    words, via = prefix_words(url), options.pop("via", None)
    if via is not None:
        options["via"] = connector_for(via, {})
    return PrefixConnector(words, target=shown_url(url) + (f" via {options['via'].target}" if via else ""), **options)


def _service(url: "SplitResult", **options: Any) -> Connector:
    machine, user, port = address_of(url)
    if port is not None or (user is not None and url.scheme != "newt"):
        raise ValueError(f"{url.scheme}:// is followed by the name of a machine, and no more: not {shown_url(url)!r}")
    if user is not None and options.setdefault("username", user) != user:
        raise TypeError(f"username is given twice, in {shown_url(url)!r} and as an option")
    made: Connector = _class(url.scheme)(machine, **options)
    return made


class Address(NamedTuple):
    """What a URL says of a host; None for what it leaves open."""

    host: str
    user: str | None
    port: int | None


def address_of(url: "SplitResult") -> Address:
    """The host of scheme://[user@]host[:port], as it was written. Raises ValueError for anything else."""
    form = f"write {url.scheme}://[user@]host[:port]"
    from urllib.parse import unquote

    user, at, place = url.netloc.rpartition("@")
    if ":" in user:
        raise ValueError(f"a password does not go into a URL, where others see it: use password=; {form}")
    if place.startswith("["):
        host = (url.hostname or "").replace("%25", "%", 1)  # what URLs have before the interface of a local address
    else:  # names of an ssh_config may have capitals, which url.hostname has not
        host = unquote(place.partition(":")[0])
        form += ", and brackets around an IPv6 address" if place.count(":") > 1 else ""
    if not host or (at and not user) or url.path.strip("/") or url.query or url.fragment:
        raise ValueError(f"{shown_url(url._replace(netloc=place))!r} is no address; {form}")
    try:
        port = url.port
    except ValueError as error:
        raise ValueError(f"{shown_url(url)!r} has no port that can be meant: {error}; {form}") from None
    if port == 0:
        raise ValueError(f"{shown_url(url)!r} has the port 0, which is none; {form}")
    return Address(host, unquote(user) if at else None, port)


_PREFIXED = ("docker", "podman", "kubectl", "apptainer", "sudo", "chroot", "env")
_BUILTIN: dict[str, Callable[..., Connector]] = {
    "local": _local,
    "ssh": _ssh,
    "paramiko": _ssh,
    "newt": _service,
    "sfapi": _service,
    **dict.fromkeys(_PREFIXED, _prefixed),
}
#: The class whose arguments are a scheme's options: its module, and its name.
_CLASSES = {
    "local": (".connectors.local", "LocalConnector"),
    "ssh": (".connectors.openssh", "OpenSSHConnector"),
    "paramiko": (".connectors.paramiko", "ParamikoConnector"),
    "newt": (".connectors.newt", "NewtConnector"),
    "sfapi": (".connectors.sfapi", "SfapiConnector"),
    **dict.fromkeys(_PREFIXED, (".connectors.prefix", "PrefixConnector")),
}


def _class(scheme: str) -> Any:
    module, name = _CLASSES[scheme]
    return getattr(importlib.import_module(module, __package__), name)


#: Arguments of those classes that come from the URL.
_OF_URL = ("args", "kwargs", "url", "host", "machine", "prefix", "target")


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

    def __call__(self, url: "SplitResult", **options: Any) -> Connector:
        made: Connector = self._entry.load()(url, **options)
        return made


def connector_for(target: Any, options: dict[str, Any]) -> Connector:
    """The connector for a URL, or the instance itself. Raises TypeError or ValueError for anything else."""
    if isinstance(target, Connector):
        if options:
            raise TypeError(f"options of a connector go to its constructor: {', '.join(sorted(options))}")
        return target
    if target is None:
        check_options(_local, options, "local")
        return _class("local")(**options)  # type: ignore[no-any-return]
    if not isinstance(target, str):
        raise TypeError(f"a target is a URL such as 'local://', or a Connector, not {target!r}")
    from urllib.parse import urlsplit

    try:
        url = urlsplit(target)
    except ValueError as error:  # brackets, which are for IPv6 addresses
        raise ValueError(f"{target!r} is no target: {error}; write such as ssh://me@host or ssh://[::1]:22") from None
    if not url.scheme or "://" not in target:
        raise ValueError(
            f"{target!r} is no target: write scheme://..., such as ssh://me@host, with a scheme of "
            f"{', '.join(sorted(schemes()))}"
        )
    factory = _BUILTIN.get(url.scheme) or schemes().get(url.scheme)
    if factory is None:
        raise ValueError(f"unknown scheme {url.scheme!r}{closest(url.scheme, schemes())}")
    check_options(factory, options, url.scheme)
    return factory(url, **options)


def check_options(factory: Any, options: dict[str, Any], scheme: str) -> None:
    """Raises TypeError for an option that this scheme's connector has not."""
    if isinstance(factory, _Entry) or not options:
        return  # another distribution's own function knows
    if factory is _BUILTIN.get(scheme) and scheme in _CLASSES:
        factory = _class(scheme)
    import inspect

    between = (
        "; options of the host in between go to its connector, via=OpenSSHConnector(...)" if "via" in options else ""
    )
    known = [name for name in inspect.signature(factory).parameters if name not in _OF_URL]
    for name in options:
        if name not in known:
            raise TypeError(f"{scheme}:// has no option {name!r}{closest(name, [*known, *COMMON])}{between}")


#: What `connect` itself takes, for suggestions.
COMMON = tuple("python setup serializer trust endpoint_dir tmp_dir deploy resident idle_timeout session".split())


def closest(word: str, known: Any) -> str:
    """The end of an error message: what was probably meant, and what there is."""
    import difflib

    found = difflib.get_close_matches(word, list(known), 1)
    guess = f"; did you mean {found[0]!r}? There is" if found else "; there is"
    return f"{guess}: {', '.join(sorted(known))}"
