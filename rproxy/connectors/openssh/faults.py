"""What went wrong, from what ssh said: the type of the error, and the mend."""

import re
import shlex

from ...errors import AuthenticationError, ConnectorError, HostKeyError
from .prompts import is_about_host_key
from .settings import Place, Settings

#: ssh's own exit code; a command may have it too.
FAILED = 255


def unanswered(settings: Settings, prompt: str) -> ConnectorError:
    """For a question that nobody could answer."""
    target = f"ssh://{settings.target}"
    if is_about_host_key(prompt):
        mend, place = _learn(settings, prompt), _place(settings, prompt)
        who = target if place == settings.place else f"{place.shown}, on the way to {target},"
        return HostKeyError(f"the host key of {who} is not known here. ssh asked:\n{prompt.strip()}\n{mend}").at(
            "host key", mend
        )
    mend = (
        "Give password= or ask= (a function of the question that returns the answer), load the key into "
        "ssh-agent, or run this at a terminal."
    )
    return AuthenticationError(f"{target} wants an answer that nobody gave. ssh asked:\n{prompt.strip()}\n{mend}").at(
        "authentication", mend
    )


def silent(settings: Settings, seconds: float) -> ConnectorError:
    """For a host that has not let ssh in for so long, and not said why."""
    return ConnectorError(f"ssh://{settings.target} does not answer within {seconds:g} s\n{_SILENT}").at(
        "connection", _SILENT
    )


def was_not_let_in(said: str) -> bool:
    """Whether an ssh says that it has come no further than the login."""
    return any(stage in _KINDS and re.search(pattern, said) for pattern, stage, _, _ in _KNOWN)


def failure(settings: Settings, said: str, asked: str = "") -> ConnectorError:
    """For an ssh that ended before it reached the host; `asked` is the last question without an answer."""
    said = said.replace("\r\n", "\n")
    told = f". ssh said:\n{said}" if said else ", and ssh did not say why"
    who, before = _who(settings, said)
    for pattern, stage, what, how in _KNOWN:
        if re.search(pattern, said):
            kind, place = _KINDS.get(stage, ConnectorError), _place(settings, said)
            mend = how.format(
                known=place.shown, port=place.port, learn=_learn(settings, said), file=_file(settings, place, " -f ")
            )
            if before and stage != "host key":
                mend = _mend_before(settings, before, stage)
            return kind(f"{what.format(who)}{told}\n{mend}").at(stage, mend)
    if asked:
        return unanswered(settings, asked)
    mend = f"See what `{settings.by_hand} -v` tells."
    return ConnectorError(f"cannot reach ssh://{settings.target}{told}\n{mend}").at("connection", mend)


def _who(settings: Settings, said: str) -> tuple[str, str]:
    """Of whom ssh speaks, and what is on the way to the host if it is that."""
    target, before = f"ssh://{settings.target}", settings.over
    if before and "stdio forwarding failed" in said:
        return f"{target}, as seen from {before},", ""
    if before and re.search("kex_exchange_identification|UNKNOWN port", said):
        return f"what is on the way to {target} ({before})", before
    return target, ""


def _place(settings: Settings, said: str) -> Place:
    """The host and port that ssh's words name, or those that it connects to."""
    found = _NAMED.search(said)
    if found is None or (found["only"] and found["only"] == settings.found.get("hostkeyalias")):
        return settings.place
    named = Place(found["host"] or found["name"] or found["only"], found["port"] or found["number"] or "22")
    return settings.place if named == settings.place.lower() else named


def _learn(settings: Settings, said: str) -> str:
    place = _place(settings, said)
    return (
        f"Run `{settings.by_hand}` once at a terminal and compare the fingerprint with the host's own, or get "
        f"its keys from a network that you trust: "
        f"`ssh-keyscan -p {place.port} {place.host} >> {_file(settings, place) or '~/.ssh/known_hosts'}`."
    )


def _file(settings: Settings, place: Place, flag: str = "") -> str:
    """The file of known hosts that the user has named for the host, as words of a command."""
    named = settings.known_hosts if place == settings.place else []
    return flag + shlex.quote(named[0]) if named else ""


def _mend_before(settings: Settings, before: str, stage: str) -> str:
    """What to do about what is on the way."""
    if stage == "authentication":
        return (
            f"identity= and password= are for ssh://{settings.target} alone: what a host on the way takes stands in "
            "its section of the ssh_config, or comes from an agent or from ask=."
        )
    if settings.found.get("proxyjump"):
        return f"Try `ssh {before.partition(',')[0]}` by hand."
    return "Try its ProxyCommand by hand."


#: How ssh names a host, as it connects to it and as it speaks of its key.
_NAMED = re.compile(
    r"connect to host (?P<host>\S+) port (?P<port>\d+)|"
    r"(?:authenticity of host '|[Hh]ost key (?:is known )?for )"
    r"(?:\[(?P<name>[^\]]+)\]:(?P<number>\d+)|(?P<only>[^\s']+))"
)
_SILENT = "Check the network, a VPN, a firewall; connect_timeout= sets how long to wait."
_KINDS: dict[str, type[ConnectorError]] = {"host key": HostKeyError, "authentication": AuthenticationError}
#: What ssh says, the stage at which it fails then, the error's first words, the mend.
_KNOWN: list[tuple[str, str, str, str]] = [
    (
        r"HOST IDENTIFICATION HAS CHANGED",
        "host key",
        "the host key of {} is not the one that is known: somebody may be in between",
        "If it has got a new key, and its owner confirms that: `ssh-keygen -R '{known}'{file}`, then connect again.",
    ),
    (r"REVOKED HOST KEY", "host key", "the host key of {} is revoked", "Ask the host's owner for its new one."),
    (
        r"Host key verification failed|host key is known for|host key for .* has changed",
        "host key",
        "the host key of {} is not accepted",
        "{learn}",
    ),
    (
        r"Permission denied \(|Too many authentication failures|No more authentication methods",
        "authentication",
        "{} does not accept who you say you are",
        "It takes the methods in parentheses. Name a key with identity=, give password= or ask=, or see what "
        "`ssh -v` tells.",
    ),
    (
        r"Could not resolve hostname",
        "name resolution",
        "the name of {} is not known",
        "Check its spelling, and whether it needs a VPN or a section of ~/.ssh/config.",
    ),
    (
        r"Connection refused",
        "connection",
        "{} refuses the connection",
        "Check that sshd runs there, and listens on port {port}.",
    ),
    (
        r"timed out|No route to host|Network is unreachable",
        "connection",
        "{} does not answer",
        _SILENT,
    ),
    (
        r"kex_exchange_identification|Connection (closed|reset) by|banner exchange",
        "connection",
        "{} closed the connection before the login",
        "Check that port {port} is sshd's, and that it does not bar this address.",
    ),
]
