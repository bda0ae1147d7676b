"""The options that both ways by SSH take, so that the same words mean the same, and fail alike.

Rules: all is checked before anything is sent. What cannot be meant is a TypeError or a ValueError that says what can;
a file that is not there is a ConnectorError.
"""

import os
import re
from collections.abc import Iterable
from typing import Any

from ..errors import ConnectorError
from .base import PathLike

#: What no host is called, and what would mean something to the shell of a ProxyCommand; as in OpenSSH.
_NO_HOST = re.compile(r"^-|[\s'\"`$\\;&<>|(){}\x00-\x1f\x7f]")
#: The same for users, who may be called ``DOMAIN\me``.
_NO_USER = re.compile(r"^-|['\"`;&<>|(){}\x00-\x1f\x7f]|\s-|\\$")
_LONGEST_WAIT = 1e6


def check_address(host: Any, user: Any, port: Any) -> None:
    """Raises TypeError or ValueError unless these can be a host, its user and its port; the last two may be None."""
    if not isinstance(host, str):
        raise TypeError(f"host is a text, not {host!r}")
    if not host or _NO_HOST.search(host):
        raise ValueError(f"{host!r} is no host for ssh")
    if user is not None and not isinstance(user, str):
        raise TypeError(f"user is a text, not {user!r}")
    if user is not None and (not user or _NO_USER.search(user)):
        raise ValueError(f"{user!r} is no user for ssh")
    if port is not None and (isinstance(port, bool) or not isinstance(port, int)):
        raise TypeError(f"port is a number, not {port!r}")
    if port is not None and not 0 < port < 65536:
        raise ValueError(f"port is a number from 1 to 65535, not {port}")


def check_answers(password: Any, ask: Any) -> None:
    """Raises TypeError unless these can be a password and who is asked, or None."""
    if password is not None and not isinstance(password, str):
        raise TypeError(f"password is a text, not of type {type(password).__name__}")
    check_function("ask", ask, "of the question that returns the answer")


def check_function(name: str, value: Any, what: str) -> None:
    """Raises TypeError for what is no function; `what` says of what it should be one."""
    if value is not None and not callable(value):
        raise TypeError(f"{name} is a function {what}, not {value!r}")


def check_timeout(seconds: Any) -> None:
    """Raises TypeError or ValueError unless this can be a connect_timeout, or None."""
    if seconds is None:
        return
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"connect_timeout is a number of seconds, not {seconds!r}")
    if not 0 < seconds < _LONGEST_WAIT:
        raise ValueError(f"connect_timeout is a number of seconds above 0, not {seconds!r}")


def path_list(name: str, paths: PathLike | Iterable[PathLike] | None) -> list[str]:
    """The paths that an option names, one, several or none, as absolute ones. Raises TypeError, ValueError."""
    if paths is None:
        return []
    single = isinstance(paths, str | os.PathLike)
    if not single and (isinstance(paths, bytes) or not isinstance(paths, Iterable)):
        raise TypeError(f"{name} is a path, or a list of paths, not {paths!r}")
    several: list[Any] = [paths] if single else list(paths)  # type: ignore[arg-type]
    return [_path(name, path) for path in several]


def key_files(paths: PathLike | Iterable[PathLike] | None) -> list[str]:
    """The files of `identity=`. Raises TypeError, ValueError; ConnectorError for one that is not there."""
    found = path_list("identity", paths)
    for path in found:
        if not os.path.exists(path) and not os.path.exists(path + ".pub"):  # the agent may hold the rest of that one
            raise ConnectorError(f"identity={path!r}: there is no such file").at("configuration")
    return found


def config_file(path: PathLike | None) -> str | None:
    """The file of `ssh_config=`, or "none" for no file. Raises TypeError, ValueError; ConnectorError."""
    if path is None or (isinstance(path, str) and path.lower() == "none"):
        return None if path is None else "none"
    found = _path("ssh_config", path)
    if not os.path.exists(found):
        raise ConnectorError(f"ssh_config={found!r}: there is no such file").at("configuration")
    if os.path.isdir(found):
        raise ConnectorError(f"ssh_config={found!r} is a folder, not a file").at("configuration")
    return found


def _path(name: str, path: Any) -> str:
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise TypeError(f"{name} is a path, not {path!r}")
    text: str = os.fspath(path)
    if not text or "\0" in text:
        raise ValueError(f"{name} is a path, not {text!r}")
    return os.path.abspath(os.path.expanduser(text))
