"""What went wrong, from what ssh said: the type of the error, and the mend."""

import re

from ...errors import AuthenticationError, ConnectorError, HostKeyError
from .prompts import is_about_host_key
from .settings import Settings

#: ssh's own exit code; a command may have it too.
FAILED = 255


def unanswered(settings: Settings, prompt: str) -> ConnectorError:
    """For a question that nobody could answer."""
    if is_about_host_key(prompt):
        mend = _learn(settings)
        return HostKeyError(
            f"the host key of ssh://{settings.target} is not known here. ssh asked:\n{prompt.strip()}\n{mend}"
        ).at("host key", mend)
    mend = (
        "Give password= or ask= (a function of the question that returns the answer), load the key into "
        "ssh-agent, or run this at a terminal."
    )
    return AuthenticationError(
        f"ssh://{settings.target} wants an answer that nobody gave. ssh asked:\n{prompt.strip()}\n{mend}"
    ).at("authentication", mend)


def failure(settings: Settings, said: str, asked: str = "") -> ConnectorError:
    """For an ssh that ended before it reached the host; `asked` is the last question without an answer."""
    target = f"ssh://{settings.target}"
    told = f". ssh said:\n{said}" if said else ", and ssh did not say why"
    for pattern, stage, what, how in _KNOWN:
        if re.search(pattern, said):
            kind, mend = _KINDS.get(stage, ConnectorError), how.format(**_names(settings))
            return kind(f"{what.format(target)}{told}\n{mend}").at(stage, mend)
    if asked:
        return unanswered(settings, asked)
    mend = f"See what `{settings.by_hand} -v` tells."
    return ConnectorError(f"cannot reach {target}{told}\n{mend}").at("connection", mend)


def _names(settings: Settings) -> dict[str, str]:
    host, port = settings.found.get("hostname", settings.host), settings.found.get("port", "22")
    return {
        "known": host if port == "22" else f"[{host}]:{port}",
        "host": host,
        "port": port,
        "learn": _learn(settings),
    }


def _learn(settings: Settings) -> str:
    host, port = settings.found.get("hostname", settings.host), settings.found.get("port", "22")
    return (
        f"Run `{settings.by_hand}` once at a terminal and compare the fingerprint with the host's own, or get "
        f"its keys from a network that you trust: `ssh-keyscan -p {port} {host} >> ~/.ssh/known_hosts`."
    )


_KINDS: dict[str, type[ConnectorError]] = {"host key": HostKeyError, "authentication": AuthenticationError}
#: What ssh says, the stage at which it fails then, the error's first words, the mend.
_KNOWN: list[tuple[str, str, str, str]] = [
    (
        r"HOST IDENTIFICATION HAS CHANGED",
        "host key",
        "the host key of {} is not the one that is known: somebody may be in between",
        "If the host has got a new key, and its owner confirms it: `ssh-keygen -R '{known}'`, then connect again.",
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
        "Check the network, a VPN, a firewall; connect_timeout= sets how long to wait.",
    ),
    (
        r"kex_exchange_identification|Connection (closed|reset) by|banner exchange",
        "connection",
        "{} closed the connection before the login",
        "Check that port {port} is sshd's, and that it does not bar this address.",
    ),
]
