"""One SSH connection, and those that it goes through.

Rules: nobody is told a password before the host has proven who it is; a link that cannot be made leaves nothing
open; an error names the host that failed, also on the way. A forked child never uses or ends the links of its
parent.
"""

import collections
import contextlib
import logging
import os
import socket
import threading
import weakref
from collections.abc import Callable
from typing import Any

import paramiko
from paramiko.common import MSG_CHANNEL_DATA, MSG_CHANNEL_EXTENDED_DATA, MSG_CHANNEL_WINDOW_ADJUST

from ...errors import ConnectorError
from .asking import Asker
from .channels import Hop, Inbox
from .dialling import Dialled, dial, run_proxy
from .host_keys import KnownHost
from .login import Login
from .packets import SharedPacketizer
from .settings import Options, Settings, settings_for, split_jump

#: What may be under way to us unread, in bytes: enough for 300 MB/s at 50 ms.
WINDOW = 16 << 20
PACKET = 32768
#: Who may be jumped over; more is a circle.
MOST_JUMPS = 10
#: How long a host may think about a step of the login, in seconds.
PATIENCE = 60.0

#: The packets that mean no more than what their channel gets.
_FOR_CHANNELS = (MSG_CHANNEL_DATA, MSG_CHANNEL_EXTENDED_DATA, MSG_CHANNEL_WINDOW_ADJUST)

_LOG = "rproxy.paramiko"
logging.getLogger(_LOG).addHandler(logging.NullHandler())  # else Python itself prints what goes wrong


