"""``newt://machine``: NERSC's first REST service, or a site's own copy of it.

Rules: a session is opened when it is first needed, opened again when it has expired and a password is known, and
closed with the connector if the connector opened it; a command is sent again only after the service has said
that it does not know the session, which it does before it runs anything.
"""

import os
import threading
import time
import warnings
from typing import Any
from urllib.parse import quote

from ..errors import AuthenticationError, ConnectionLost, ConnectorError
from .rest import Refused, RestConnector
from .web import Response, Web, json_of, shown

NERSC = "https://newt.nersc.gov/newt"
RETIRED = (
    "NERSC has retired NEWT: use its Superfacility API, rproxy.connect('sfapi://perlmutter'), or name another "
    "site's service with base_url= or RPROXY_NEWT_URL"
)
#: A session is opened again up to so long before its end, in seconds.
_EARLY = 60.0


class NewtConnector(RestConnector):
    """Runs commands and moves files by NEWT.

    Args:
        machine: the machine, as the service calls it.
        username, password: the account; with a one-time code joined to the password where the site wants one.
            RPROXY_NEWT_USERNAME and RPROXY_NEWT_PASSWORD if not given.
        token: the id of an open session, instead of a password; RPROXY_NEWT_TOKEN if not given.
        base_url: the service, with its path; RPROXY_NEWT_URL if not given.
    """

    transfer_limit = 99_000_000
    login = True

    def __init__(
        self,
        machine: str,
        *,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        base_url: str | None = None,
    ) -> None:
        self.target = f"newt://{machine}"
        base_url = base_url or os.environ.get("RPROXY_NEWT_URL") or NERSC
        retired = base_url.rstrip("/") == NERSC
        if retired:
            warnings.warn(RETIRED, stacklevel=2)
        self._machine = quote(machine, safe="")
        self._web = Web(self.target, base_url, f". {RETIRED}" if retired else "")
        self._username = username or os.environ.get("RPROXY_NEWT_USERNAME")
        self._password = password or os.environ.get("RPROXY_NEWT_PASSWORD")
        self._token = token or (None if password else os.environ.get("RPROXY_NEWT_TOKEN"))
        self._ours = False  # whether this connector has opened the session
        self._until = float("inf")
        self._lock = threading.RLock()
        if self._token:
            self._use(self._token)

    # -- sessions --------------------------------------------------------------------------------------

    def auth(self, username: str | None = None, password: str | None = None, token: str | None = None) -> bool:
        """Opens a session with a password, or takes one that is open by its id. Returns True.

        Raises:
            AuthenticationError: the service does not accept them.
        """
        with self._lock:
            self._logout()
            self._username = username or self._username
            if token and not password:
                self._use(token)
                if not self.status():
                    raise AuthenticationError(f"{self.target} does not know this session: log in with a password")
                return True
            self._password = password or self._password
            self._log_in()
            return True

    def status(self) -> bool:
        """Whether the session is open."""
        told = json_of(self._web.ask("GET", "/login", again=True))
        return isinstance(told, dict) and told.get("auth") is True

    def machine_status(self) -> str:
        """What the service says of the machine: "up" or "down". Raises ConnectorError."""
        return self._web.status_of(self._machine)

    def _use(self, token: str) -> None:
        self._token, self._ours, self._until = token, False, float("inf")
        self._web.cookie("newt_sessionid", token)

    def _log_in(self) -> None:
        if not (self._username and self._password):
            raise AuthenticationError(
                f"{self.target} needs a user name and a password: connect(..., username=, password=), or "
                "RPROXY_NEWT_USERNAME and RPROXY_NEWT_PASSWORD, or the id of an open session: token="
            )
        data = {"username": self._username, "password": self._password}
        answer = self._web.ask("POST", "/auth", again=True, data=data)
        told = json_of(answer)
        if not isinstance(told, dict) or "auth" not in told:
            raise ConnectorError(
                f"{self.target} answered a login by {shown(answer)}. Is {self._web.base_url} its URL, with its path?"
            )
        if told["auth"] is not True:
            raise AuthenticationError(
                f"{self.target} refuses {self._username!r}: wrong password, or a one-time code is wanted (join it to "
                "the password), or was used before: call auth(username, password) with a new one"
            )
        self._use(str(told["newt_sessionid"]))
        self._ours = True
        lifetime = float(told.get("session_lifetime") or 0)
        self._until = time.monotonic() + lifetime - min(_EARLY, lifetime / 10)

    def _ready(self) -> None:
        """Sees to it that there is a session."""
        with self._lock:
            if self._token is None or (self._ours and time.monotonic() > self._until):
                self._log_in()

    def _logout(self) -> None:
        if self._ours:
            self._ours = False
            self._web.ask("GET", "/logout", again=True, tries=1, timeout=10)
        self._token = None

    def close(self) -> None:
        """Ends the session, if this connector has opened it. Twice is fine."""
        try:
            with self._lock:
                self._logout()
        except ConnectorError:
            pass  # a service that cannot be reached ends the session by itself, in its time
        finally:
            self._web.close()

    # -- commands and files ----------------------------------------------------------------------------

    def _ask(self, method: str, path: str, again: bool, timeout: float | None, **options: Any) -> Response:
        """An answer of the service to somebody it knows."""
        self._ready()
        token = self._token
        answer = self._web.ask(method, path, again=again, timeout=timeout, **options)
        if answer.status_code in (401, 403) and not self.status():
            with self._lock:
                if self._token == token:  # else another thread was faster
                    self._renew()
            answer = self._web.ask(method, path, again=again, timeout=timeout, **options)
        return answer

    def _renew(self) -> None:
        if not self._password:
            raise AuthenticationError(f"the session on {self.target} has ended; call auth() for another")
        try:
            self._log_in()
        except AuthenticationError as error:
            raise AuthenticationError(f"the session on {self.target} has ended: {error}") from error

    def _execute(self, line: str, timeout: float | None, login: bool) -> tuple[str, str]:
        form = {"executable": line, "loginenv": "true" if login else "false"}
        answer = self._ask("POST", f"/command/{self._machine}", False, timeout, data=form)
        told = json_of(answer)
        if answer.status_code in (401, 403, 404):
            raise ConnectorError(f"{self.target} runs no command: {shown(answer)}").at("shell")
        if answer.status_code != 200 or not isinstance(told, dict) or "output" not in told:
            raise ConnectionLost(f"{self.target} answered a command by {shown(answer)}. Whether it has run is unknown")
        return str(told["output"] or ""), str(told.get("error") or "")

    def way(self) -> dict[str, str]:
        return {
            "connection": self._web.base_url,
            "authentication": f"as {self._username or 'the session that is kept'}",
        }

    def _put(self, data: bytes, remote: str) -> None:
        answer = self._file("PUT", remote, data=data)
        told = json_of(answer)
        if answer.status_code != 200 or not isinstance(told, dict) or told.get("status") != "OK":
            raise ConnectorError(f"{self.target} did not take the file {remote}: {shown(answer)}").at("folders")

    def _get(self, remote: str) -> bytes:
        answer = self._file("GET", remote, params={"view": "read"}, plain=True)
        if answer.status_code != 200:
            raise Refused(shown(answer))
        if "html" in answer.headers.get("Content-Type", "") and self._size(remote) != len(answer.content):
            raise ConnectionLost(f"{self.target} sent a page in place of the file {remote}: {shown(answer)}")
        return answer.content

    def _size(self, remote: str) -> int | None:
        answer = self._file("GET", remote)
        told = json_of(answer)
        if answer.status_code != 200 or not isinstance(told, list) or len(told) != 1:
            return None
        return int(told[0]["size"])

    def _file(self, method: str, remote: str, **options: Any) -> Response:
        return self._ask(method, f"/file/{self._machine}{quote(remote)}", True, self.answer_timeout, **options)
