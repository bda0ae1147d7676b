"""Files to and from a host: by SFTP where it has that, else through cat.

Rules: bytes and modes arrive as they were; a copy that fails leaves no half file under the name that was wanted.
"""

import os
import shlex
import stat
from collections.abc import Callable
from typing import Any

import paramiko

from ...errors import ConnectorError
from .link import PACKET, WINDOW, Link
from .shell import for_any_shell
from .stream import ChannelStream

PIECE = 1 << 20


def push(link: Link, local: str, remote: str) -> None:
    """Copies a local file there. Raises ConnectorError."""
    part = f"{remote}.{os.urandom(4).hex()}.part"
    try:
        with open(local, "rb") as source:
            mode = stat.S_IMODE(os.fstat(source.fileno()).st_mode)
            sftp = _sftp(link)
            if sftp is None:
                _push_by_cat(link, source, part, remote, mode)
            else:
                _push_by_sftp(sftp, source, part, remote, mode)
    except (OSError, EOFError, paramiko.SSHException) as error:
        raise _failed(link, local, remote, error) from error


def _push_by_sftp(sftp: Any, source: Any, part: str, remote: str, mode: int) -> None:
    try:
        sftp.putfo(source, part)
        sftp.chmod(part, mode)
        sftp.posix_rename(part, remote)
    except OSError:
        _quietly(sftp.remove, part)
        raise


def _push_by_cat(link: Link, source: Any, part: str, remote: str, mode: int) -> None:
    part, remote = shlex.quote(part), shlex.quote(remote)
    command = f"{{ cat > {part} && chmod {mode:o} {part} && mv -f {part} {remote}; }} || {{ rm -f {part}; exit 1; }}"
    stream = ChannelStream(link, for_any_shell(command))
    try:
        while data := source.read(PIECE):
            stream.write([data])
        done = stream.complete(b"", None)
    except BaseException:
        stream.kill()
        raise
    stream.close()
    if done.returncode:
        raise OSError(_said(done.stderr, done.returncode))


def pull(link: Link, remote: str, local: str) -> None:
    """Copies a file from there. Raises ConnectorError."""
    part = f"{local}.{os.urandom(4).hex()}.part"
    try:
        sftp = _sftp(link)
        with open(part, "wb") as target:
            mode = _pull_by_cat(link, remote, target) if sftp is None else _pull_by_sftp(sftp, remote, target)
        os.chmod(part, mode)
        os.replace(part, local)
    except (OSError, EOFError, paramiko.SSHException) as error:
        _quietly(os.unlink, part)
        raise _failed(link, remote, local, error) from error
    except BaseException:
        _quietly(os.unlink, part)
        raise


def _pull_by_sftp(sftp: Any, remote: str, target: Any) -> int:
    sftp.getfo(remote, target)
    return stat.S_IMODE(sftp.stat(remote).st_mode)


def _pull_by_cat(link: Link, remote: str, target: Any) -> int:
    name = shlex.quote(remote)
    # GNU's stat, and that of the BSDs and macOS; a host that has neither gives a usual mode.
    command = f"{{ stat -c %a {name} || stat -f %Lp {name} || echo 644; }} 2>/dev/null; cat < {name}"
    stream = ChannelStream(link, for_any_shell(command))
    buffer = memoryview(bytearray(PIECE))
    mode = b""
    try:
        while count := stream.readinto(buffer):
            data = buffer[:count]
            if not mode.endswith(b"\n"):
                first, newline, rest = bytes(data).partition(b"\n")
                mode, data = mode + first + newline, memoryview(rest)
            target.write(data)
        code = stream.exit_code(60)
    except BaseException:
        stream.kill()
        raise
    stream.close()
    if code:
        raise OSError(_said(stream.errors(), code))
    return int(mode, 8)


def _sftp(link: Link) -> Any:
    """The link's SFTP, or None if the host has none."""
    if not link.has_sftp:
        return None
    if link.sftp is None:
        try:
            link.sftp = paramiko.SFTPClient.from_transport(link.transport, WINDOW, PACKET)
        except (paramiko.SSHException, EOFError, OSError):
            if not link.alive:
                raise
            link.has_sftp = False
    return link.sftp


def _quietly(remove: Callable[[str], object], path: str) -> None:
    """Removes what a failure has left, if it has left anything."""
    try:
        remove(path)
    except (OSError, EOFError, paramiko.SSHException):
        return  # it was never made, or cannot be reached any more


def _said(errors: bytes, code: int | None) -> str:
    return errors.decode("utf-8", "replace").strip() or f"exit code {code}"


def _failed(link: Link, source: str, target: str, error: BaseException) -> ConnectorError:
    why = str(error) if link.alive else f"the connection to {link.settings.address} is lost: {link.trouble(error)}"
    return ConnectorError(f"cannot copy {source} to {target} on {link.settings.address}: {why or repr(error)}")