class Transport(paramiko.Transport):  # type: ignore[misc]
    """paramiko's, which also keeps what the host says as it ends the connection, copies less, and never waits for
    itself: who reads answers a channel's end, which must wait for an exchange of keys, which is read, too.
    """

    farewell = ""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments, packetizer_class=SharedPacketizer)
        self._postponed: collections.deque[Any] = collections.deque()

    def _parse_disconnect(self, message: Any) -> None:
        message.get_int()
        self.farewell = message.get_text().strip()

    def _parse_channel_open_success(self, message: Any) -> None:
        channel = self._channels.get(message.get_int())
        message.rewind()
        if channel is not None:
            channel.in_buffer = Inbox()  # here, before anything has come
        super()._parse_channel_open_success(message)

    def _send_user_message(self, data: Any) -> None:
        if self.is_read_here() and not self.clear_to_send.is_set():
            self._postponed.append(data)
            if self.clear_to_send.is_set():  # since a moment ago
                self._send_postponed()
        else:
            super()._send_user_message(data)

    def _parse_newkeys(self, message: Any) -> None:
        super()._parse_newkeys(message)
        self._send_postponed()

    def _send_postponed(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                self._send_message(self._postponed.popleft())

    def is_read_here(self) -> bool:
        """Whether this thread reads, and would wait for itself."""
        # current_thread() would leave an entry for each thread that `threading` has not started.
        return threading.get_ident() in (self.ident, self.packetizer.leader)

    def lead(self, is_ready: Callable[[], bool], seconds: float) -> None:
        """Reads in this thread what comes for channels, if it can, until `is_ready()`, for at most so long."""
        self.packetizer.lead(is_ready, seconds, self._hand_out)

    def _hand_out(self, kind: int, message: Any) -> bool:
        """Gives what has come for a channel to it; False for what is not only that."""
        channel = self._channels.get(message.get_int()) if kind in _FOR_CHANNELS else None
        if channel is None:
            message.rewind()
            return False
        self._channel_handler_table[kind](channel, message)
        return True


class Link:
    """A connection on which commands can be started. `close` it."""

    def __init__(self, settings: Settings, transport: Any, dialled: Dialled, via: "Link | None") -> None:
        self.settings, self.transport, self.dialled, self.via = settings, transport, dialled, via
        self.owner = os.getpid()
        self.close = weakref.finalize(self, _end, transport, dialled, self.owner)
        _links.add(self)

    @property
    def alive(self) -> bool:
        return bool(self.transport.is_active()) and self.owner == os.getpid()

    def session(self) -> Any:
        """A new channel for one command. Raises ConnectorError."""
        try:
            return self.transport.open_session(WINDOW, PACKET, timeout=self.settings.connect_timeout)
        except paramiko.ChannelException as error:
            raise ConnectorError(
                f"{self.settings.address} opens no more sessions on this connection: {error.text}. "
                "Its MaxSessions may be low; close other clients of this connector."
            ) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise ConnectorError(f"{self.settings.address} opens no session: {self.trouble(error)}") from error

    def refused(self, error: BaseException) -> ConnectorError:
        """For a command that was not started."""
        why = "it starts no commands for this user" if self.alive else self.trouble(error)
        return ConnectorError(f"{self.settings.address} does not start the command: {why}")

    def trouble(self, error: BaseException | None = None) -> str:
        """Why the connection is gone, or what an error of it means."""
        said = self.transport.farewell or str(error or self.transport.saved_exception or "")
        return said or "the connection has ended"

    def abandon(self) -> None:
        """In a forked child: lets go of what belongs to the parent, without a word to the host."""
        self.close.detach()
        self.transport.active = False
        self.dialled.socket.abandon()


_links: "weakref.WeakSet[Link]" = weakref.WeakSet()


def _forked() -> None:
    for link in list(_links):
        link.abandon()


os.register_at_fork(after_in_child=_forked)


def _end(transport: Any, dialled: Dialled, owner: int) -> None:
    if os.getpid() != owner:
        return
    with contextlib.suppress(OSError, EOFError):  # it has ended already
        dialled.socket.shutdown(socket.SHUT_RDWR)  # wakes paramiko's thread at once
    transport.close()
    dialled.close()
    if transport.is_alive() and transport.ident != threading.get_ident():
        transport.join(1)


# -- making one ----------------------------------------------------------------------------------------


def connect(alias: str, user: str | None, port: int | None, options: Options, depth: int = 0) -> Link:
    """Connects to a host, over others if its ssh_config says so, and logs in. Raises ConnectorError."""
    settings = settings_for(alias, user, port, options)
    via = _jump(settings, options, depth)
    link = None
    try:
        link = _connected(settings, options, via)
        return link
    finally:
        if link is None and via is not None:
            via.close()


def _jump(settings: Settings, options: Options, depth: int) -> Link | None:
    """The link to the last of the hosts that are jumped over."""
    link: Link | None = None
    if settings.jumps and depth >= MOST_JUMPS:
        raise ConnectorError(f"the way to {settings.alias} jumps over more than {MOST_JUMPS} hosts: a circle?")
    for number, jump in enumerate(settings.jumps):
        user, host, port = split_jump(jump)
        if number == 0:
            link = connect(host, user, port, options.for_jump(), depth + 1)
            continue
        before, link = link, None
        try:
            link = _connected(settings_for(host, user, port, options.for_jump()), options.for_jump(), before)
        finally:
            if link is None and before is not None:
                before.close()
    return link


def _connected(settings: Settings, options: Options, via: Link | None) -> Link:
    dialled = _dialled(settings, via)
    transport = None
    try:
        transport = _transport(settings, dialled)
        known = KnownHost(settings, options)
        _shake_hands(transport, settings, dialled, known)
        known.check(transport.get_remote_server_key())
        asker = Asker(options.ask, options.password, settings.silent)
        Login(transport, settings, asker, set(options.identity)).run()
        if settings.alive_interval:
            transport.set_keepalive(settings.alive_interval)
    except BaseException as error:
        if transport is None:
            dialled.close()
        else:
            _end(transport, dialled, os.getpid())
        if isinstance(error, paramiko.SSHException | EOFError | OSError):
            raise ConnectorError(f"cannot connect to {settings.address}: {error}") from error
        raise
    return Link(settings, transport, dialled, via)


def _dialled(settings: Settings, via: Link | None) -> Dialled:
    if via is not None:
        return _through(settings, via)
    if settings.proxy_command is not None:
        return run_proxy(settings)
    return dial(settings)


def _through(settings: Settings, via: Link) -> Dialled:
    """A connection from the host that is jumped over."""
    target, origin = (settings.hostname, settings.port), ("127.0.0.1", 0)
    try:
        channel = via.transport.open_channel(
            "direct-tcpip", target, origin, WINDOW, PACKET, timeout=settings.connect_timeout
        )
    except (paramiko.SSHException, EOFError, OSError) as error:
        text = error.text if isinstance(error, paramiko.ChannelException) else via.trouble(error)
        raise ConnectorError(
            f"{via.settings.address} cannot connect to {settings.hostname} port {settings.port} for us: {text}. "
            "Are name and port right as seen from there, and does it allow forwarding (AllowTcpForwarding)?"
        ) from error
    return Dialled(Hop(channel), via.close)


def _transport(settings: Settings, dialled: Dialled) -> Any:
    transport = Transport(dialled.socket, WINDOW, PACKET)
    transport.set_log_channel(_LOG)
    transport.banner_timeout = transport.handshake_timeout = settings.connect_timeout
    transport.auth_timeout = PATIENCE
    transport.use_compression(settings.compression)
    return transport


def _shake_hands(transport: Any, settings: Settings, dialled: Dialled, known: KnownHost) -> None:
    choices = transport.get_security_options()
    # It costs a third of the time of paramiko's first choice, which needs a checksum beside.
    choices.ciphers = sorted(choices.ciphers, key=lambda name: "gcm" not in name)
    choices.key_types = known.preferred(choices.key_types)
    try:
        transport.start_client(timeout=settings.connect_timeout)
        if not transport.initial_kex_done:
            raise EOFError(f"it does not answer within {settings.connect_timeout:g} s")
    except paramiko.ssh_exception.IncompatiblePeer as error:
        raise ConnectorError(
            f"paramiko and {settings.address} have no way of encrypting in common: {error}. "
            f"ssh://{settings.address} may know one."
        ) from error
    except (paramiko.SSHException, EOFError, OSError) as error:
        why = transport.farewell or dialled.diagnosis() or str(error) or "it ended the connection at once"
        if isinstance(error.__context__, TimeoutError):  # while it waited for the host's first line
            why = f"it does not answer within {settings.connect_timeout:g} s"
        mend = "Is the port right? A host that is busy, or has had too many failed logins, ends connections too."
        raise ConnectorError(f"what listens at {settings.address} does not speak SSH with us: {why}\n{mend}").at(
            "connection", mend
        ) from error
