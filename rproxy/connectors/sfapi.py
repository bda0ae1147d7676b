"""``sfapi://machine``: NERSC's Superfacility API.

Rules: a token is made when it is needed and again before it ends; a command is accepted once, as a task, and
then only asked about; where nobody waits for a task any more (a timeout, Ctrl-C) it is cancelled; once a command is
accepted, no error says that nothing has run.
"""

import base64
import binascii
import contextlib
import json
import os
import threading
import time
from concurrent.futures import Future
from typing import Any
from urllib.parse import quote

from ..errors import AuthenticationError, CallCancelled, CallTimeout, ConnectionLost, ConnectorError
from .base import PathLike
from .rest import Refused, RestConnector
from .sfapi_key import Key, read_key
from .web import Response, Web, asked_wait, check_url, json_of, shown

NERSC = "https://api.nersc.gov/api/v1.2"
NERSC_TOKEN = "https://oidc.nersc.gov/c2id/token"  # noqa: S105 - a URL
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#: A token is made again up to so long before its end, in seconds.
_EARLY = 60.0
#: For so long a task may be unknown after it was accepted, or the service say nothing of it, in seconds.
_UNKNOWN = 60.0
#: How long one answer about a task may take, in seconds, and how much longer than its command the POST of one.
_ANSWER, _MORE = 30.0, 30.0
#: What a task may be; another word is of an error.
_STATES = ("new", "completed", "cancelled", "failed")
#: Between two questions after a task: how many times as long as before, and at most, in seconds.
_GROWTH, _LONGEST = 1.4, 5.0


