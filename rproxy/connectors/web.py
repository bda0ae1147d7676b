"""HTTP for connectors, by requests.

Rules: what may have run something is never sent again; what cannot have, is, a few times, where the service
is busy or the link fails; every error says which it was, and what to do.
"""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from ..errors import CallTimeout, ConnectionLost, ConnectorError, HostKeyError

#: Seconds to wait for a connection, and for an answer where nothing else is said.
CONNECT, ANSWER = 30.0, 60.0
#: Answers that mean: not now.
BUSY = frozenset((429, 502, 503, 504))
TRIES = 5
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 10.0

Response = requests.Response


class Web:
    """Requests to one service."""

    def __init__(self, target: str, base_url: str, advice: str = "") -> None:
        check_url("base_url", base_url)
        self.base_url = base_url.rstrip("/")
        self._target = target
        self._advice = advice  # what to do where the service cannot be reached
        self._session = requests.Session()
        self._session.auth = _as_it_is

    def ask(
        self, method: str, path: str, *, again: bool, timeout: float | None = ANSWER, tries: int = TRIES,
        plain: bool = False, **options: Any,
    ) -> Response:  # fmt: skip
        """The answer to a request. `again` says that nothing is done twice if it is sent more than once.

        An answer with 200 that is no JSON, unless `plain` says that it need not be, is as good as none.

        Raises ConnectorError where it was not sent, ConnectionLost where that is unknown, CallTimeout.
        """
        wait = _FIRST_WAIT
        for left in reversed(range(tries if again else 1)):
            try:
                answer = self._send(method, path, timeout, options)
            except (ConnectorError, CallTimeout) as error:
                if not left or isinstance(error, HostKeyError):
                    raise
                time.sleep(wait)
            else:
                garbled = not plain and answer.status_code == 200 and json_of(answer) is None
                if not left or not (garbled or answer.status_code in BUSY):
                    break
                time.sleep(max(wait, asked_wait(answer.headers)))
            wait = min(2 * wait, _LONGEST_WAIT)
        return answer

    def _send(self, method: str, path: str, timeout: float | None, options: dict[str, Any]) -> Response:
        url = path if "://" in path else self.base_url + path
        unknown = "; whether the command has run is unknown" if "/command/" in path else ""
        try:
            return self._session.request(
                method, url, timeout=(CONNECT, timeout), allow_redirects=method == "GET", **options
            )
        except requests.exceptions.SSLError as error:
            raise HostKeyError(
                f"{self._target}: {url} does not prove who it is: {error}. If it has a certificate of its own "
                "authority, name that authority's file in REQUESTS_CA_BUNDLE"
            ) from error
        except requests.exceptions.ReadTimeout as error:
            raise CallTimeout(f"{self._target}: {method} {url} was not answered within {timeout} s{unknown}") from error
        except requests.exceptions.RequestException as error:
            if _never_connected(error):
                raise ConnectorError(f"cannot reach {self._target}: {_innermost(error)}{self._advice}") from error
            raise ConnectionLost(
                f"{self._target}: the connection ended during {method} {url} ({_innermost(error)}){unknown}"
            ) from error

    def status_of(self, machine: str) -> str:
        """What the service says of the state of a machine. Raises ConnectorError."""
        answer = self.ask("GET", f"/status/{machine}", again=True)
        told = json_of(answer)
        if answer.status_code != 200 or not isinstance(told, dict) or not told.get("status"):
            raise ConnectorError(f"{self._target} tells of no such machine: {shown(answer)}")
        return str(told["status"])

    def cookie(self, name: str, value: str) -> None:
        """Sets the only cookie, for the service's host alone."""
        host = urlsplit(self.base_url).hostname or ""
        self._session.cookies.clear()
        self._session.cookies.set(name, value, domain=host if "." in host else f"{host}.local")  # as cookiejar has it

    def close(self) -> None:
        self._session.close()


def check_url(name: str, url: str) -> None:
    """Raises ValueError for what is no URL."""
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{name} is the URL of the service, https://..., not {url!r}")


def _as_it_is(request: Any) -> Any:
    """No credentials but ours: requests would put those of ~/.netrc over them."""
    return request


def _never_connected(error: BaseException) -> bool:
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return type(reason).__name__ in ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError")


def _innermost(error: BaseException) -> BaseException:
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return reason if isinstance(reason, BaseException) else error


def asked_wait(headers: Mapping[str, str]) -> float:
    """How long a service that is busy wants to be left, in seconds."""
    asked = headers.get("Retry-After", "")
    return min(float(asked), _LONGEST_WAIT) if asked.isdecimal() else 0.0


def json_of(answer: Response) -> Any:
    """What an answer tells, or None if it is no JSON."""
    try:
        return answer.json()
    except ValueError:
        return None


def shown(answer: Response) -> str:
    """An answer in words, for errors."""
    text = " ".join(answer.text.split())
    return f"HTTP {answer.status_code} {answer.reason}: {text[:300]}" if text else f"HTTP {answer.status_code}"
