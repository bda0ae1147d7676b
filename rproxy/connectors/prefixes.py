"""The programs that run a command elsewhere, as schemes: what a URL of each means as the words of its command."""

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote

from .urls import shown_url


class Place(NamedTuple):
    """What a URL names: `user` before the @, `name` after it with its path, `query` by its names."""

    user: str
    name: str
    query: Mapping[str, str]


class Prefix(NamedTuple):
    """One program.

    `words` makes the words that go before a command; `form` is what its URL looks like; `query` are the names
    that the URL's query may have, None for any; `users` is whether a user may be named.
    """

    form: str
    words: Callable[[Place], list[str]]
    query: tuple[str, ...] | None = ()
    users: bool = False


def _flags(place: Place, **flags: str) -> list[str]:
    """The options of a program for what the URL's query has, in the order of `flags`."""
    return [word for name, flag in flags.items() if name in place.query for word in (flag, place.query[name])]


def _exec(program: str) -> Callable[[Place], list[str]]:
    return lambda place: [program, "exec", "-i", *(["-u", place.user] if place.user else []), place.name]


def _kubectl(place: Place) -> list[str]:
    flags = _flags(place, context="--context", namespace="-n", container="-c")
    return ["kubectl", "exec", "-i", *flags, place.name, "--"]


def _apptainer(place: Place) -> list[str]:
    return ["apptainer", "exec", *_flags(place, bind="--bind"), place.name]


PREFIXES: dict[str, Prefix] = {
    "docker": Prefix("docker://[user@]container", _exec("docker"), users=True),
    "podman": Prefix("podman://[user@]container", _exec("podman"), users=True),
    "kubectl": Prefix(
        "kubectl://pod?container=...&namespace=...&context=...", _kubectl, ("container", "namespace", "context")
    ),
    "apptainer": Prefix("apptainer://image.sif?bind=...", _apptainer, ("bind",)),
    # -n: a password cannot be asked for where the command's input is
    "sudo": Prefix("sudo://user", lambda place: ["sudo", "-n", "-H", "-u", place.name, "--"]),
    "chroot": Prefix("chroot:///folder", lambda place: ["chroot", place.name]),
    "env": Prefix(
        "env://?NAME=value", lambda place: ["env", *(f"{name}={value}" for name, value in place.query.items())], None
    ),
}


def prefix_words(url: SplitResult) -> list[str]:
    """The words that go before a command. Raises ValueError for a URL that its scheme has not."""
    prefix, shown = PREFIXES[url.scheme], shown_url(url)
    wanted = f"; write {prefix.form}"
    try:
        pairs = parse_qsl(url.query, keep_blank_values=True, strict_parsing=bool(url.query))
    except ValueError:
        raise ValueError(f"what follows the ? in {shown!r} is no list of name=value{wanted}") from None
    user, _, host = url.netloc.rpartition("@")
    place = Place(unquote(user), unquote(host + url.path), dict(pairs))
    names = [name for name, _ in pairs]
    for name in names:
        if not name or "\0" in name + place.query[name] or (prefix.query is not None and name not in prefix.query):
            raise ValueError(f"{url.scheme}:// knows no {name!r} in {shown!r}{wanted}")
        if names.count(name) > 1:
            raise ValueError(f"{shown!r} has {name!r} more than once{wanted}")
    if url.fragment:
        raise ValueError(f"{shown!r} has a #, which is written %23 in a name{wanted}")
    if place.user and not prefix.users:
        raise ValueError(f"{url.scheme}:// takes nothing before an @, and {shown!r} has it{wanted}")
    if bool(place.name) == (url.scheme == "env"):
        raise ValueError(f"{shown!r} {'names too much' if place.name else 'does not name a place'}{wanted}")
    for word in (place.user, place.name):
        if word.startswith("-") or "\0" in word:
            raise ValueError(f"{word!r} in {shown!r} would be an option of {url.scheme}, not a name{wanted}")
    return prefix.words(place)