class SfapiConnector(RestConnector):
    """Runs commands and moves files by the Superfacility API.

    Args:
        machine: the machine, as the service calls it: perlmutter, dtns, dtn01.
        key: the file of a client's key, PEM or JSON; RPROXY_SFAPI_KEY, or the one of ~/.superfacility, if not given.
        client_id: the client's id, for PEM files without it.
        base_url, token_url: the service's addresses; RPROXY_SFAPI_URL and RPROXY_SFAPI_TOKEN_URL if not given.
    """

    line_limit = 8000
    command_limit = 6000  # as it is enclosed it stays below the service's limit
    output_limit = 1 << 20
    transfer_limit = 5_242_880
    #: How long to wait between the first two questions after a task, in seconds.
    poll_interval: float = 0.1

    def __init__(
        self,
        machine: str,
        *,
        key: PathLike | None = None,
        client_id: str | None = None,
        base_url: str | None = None,
        token_url: str | None = None,
    ) -> None:
        self.target = f"sfapi://{machine}"
        self._machine = quote(machine, safe="")
        self._web = Web(self.target, base_url or os.environ.get("RPROXY_SFAPI_URL") or NERSC)
        self._token_url = token_url or os.environ.get("RPROXY_SFAPI_TOKEN_URL") or NERSC_TOKEN
        check_url("token_url", self._token_url)
        self._key_file = key or os.environ.get("RPROXY_SFAPI_KEY")
        self._client_id = client_id
        self._key: Key | None = None
        self._token: str | None = None
        self._until = 0.0
        self._lock = threading.RLock()

    def status(self) -> str:
        """What the service says of the machine: active, unavailable, degraded or other. Raises ConnectorError."""
        return self._web.status_of(self._machine)

    def close(self) -> None:
        self._web.close()

    # -- tokens ----------------------------------------------------------------------------------------

    def auth(self) -> bool:
        """Reads the key and makes a token of it now, instead of with the first command. Returns True.

        Raises:
            AuthenticationError: there is no key, or the service does not accept it.
        """
        with self._lock:
            self._token = None
            self._ready()
        return True

    def _ready(self) -> str:
        """A token that is good for some time."""
        with self._lock:
            if self._token is None or time.monotonic() > self._until:
                self._key = self._key or read_key(self._key_file, self._client_id)
                self._make_token(self._key)
            assert self._token is not None
            return self._token

    def _make_token(self, key: Key) -> None:
        answer = None
        for _ in range(3):  # an assertion is good for one try
            form = {
                "grant_type": "client_credentials", "client_assertion_type": ASSERTION,
                "client_assertion": key.assertion(self._token_url),
            }  # fmt: skip
            with contextlib.suppress(ConnectionLost):
                answer = self._web.ask("POST", self._token_url, again=False, data=form)
                if answer.status_code < 500:
                    break
        told = None if answer is None else json_of(answer)
        if answer is not None and answer.status_code in (400, 401, 403):
            raise AuthenticationError(
                f"{self.target} refuses the client {key.client_id!r}: {shown(answer)}. Its key may have expired, or "
                "this host's address may not be among those that the client is for: see iris.nersc.gov"
            )
        if answer is None or not isinstance(told, dict) or "access_token" not in told:
            said = "nothing" if answer is None else shown(answer)
            raise ConnectorError(f"{self.target} gives no token: {self._token_url} answered {said}")
        lifetime = float(told.get("expires_in") or 600)
        self._until = time.monotonic() + lifetime - min(_EARLY, lifetime / 10)
        self._token = str(told["access_token"])

    def _ask(self, method: str, path: str, again: bool, **options: Any) -> Response:
        """An answer of the service to somebody it knows; a token that it does not take is made again, once."""
        options.setdefault("timeout", self.answer_timeout)
        for last in (False, True):
            token = self._ready()
            headers = {"Authorization": f"Bearer {token}"}
            answer = self._web.ask(method, path, again=again, headers=headers, **options)
            if answer.status_code not in (401, 403) or last:
                break
            with self._lock:
                if self._token == token:  # else another thread was faster
                    self._token = None
        if answer.status_code in (401, 403):
            mend = ". Only red clients may run commands: see iris.nersc.gov" if "/command/" in path else ""
            raise AuthenticationError(f"{self.target} does not allow {method} {path}: {shown(answer)}{mend}")
        return answer

    # -- commands --------------------------------------------------------------------------------------

    def _execute(self, line: str, timeout: float | None, login: bool) -> tuple[str, str]:
        until = float("inf") if timeout is None else time.monotonic() + timeout
        task = self._accepted(line, timeout)
        try:
            return self._result(task, until, timeout)
        except (CallTimeout, KeyboardInterrupt) as error:
            how = self._cancel(task)
            if isinstance(error, CallTimeout):
                raise CallTimeout(f"{error}; {how}") from None
            error.add_note(f"{self.target}: {how}")
            raise

    def _accepted(self, line: str, timeout: float | None) -> str:
        """The task that a command becomes. The first Ctrl-C waits for that, so that there is something to cancel."""
        if threading.current_thread() is not threading.main_thread():
            return self._begin(line, timeout)
        begun: Future[str] = Future()

        def begin() -> None:
            try:
                begun.set_result(self._begin(line, timeout))
            except BaseException as error:
                begun.set_exception(error)

        threading.Thread(target=begin, name="rproxy task", daemon=True).start()
        try:
            return begun.result()
        except KeyboardInterrupt as interrupt:
            with contextlib.suppress(ConnectorError, CallTimeout):  # then there is no task that is known
                interrupt.add_note(f"{self.target}: {self._cancel(begun.result())}")
            raise

    def _begin(self, line: str, timeout: float | None) -> str:
        patience = self.answer_timeout if timeout is None else min(self.answer_timeout, timeout + _MORE)
        path, form = f"/utilities/command/{self._machine}", {"executable": line}
        answer = self._ask("POST", path, False, data=form, timeout=patience)
        told = json_of(answer)
        if answer.status_code in (404, 422, 429):
            raise ConnectorError(f"{self.target} takes no such command: {shown(answer)}").at("shell")
        if answer.status_code != 200 or not isinstance(told, dict):
            raise self._lost(f"answered a command by {shown(answer)}")
        if told.get("status") == "ERROR" or not told.get("task_id"):
            raise ConnectorError(f"{self.target} takes no command: {told.get('error')}").at("shell")
        return str(told["task_id"])

    def _result(self, task: str, until: float, timeout: float | None) -> tuple[str, str]:
        """Waits for the end of a task; returns its output and its standard error."""
        heard, wait, known = time.monotonic(), self.poll_interval, False
        while True:
            told, pause = self._asked_about(task, known, min(_ANSWER, max(1.0, until - time.monotonic())))
            now = time.monotonic()
            if isinstance(told, dict):
                if told["status"] != "new":
                    return self._told(task, told)
                heard, known = now, True
            elif now - heard > _UNKNOWN:
                raise self._lost(f"does not tell of the task {task}: {told}")
            if now + wait > until:
                raise CallTimeout(f"a command on {self.target} took longer than {timeout} s")
            time.sleep(min(max(wait, pause), max(0.0, until - now)))
            wait = min(wait * _GROWTH, _LONGEST)

    def _asked_about(self, task: str, known: bool, patience: float) -> tuple[dict[str, Any] | str, float]:
        """What the service tells of a task, or in words why it tells nothing now; and how long it wants to be left.

        Raises ConnectionLost where it never will.
        """
        try:
            answer = self._ask("GET", f"/tasks/{task}", True, tries=1, timeout=patience)
        except AuthenticationError as error:
            raise self._lost(f"does not tell of the task {task}: {error}") from error
        except (ConnectorError, CallTimeout) as error:
            return str(error), 0.0
        told = json_of(answer)
        if answer.status_code == 200 and isinstance(told, dict) and told.get("status") in _STATES:
            return told, 0.0
        if answer.status_code == 404 and known:
            raise self._lost(f"has forgotten the task {task}")
        if 400 <= answer.status_code < 500 and answer.status_code not in (404, 429):
            raise self._lost(f"does not tell of the task {task}, but answers {shown(answer)}")
        return shown(answer), asked_wait(answer.headers)

    def _told(self, task: str, told: dict[str, Any]) -> tuple[str, str]:
        status, result = told["status"], told.get("result")
        if status == "cancelled":
            raise CallCancelled(f"the task {task} on {self.target} was cancelled; its command may have run in part")
        try:
            parts = json.loads(result or "")
            return str(parts.get("output") or ""), str(parts.get("error") or "")
        except (ValueError, AttributeError, TypeError):
            raise self._lost(f"says that the task {task} has {status}, with {result!r:.300}") from None

    def _lost(self, what: str) -> ConnectionLost:
        return ConnectionLost(f"{self.target} {what}; whether the command has run is unknown")

    def _cancel(self, task: str) -> str:
        """Cancels a task; returns in words whether that was done."""
        try:
            answer = self._ask("DELETE", f"/tasks/{task}", True, tries=2, timeout=10)
        except (ConnectorError, CallTimeout) as error:
            return f"its task {task} could not be cancelled: {error}"
        if answer.status_code >= 300:
            return f"its task {task} could not be cancelled: {shown(answer)}"
        return f"its task {task} was cancelled"

    def way(self) -> dict[str, str]:
        return {"connection": self._web.base_url, "authentication": "the key is accepted"}

    # -- files -----------------------------------------------------------------------------------------

    def _put(self, data: bytes, remote: str) -> None:
        files = {"file": (os.path.basename(remote) or "file", data)}
        answer = self._ask("PUT", self._path("upload", remote), True, files=files)
        told = json_of(answer)
        if answer.status_code != 200 or not isinstance(told, dict) or told.get("status") == "ERROR":
            raise ConnectorError(f"{self.target} did not take the file {remote}: {shown(answer)}").at("folders")

    def _get(self, remote: str) -> bytes:
        answer = self._ask("GET", self._path("download", remote), True, params={"binary": "true"})
        told = json_of(answer)
        if answer.status_code != 200 or not isinstance(told, dict) or told.get("status") == "ERROR":
            raise Refused(shown(answer))
        try:
            content = str(told["file"]).encode()
            return base64.b64decode(content, validate=True) if told.get("is_binary") else content
        except (KeyError, binascii.Error) as error:
            raise ConnectionLost(f"{self.target} sent no file for {remote}: {shown(answer)}") from error

    def _size(self, remote: str) -> int | None:
        told = json_of(self._ask("GET", self._path("ls", remote), True))
        entries = told.get("entries") if isinstance(told, dict) else None
        return int(entries[0]["size"]) if entries and len(entries) == 1 else None

    def _path(self, what: str, remote: str) -> str:
        return f"/utilities/{what}/{self._machine}/{quote(remote)}"
