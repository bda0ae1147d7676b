"""The connection under an SSH connection: TCP, or the input and output of a ProxyCommand.

Rules: every address of a host is tried; small packets are sent at once; a link that has died is found out by
unanswered keepalives. A ProxyCommand is out of reach of Ctrl-C here, and ends with its connection.
"""

import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable
from typing import Any, NamedTuple

from ...errors import ConnectorError
from .settings import Settings
from .wire import Wire

FAMILIES = {"any": socket.AF_UNSPEC, "inet": socket.AF_INET, "inet6": socket.AF_INET6}
#: The end of a ProxyCommand's standard error that is told, in bytes.
TAIL = 2000


class Dialled(NamedTuple):
    """A connection: its socket, what closes what is behind it, what is known of its failure."""

    socket: Any
    close_behind: Callable[[], object] = lambda: None
    diagnosis: Callable[[], str] = lambda: ""

    def close(self) -> None:
        self.socket.close()
        self.close_behind()


def dial(settings: Settings) -> Dialled:
    """Connects by TCP. Raises ConnectorError."""
    where = f"{settings.hostname} port {settings.port}"
    try:
        family = FAMILIES.get(settings.family, socket.AF_UNSPEC)
        addresses = socket.getaddrinfo(settings.hostname, settings.port, family, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        mend = "Is its name right, and does it need a VPN, or a Host section with HostName in the ssh_config?"
        raise ConnectorError(f"there is no host {settings.hostname!r}: {getattr(error, 'strerror', error)}. {mend}").at(
            "name resolution", mend
        ) from error
    for family, kind, number, _, address in addresses:
        connection = socket.socket(family, kind, number)
        try:
            connection.settimeout(settings.connect_timeout)
            connection.connect(address)
            _tune(connection, settings)
            return Dialled(Wire(connection))
        except OSError as error:
            connection.close()
            trouble = error
    why, mend = _meaning(trouble, settings)
    raise ConnectorError(f"cannot connect to {where}: {why}. {mend}").at("connection", mend) from trouble


def _meaning(error: OSError, settings: Settings) -> tuple[str, str]:
    """Why a connection was not made, and what to do."""
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there", "Is the port right, and does an SSH server run?"
    if isinstance(error, TimeoutError):
        mend = "Is it up, is there a firewall or a VPN between, or should it take longer (connect_timeout=)?"
        return f"no answer within {settings.connect_timeout:g} s", mend
    return str(error.strerror or error), "Check the network, a VPN, a firewall."


def _tune(connection: socket.socket, settings: Settings) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    patience = settings.alive_interval * settings.alive_count
    if patience and hasattr(socket, "TCP_USER_TIMEOUT"):  # paramiko sends keepalives and counts no answers
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience * 1000)


def run_proxy(settings: Settings) -> Dialled:
    """Starts the ProxyCommand. Raises ConnectorError."""
    assert settings.proxy_command is not None
    errors = tempfile.TemporaryFile()
    ours, its = socket.socketpair()
    with its:
        try:
            process = subprocess.Popen(
                ["/bin/sh", "-c", "exec " + settings.proxy_command],
                stdin=its.fileno(), stdout=its.fileno(), stderr=errors, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            ours.close()
            errors.close()
            raise ConnectorError(f"cannot start the ProxyCommand of {settings.alias}: {error}") from error

    def diagnosis() -> str:
        errors.seek(max(0, errors.seek(0, os.SEEK_END) - TAIL))
        said = errors.read().decode("utf-8", "replace").strip()
        return f"its ProxyCommand ({settings.proxy_command}) said: {said}" if said else ""

    def end() -> None:
        try:
            os.killpg(process.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass  # it has ended by itself
        try:
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        errors.close()

    return Dialled(Wire(ours), end, diagnosis)
