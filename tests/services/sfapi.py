"""A double of the Superfacility API version 1.2.

Modes: `bad_client` refuses assertions; `expires_in` is a token's life in seconds; `expire` ends all tokens once;
`expired_status` is 401 or 403; `colour` of the client: only "red" ones may run commands; `refuse` answers commands
with ERROR at 200; `polls` is how often a task is new at least; `outcome` is "completed", "failed" or "cancelled";
`early_404`: tasks are not there for so many polls; `gone`: they are gone once completed; `exit_code`: whether
results have one; `downloads` are "base64" or "text"; `limit` is the most bytes of a transfer; `late` answers commands
so many seconds late, after they have begun.
"""

import binascii
import json
import re
import secrets
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jwt

from .commands import Command, Ended, listing
from .keys import Client
from .server import Answer, Request, Service, told

MACHINES = ("perlmutter", "dtns", "dtn01")
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
COMMAND_LIMIT = 8000
METHODS = {
    "status": ("GET",), "tasks": ("GET", "DELETE"), "command": ("POST",), "upload": ("PUT",), "download": ("GET",),
    "ls": ("GET",),
}  # fmt: skip


class Task:
    """A command that was accepted."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self.ended: Ended | None = None
        self.cancelled = False
        self.polls = 0
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        self.ended = self._command.wait()

    def cancel(self) -> None:
        self.cancelled = True
        self._command.kill()


class Sfapi(Service):
    """The service: tokens, tasks, files."""

    MODES = {
        "bad_client": False, "expires_in": 600, "expire": 0, "expired_status": 401, "colour": "red", "refuse": 0,
        "polls": 0, "outcome": "completed", "early_404": 0, "gone": False, "exit_code": True, "downloads": "base64",
        "limit": 5_242_880, "late": 0,
    }  # fmt: skip

    def __init__(self, url: str, home: Path, scratch: Path) -> None:
        super().__init__()
        self.url = url + "/api/v1.2"
        self.token_url = url + "/c2id/token"
        self.home = home
        self._client = Client(scratch)
        self._tokens: dict[str, float] = {}  # token: when it ends
        self._tasks: dict[str, Task] = {}

    def places(self) -> dict[str, str]:
        return {
            "home": str(self.home), "url": self.url, "token_url": self.token_url, "pem": str(self._client.pem),
            "json": str(self._client.json),
        }  # fmt: skip

    def how_to_use(self) -> str:
        options = f"key={str(self._client.pem)!r}, base_url={self.url!r}, token_url={self.token_url!r}"
        return f"rproxy.connect('sfapi://{MACHINES[0]}', {options})"

    def answer(self, request: Request) -> Answer:
        path = request.path.removeprefix("/api/v1.2")
        if request.path == "/c2id/token":
            return self.planned("token") or self._token(request)
        match = re.fullmatch(r"/(status|tasks|utilities/(?:command|upload|download|ls))/([^/]+)(/.*)?", path)
        if match is None:
            return told({"detail": "Not Found"}, 404)
        route, name, rest = match.group(1).removeprefix("utilities/"), match.group(2), match.group(3)
        if request.method not in METHODS[route]:
            return told({"detail": "Method Not Allowed"}, 405)
        planned = self.planned(route)
        if planned is not None:
            return planned
        if route == "status":
            return self._status(name)
        if not self._known(request):
            return told({"detail": "Token expired or not valid"}, self.modes["expired_status"])
        if route == "tasks":
            answer = self._task(request, name)
        elif name not in MACHINES:
            answer = told({"detail": [{"loc": ["path", "machine"], "msg": f"no such machine: {name}"}]}, 422)
        elif route == "command":
            answer = self._command(request)
        else:
            answer = self._file(request, route, unquote(rest or "/")[1:])
        return self.spoil(route, answer)

    # -- tokens ----------------------------------------------------------------------------------------

    def _token(self, request: Request) -> Answer:
        form = request.form
        if request.method != "POST":
            return told({"error": "invalid_request"}, 405)
        try:
            if self.modes["bad_client"] or form.get("client_assertion_type") != ASSERTION:
                raise jwt.InvalidTokenError("not accepted")
            if form.get("grant_type") != "client_credentials":
                return told({"error": "unsupported_grant_type"}, 400)
            self._client.check(form.get("client_assertion", ""), self.token_url)
        except jwt.InvalidTokenError as error:
            return told({"error": "invalid_client", "error_description": str(error)}, 401)
        token = secrets.token_urlsafe(32)
        life = self.modes["expires_in"]
        self._tokens[token] = time.time() + life
        return told({"access_token": token, "scope": "api", "token_type": "Bearer", "expires_in": life})

    def _known(self, request: Request) -> bool:
        if self.take("expire"):
            self._tokens.clear()
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return scheme == "Bearer" and self._tokens.get(token, 0) > time.time()

    def _status(self, machine: str) -> Answer:
        if machine not in MACHINES:
            return told({"detail": "Not Found"}, 404)
        return told({
            "name": machine, "full_name": machine.title(), "description": "", "system_type": "compute", "notes": [],
            "status": "active", "updated_at": "2025-01-01T00:00:00",
        })  # fmt: skip

    # -- commands --------------------------------------------------------------------------------------

    def _command(self, request: Request) -> Answer:
        executable = request.form.get("executable", "")
        if self.modes["colour"] != "red":
            return told({"detail": "this client may not run commands"}, 403)
        if not executable or len(executable) > COMMAND_LIMIT:
            message = f"field required, with at most {COMMAND_LIMIT} characters"
            return told({"detail": [{"loc": ["body", "executable"], "msg": message}]}, 422)
        if self.take("refuse"):
            return told({"task_id": None, "status": "ERROR", "error": "the machine does not take commands"})
        name = str(secrets.randbelow(10**6) + 10**6)
        command = Command(["/bin/sh", "-c", executable], self.home, 0.05 if request.doomed else None)
        self._tasks[name] = Task(command)
        time.sleep(self.modes["late"])
        return told({"task_id": name, "status": "OK", "error": None})

    def _task(self, request: Request, name: str) -> Answer:
        task = self._tasks.get(name)
        if task is None:
            return told({"detail": f"no such task: {name}"}, 404)
        if request.method == "DELETE":
            task.cancel()
            return told({"id": name, "status": "cancelled", "result": None})
        task.polls += 1
        if task.polls <= self.modes["early_404"] or (self.modes["gone"] and task.ended and task.polls > 1):
            return told({"detail": f"no such task: {name}"}, 404)
        return told({"id": name, **self._state(task)})

    def _state(self, task: Task) -> dict[str, Any]:
        ended, outcome = task.ended, self.modes["outcome"]
        if task.cancelled or outcome == "cancelled":
            return {"status": "cancelled", "result": None}
        if ended is None or task.polls <= self.modes["polls"]:
            return {"status": "new", "result": None}
        if outcome == "failed":
            return {"status": "failed", "result": "the machine has lost it"}
        result = {"status": "error" if ended.code else "ok", "output": ended.output, "error": ended.error}
        if ended.code:
            result["output"] = result["output"] or ""
        if self.modes["exit_code"]:
            result["exit_code"] = ended.code
        return {"status": "completed", "result": json.dumps(result)}

    # -- files -----------------------------------------------------------------------------------------

    def _file(self, request: Request, route: str, rest: str) -> Answer:
        path = Path(rest)
        failed = {"status": "ERROR", "output": None, "file": None, "entries": None}
        if not path.is_absolute():
            return told({**failed, "error": f"not an absolute path: {rest}"})
        try:
            if route == "upload":
                if "file" not in request.files:
                    return told({"detail": [{"loc": ["body", "file"], "msg": "field required"}]}, 422)
                data = request.files["file"][1]
                if len(data) > self.modes["limit"]:
                    return told({**failed, "error": "the file is too large"})
                path.write_bytes(data)
                return told({"status": "OK", "output": "", "error": None})
            if route == "download":
                return self._download(request, path, failed)
            return told({"status": "OK", "entries": listing(path), "error": None})
        except OSError as error:
            return told({**failed, "error": f"{error.strerror}: {rest}"})

    def _download(self, request: Request, path: Path, failed: dict[str, Any]) -> Answer:
        data = path.read_bytes()
        if len(data) > self.modes["limit"]:
            return told({**failed, "error": "the file is too large"})
        binary = request.query.get("binary") == "true"
        if self.modes["downloads"] == "text" or not binary:
            try:
                return told({"status": "OK", "file": data.decode(), "is_binary": False, "error": None})
            except UnicodeDecodeError:
                if not binary:
                    return told({**failed, "error": "the file is binary"})
        text = binascii.b2a_base64(data, newline=False).decode()
        return told({"status": "OK", "file": text, "is_binary": True, "error": None})

    def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
