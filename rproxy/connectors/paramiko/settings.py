"""How to connect to one host: what the URL and the options say, then its ssh_config, then what is usual.

Rules: every value is checked here, before anything is sent; what is not read is none of ours, not an error.
"""

import os
import re
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ...errors import ConnectorError
from .ssh_config import Reader, expand

USER_CONFIG = "~/.ssh/config"
SYSTEM_CONFIG = "/etc/ssh/ssh_config"
KEYS = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")
KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
SYSTEM_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
METHODS = ("publickey", "keyboard-interactive", "password")
CONNECT_TIMEOUT = 30.0
#: By how often and how many keepalives a dead link is found out: seconds, times.
ALIVE = (15, 3)


class Options(NamedTuple):
    """What the user of the connector says, for the host and for those on the way to it."""

    identity: Sequence[str] = ()
    known_hosts: Sequence[str] = ()
    ssh_config: str | None = None
    password: str | None = None
    ask: Callable[[str], str | None] | None = None
    accept_host_key: str | None = None
    on_new_host_key: Callable[[str, str, str], object] | None = None
    connect_timeout: float | None = None

    def for_jump(self) -> "Options":
        """Without what is meant for the last host alone."""
        return self._replace(identity=(), password=None, accept_host_key=None)

    def until(self, moment: float | None) -> "Options":
        """The same for a connection that is of no use after that time of `time.monotonic()`."""
        if moment is None:
            return self
        left = max(0.1, moment - time.monotonic())
        return self._replace(connect_timeout=left if self.connect_timeout is None else min(left, self.connect_timeout))


class Settings(NamedTuple):
    """How to connect to one host; paths are absolute, times in seconds."""

    alias: str
    hostname: str
    port: int
    user: str
    identities: list[str]
    chosen_identities: bool  # by the user, not the usual ones
    identities_only: bool
    certificates: list[str]
    agent: str | None
    jumps: list[str]
    proxy_command: str | None
    key_name: str
    known_hosts: list[str]
    system_known_hosts: list[str]
    new_host_keys: str  # "ask", "accept"
    hash_known_hosts: bool
    alive_interval: int
    alive_count: int
    connect_timeout: float
    methods: list[str]
    family: str
    compression: bool
    silent: bool  # nobody is to be asked

    @property
    def address(self) -> str:
        """user@host:port, as errors call it."""
        host = f"[{self.hostname}]" if ":" in self.hostname else self.hostname
        return f"{self.user}@{host}:{self.port}"

    def way(self) -> dict[str, str]:
        """The stages behind the connection."""
        return {"host key": "accepted", "authentication": f"as {self.user}"}

    @property
    def bare_key_name(self) -> str:
        """What certificates call it: without the port."""
        return self.hostname.lower() if self.key_name.startswith("[") else self.key_name


def settings_for(alias: str, user: str | None, port: int | None, options: Options) -> Settings:
    """The settings of a host. Raises ConnectorError for an ssh_config that cannot be meant."""
    given = {name: str(value) for name, value in (("user", user), ("port", port)) if value is not None}
    reader = Reader(alias, given)
    said = _Said(reader, _configs(options.ssh_config))
    try:
        return _settings(said, alias, options)
    except ValueError as error:
        raise ConnectorError(f"the ssh_config of {alias}: {error}") from None


def _settings(said: "_Said", alias: str, options: Options) -> Settings:
    reader = said.reader
    hostname, port = reader.host(), said.number("port", 22)
    if not 0 < port < 65536:
        raise ValueError(f"port is a number from 1 to 65535, not {port}")
    identities = [*options.identity, *said.paths("identityfile", () if options.identity else KEYS)]
    usual_name = hostname.lower() if port == 22 else f"[{hostname.lower()}]:{port}"
    strict = said.word("stricthostkeychecking", "ask")
    timeout = options.connect_timeout
    methods = said.word("preferredauthentications", ",".join(METHODS)).split(",")
    jumps = said.word("proxyjump", "none")
    command = said.word("proxycommand", "none")
    return Settings(
        alias=alias,
        hostname=hostname,
        port=port,
        user=reader.user(),
        identities=identities,
        chosen_identities=bool(options.identity) or said.has("identityfile"),
        identities_only=said.flag("identitiesonly"),
        certificates=said.paths("certificatefile"),
        agent=_agent(said),
        jumps=[] if jumps == "none" else expand(jumps, reader.tokens()).split(","),
        proxy_command=None if command == "none" else expand(command, reader.tokens()),
        key_name=said.word("hostkeyalias") or usual_name,
        known_hosts=list(options.known_hosts) or said.paths("userknownhostsfile", KNOWN_HOSTS),
        system_known_hosts=said.paths("globalknownhostsfile", SYSTEM_KNOWN_HOSTS),
        new_host_keys="accept" if strict in ("no", "off", "accept-new") else "ask",
        hash_known_hosts=said.flag("hashknownhosts"),
        alive_interval=said.number("serveraliveinterval", ALIVE[0]),
        alive_count=said.number("serveralivecountmax", ALIVE[1]),
        connect_timeout=float(said.number("connecttimeout", 0) or CONNECT_TIMEOUT) if timeout is None else timeout,
        methods=[name for name in methods if name in METHODS and said.flag(_SWITCHES[name], True)],
        family=said.word("addressfamily", "any"),
        compression=said.flag("compression"),
        silent=said.flag("batchmode"),
    )


