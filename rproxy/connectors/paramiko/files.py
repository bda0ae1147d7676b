"""Files to and from a host: by SFTP where it has that, else through its shell.

Rules: bytes and modes arrive as they were; a file appears under its name when it is whole, or not at all.
"""

import os
import stat
from collections.abc import Callable
from typing import Any

import paramiko

from ...errors import ConnectorError
from .. import files
from ..base import PathLike, Stream
from ..reports import report
from .link import PACKET, WINDOW, Link

#: What paramiko raises where a host, its SFTP or the connection fails.
FAULTS = (OSError, EOFError, paramiko.SSHException, paramiko.SFTPError)

Open = Callable[[str], Stream]


def push(link: Link, open_command: Open, local: PathLike, remote: str) -> None:
    """Copies a local file there. Raises ConnectorError."""
    try:
        with link.one_copy:
            sftp = _sftp(link)
            if sftp is not None:
                _push(sftp, os.fspath(local), remote)
    except FAULTS as error:
        raise _failed(link, f"{os.fspath(local)} to {remote} on {link.settings.address}", error) from error
    if sftp is None:
        files.push(open_command, local, remote, link.settings.address, ends=True)


def _push(sftp: Any, local: str, remote: str) -> None:
    with open(local, "rb") as source:
        status = os.fstat(source.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError("it is not a regular file")
        if _is_folder(sftp, remote):
            raise OSError(f"{remote} is a folder")
        part = _part(remote)
        try:
            sftp.open(part, "wx").close()
            sftp.chmod(part, 0o600)
            sftp.putfo(source, part, callback=_report)
            sftp.chmod(part, stat.S_IMODE(status.st_mode))
            sftp.posix_rename(part, remote)
        except BaseException:
            _quietly(sftp.remove, part)
            raise


def pull(link: Link, open_command: Open, remote: str, local: PathLike) -> None:
    """Copies a file from there. Raises ConnectorError."""
    try:
        with link.one_copy:
            sftp = _sftp(link)
            if sftp is not None:
                _pull(sftp, remote, os.fspath(local))
    except FAULTS as error:
        raise _failed(link, f"{remote} on {link.settings.address} to {os.fspath(local)}", error) from error
    if sftp is None:
        files.pull(open_command, remote, local, link.settings.address)


def _pull(sftp: Any, remote: str, local: str) -> None:
    status = sftp.stat(remote)
    if stat.S_ISDIR(status.st_mode):
        raise OSError(f"{remote} is a folder")
    if os.path.isdir(local):
        raise OSError(f"{local} is a folder")
    part = _part(local)
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
            sftp.getfo(remote, target, callback=_report)
        os.chmod(part, stat.S_IMODE(status.st_mode))
        os.replace(part, local)
    except BaseException:
        _quietly(os.unlink, part)
        raise


def _report(done: int, total: int) -> None:
    report(done)


def _part(path: str) -> str:
    """The name of a file while it is not whole."""
    return f"{path}.{os.urandom(8).hex()}.part"


def _is_folder(sftp: Any, path: str) -> bool:
    try:
        return stat.S_ISDIR(sftp.stat(path).st_mode)
    except FileNotFoundError:
        return False


def _sftp(link: Link) -> Any:
    """The link's SFTP, or None if the host has none."""
    if link.sftp is None and link.has_sftp:
        try:
            link.sftp = paramiko.SFTPClient.from_transport(link.transport, WINDOW, PACKET)
        except FAULTS:  # among them are shells that print something first
            if not link.alive:
                raise
            link.has_sftp = False
    return link.sftp


def _quietly(remove: Callable[[str], object], path: str) -> None:
    """Removes what a failure has left."""
    try:
        remove(path)
    except FAULTS:
        return  # it was never made, or cannot be reached any more


def _failed(link: Link, what: str, error: BaseException) -> ConnectorError:
    why = str(error) or repr(error) if link.alive else f"the connection is lost: {link.trouble(error)}"
    return ConnectorError(f"cannot copy {what}: {why}")
