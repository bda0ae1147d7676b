"""The words of an ssh command line, and what ssh makes of them.

Rules: the user's configuration holds; options that are given here go before it, so that they win, and what
running commands needs goes before both. ``ssh -G`` says what all of it comes to.
"""

import fnmatch
import functools
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ...errors import ConnectorError
from ..base import PathLike
from ..ssh_options import check_address, check_timeout, config_file, key_files, path_list

#: As scp and sftp do: forwards are for the user's own sessions, and would collide with theirs.
_NEEDED = ("RequestTTY=no", "ClearAllForwardings=yes")
#: What OpenSSH prefers by itself: before 10.0, and since.
_CIPHERS = (
    "chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com,aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr",
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")


class Place(NamedTuple):
    """A host and its port, as ssh calls them."""

    host: str
    port: str

    @property
    def shown(self) -> str:
        """As known_hosts has it."""
        return self.host if self.port == "22" else f"[{self.host}]:{self.port}"

    def lower(self) -> "Place":
        """As ssh calls it in what it says."""
        return self._replace(host=self.host.lower())


class Settings:
    """How ssh reaches one host.

    Args:
        host: its name, or that of a section of the user's configuration.
        user: the login; ssh's own choice if not given.
        port: likewise.
        identity: the path of a private key, or several.
        known_hosts: the files that host keys are looked up in; new ones are added to the first.
        ssh_config: the configuration instead of ``~/.ssh/config`` and the system's; ``"none"`` for none.
        connect_timeout: seconds to wait for the host.
        options: what ``ssh -o`` takes, by name.
    """

    def __init__(
        self,
        host: str,
        *,
        user: str | None = None,
        port: int | None = None,
        identity: PathLike | Iterable[PathLike] | None = None,
        known_hosts: PathLike | Iterable[PathLike] | None = None,
        ssh_config: PathLike | None = None,
        connect_timeout: float | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        check_address(host, user, port)
        check_timeout(connect_timeout)
        self.host, self.user, self.port = host, user, port
        config, identities, known = config_file(ssh_config), key_files(identity), path_list("known_hosts", known_hosts)
        words = ["-F", config] if config is not None else []
        for option in [*_NEEDED, *_options(options or {})]:
            words += ["-o", option]
        if user is not None:
            words += ["-l", user]
        if port is not None:
            words += ["-p", str(port)]
        for path in identities:  # ssh passes over a file of -i that is not there, though the agent may hold its key
            words += ["-i", path] if '"' in path else ["-o", f"IdentityFile={_quoted(path)}"]
        if identities:
            words += ["-o", "IdentitiesOnly=yes"]  # an agent full of others must not use up the attempts
        self.known_hosts = known
        if known:
            words += ["-o", f"UserKnownHostsFile={' '.join(map(_quoted, known))}"]
        if connect_timeout is not None:
            words += ["-o", f"ConnectTimeout={math.ceil(connect_timeout)}"]
        self._words = words
        self.wants_no_sharing = {name.lower(): value for name, value in (options or {}).items()}.get(
            "controlpath"
        ) == "none"
        self.found = self._ask_ssh()
        self._words = [*self._mended(options or {}), *self._words]  # the first word holds

    def words(self, *more: str) -> list[str]:
        """The words of an ssh command line before the host; `more` go before all others."""
        return ["ssh", *more, *self._words]

    @property
    def target(self) -> str:
        """What a URL says of it: [user@]host[:port]"""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (f"{self.user}@" if self.user else "") + host + (f":{self.port}" if self.port else "")

    @property
    def by_hand(self) -> str:
        """The command of a user who connects without rproxy."""
        port = f" -p {self.port}" if self.port else ""
        return f"ssh{port} " + (f"{self.user}@" if self.user else "") + self.host

    @property
    def place(self) -> Place:
        """Where it connects to."""
        return Place(self.found.get("hostname", self.host), self.found.get("port", "22"))

    @property
    def over(self) -> str:
        """What is on the way there: the jump hosts, or the ProxyCommand; "" if nothing is."""
        return self.found.get("proxyjump") or self.found.get("proxycommand") or ""

    def way(self) -> dict[str, str]:
        """The stages of connecting, with what ``ssh -G`` tells of each."""
        (host, port), over = self.place, self.over
        called = host if host == self.host else f"{self.host} is {host}"
        return {
            **({} if over else {"name resolution": called}),  # else it is for others to know
            "connection": f"{host} port {port}" + (f" over {over}" if over else ""),
            "host key": "accepted",
            "authentication": f"as {self.found.get('user', self.user)}",
        }

    def sent_environment(self) -> list[str]:
        """The variables that the configuration sends along, as NAME=value."""
        names = [name for name in os.environ if any(fnmatch.fnmatchcase(name, one) for one in self._sends)]
        return [f"{name}={os.environ[name]}" for name in names]

    @property
    def agent_for_mux(self) -> bool | None:
        """Whether commands get the agent; None if they get what only an ssh of their own can give them."""
        if self.found.get("forwardx11", "no") != "no" or self.found.get("stdinnull", "no") != "no":
            return None
        return self.found.get("forwardagent", "no") != "no"

    @property
    def hosts(self) -> set[str]:
        """The names that its prompts may call it by."""
        return {self.host.lower(), self.found.get("hostname", "").lower(), self.found.get("hostkeyalias", "").lower()}

    def _mended(self, options: Mapping[str, Any]) -> list[str]:
        """What the user says, and running commands cannot have."""
        given = {name.lower() for name in options}
        words = []
        if "remotecommand" in self.found:
            words.append("RemoteCommand=none")
        if self.found.get("loglevel") in ("QUIET", "FATAL"):
            words.append("LogLevel=ERROR")  # else errors could not say why
        if self.found.get("serveraliveinterval") == "0" and "serveraliveinterval" not in given:
            words.append("ServerAliveInterval=15")  # a link that is cut silently is noticed within a minute
        if self.found.get("stricthostkeychecking") in ("false", "no", "off"):
            words.append("StrictHostKeyChecking=accept-new")  # new keys pass, changed ones never
        if self.found.get("ciphers") in _CIPHERS and "ciphers" not in given and _has_aes():
            # The same ones in another order: with AES in the processor, it takes a third of the time of the first.
            words.append("Ciphers=" + ",".join(sorted(_CIPHERS[0].split(","), key=lambda name: "gcm" not in name)))
        return [part for word in words for part in ("-o", word)]

    def _ask_ssh(self) -> dict[str, str]:
        done = run_ssh([*self.words("-G"), "--", self.host], f"ssh://{self.target}")
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise ConnectorError(f"ssh does not take these settings for ssh://{self.target}: {said}").at(
                "configuration"
            )
        lines = done.stdout.decode("utf-8", "replace").splitlines()
        pairs = (line.partition(" ") for line in lines)
        found: dict[str, str] = {}
        self._sends = [line.split()[1] for line in lines if line.startswith("sendenv ")]
        for name, _, value in pairs:
            found.setdefault(name.lower(), value)
        return found


def run_ssh(words: Sequence[str], target: str) -> "subprocess.CompletedProcess[bytes]":
    """An ssh that connects to nothing. Raises ConnectorError."""
    try:
        return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    except FileNotFoundError:
        mend = "Install the OpenSSH client, or use paramiko://."
        raise ConnectorError(f"cannot reach {target}: there is no ssh on PATH. {mend}").at(
            "configuration", mend
        ) from None
    except (OSError, subprocess.SubprocessError) as error:
        raise ConnectorError(f"cannot reach {target}: ssh does not run: {error}") from error


@functools.cache
def _has_aes() -> bool:
    """Whether the processor computes AES by itself, as far as the system tells."""
    try:
        with open("/proc/cpuinfo", "rb") as file:
            return b"aes" in file.read(1 << 14).split()  # of the first one: there may be hundreds
    except OSError:
        return sys.platform == "darwin"


def _options(options: Mapping[str, Any]) -> list[str]:
    if not isinstance(options, Mapping):
        raise TypeError(f"options is a dict of ssh's options: options={{'Compression': 'yes'}}, not {options!r}")
    found = []
    for name, value in options.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of an option of ssh, such as 'Compression'")
        if not isinstance(value, str | int | float | os.PathLike):
            raise TypeError(f"the value of ssh's option {name} is a text, a number, True or False, not {value!r}")
        text = ("yes" if value else "no") if isinstance(value, bool) else str(value)
        if "\n" in text or "\0" in text:
            raise ValueError(f"the value of ssh's option {name} holds a line end or a NUL")
        found.append(f"{name}={text}")
    return found


def _quoted(path: str) -> str:
    if '"' in path or "\n" in path:
        raise ValueError(f"ssh cannot be given a path with a quote or a line end: {path!r}")
    return '"' + path.replace("%", "%%") + '"'