_SWITCHES = {
    "publickey": "pubkeyauthentication", "password": "passwordauthentication",
    "keyboard-interactive": "kbdinteractiveauthentication",
}  # fmt: skip


class _Said:
    """The files' words as values. Its methods raise ValueError."""

    def __init__(self, reader: Reader, paths: list[str]) -> None:
        self.reader = reader
        self._words = reader.read(paths)

    def word(self, keyword: str, default: str = "") -> str:
        return self._words.get(keyword, [default])[0]

    def flag(self, keyword: str, default: bool = False) -> bool:
        return self.word(keyword, "yes" if default else "no").lower() in ("yes", "true")

    def has(self, keyword: str) -> bool:
        return keyword in self._words

    def number(self, keyword: str, default: int) -> int:
        """A number, or a time as ``1m30s``, in seconds."""
        word = self.word(keyword, str(default)).lower()
        if word == "none":
            return 0
        if re.fullmatch(r"(\d+[smhdw]?)+", word) is None:
            raise ValueError(f"{keyword} is a number, not {word!r}")
        parts = re.findall(r"(\d+)([smhdw]?)", word)
        return sum(int(number) * {"m": 60, "h": 3600, "d": 86400, "w": 604800}.get(unit, 1) for number, unit in parts)

    def paths(self, keyword: str, default: Sequence[str] = ()) -> list[str]:
        given = self._words.get(keyword, list(default))
        return [self.path(path) for path in given if path.lower() != "none"]

    def path(self, path: str) -> str:
        """An absolute path: ``~``, ``%h`` and ``${NAME}`` are replaced."""

        def variable(found: re.Match[str]) -> str:
            if found.group(1) not in os.environ:
                raise ValueError(f"{path} needs the environment variable {found.group(1)}, which is not set")
            return os.environ[found.group(1)]

        expanded = expand(re.sub(r"\$\{(\w+)\}", variable, path), self.reader.tokens())
        return os.path.abspath(os.path.expanduser(expanded))


def _agent(said: _Said) -> str | None:
    """The path of the agent's socket; None if there is none or it is not wanted."""
    word = said.word("identityagent", "SSH_AUTH_SOCK")
    if word == "SSH_AUTH_SOCK":
        return os.environ.get("SSH_AUTH_SOCK") or None
    if word.lower() == "none":
        return None
    return os.environ.get(word[1:]) if re.fullmatch(r"\$\w+", word) else said.path(word)


def _configs(chosen: str | None) -> list[str]:
    if chosen is not None:
        return [] if chosen.lower() == "none" else [chosen]
    usual = (os.path.expanduser(USER_CONFIG), SYSTEM_CONFIG)
    return [path for path in usual if os.path.exists(path)]


def split_jump(jump: str) -> tuple[str | None, str, int | None]:
    """User, host and port of a ``[user@]host[:port]``, or of an ``ssh://`` URL. Raises ConnectorError."""
    text = jump.strip().removeprefix("ssh://").rstrip("/")
    user, at, rest = text.rpartition("@")
    found = re.fullmatch(r"(?:\[([^\]]+)\]|([^:\[\]]+|[^\[\]]*:[^\[\]]*:[^\[\]]*))(?::(\d+))?", rest)
    if found is None or (at and not user):
        raise ConnectorError(f"ProxyJump needs [user@]host[:port], not {jump!r}")
    port = found.group(3)
    return user or None, found.group(1) or found.group(2), None if port is None else int(port)
