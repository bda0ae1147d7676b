"""A double of NEWT version 1.

Modes: `refuse` refuses logins; `lifetime` is a session's, in seconds; `expire` ends all sessions once; `newline` is
"keep", "always" or "never", for the end of output; `file_limit` is the most bytes of a file; `words` runs commands
by their words alone, without a shell; `late` answers commands so many seconds late; `down` is the machines' state.
"""

import re
import secrets
import shlex
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from .commands import Command, listing
from .server import Answer, Request, Service, told

USER, PASSWORD = "tester", "correct horse 123456"
MACHINES = ("edison", "hopper")
REFUSED = {"auth": False, "username": None, "session_lifetime": 0, "newt_sessionid": None}


class Newt(Service):
    """The service: sessions by cookie, commands, files."""

    MODES = {
        "refuse": False, "lifetime": 43199, "expire": 0, "newline": "keep", "file_limit": 100_000_000,
        "words": False, "late": 0, "down": False,
    }  # fmt: skip

    def __init__(self, url: str, home: Path, scratch: Path) -> None:
        super().__init__()
        self.url = url + "/newt"
        self.home = home
        self._sessions: dict[str, float] = {}  # id: when it ends

    def places(self) -> dict[str, str]:
        return {"home": str(self.home), "url": self.url, "username": USER, "password": PASSWORD}

    def how_to_use(self) -> str:
        options = f"username={USER!r}, password={PASSWORD!r}, base_url={self.url!r}"
        return f"rproxy.connect('newt://{MACHINES[0]}', {options})"

    def answer(self, request: Request) -> Answer:
        match = re.fullmatch(r"/newt/([a-z]+)/?([^/]*)(/.*)?", request.path)
        if match is None:
            return told({"error": "no such resource"}, 404)
        route, machine, rest = match.group(1), match.group(2), unquote(match.group(3) or "")
        planned = self.planned(route)
        if planned is not None:
            return planned
        if route in ("auth", "login", "logout"):
            answer = self._session(request, route)
        elif route == "status" and request.method == "GET" and machine in ("", *MACHINES):
            answer = self._status(machine)
        elif machine not in MACHINES:
            answer = told({"status": "ERROR", "output": "", "error": f"unknown machine {machine}"}, 404)
        elif not self._known(request):
            answer = told({"status": "ERROR", "error": "not logged in"}, 403)
        elif route == "command" and request.method == "POST":
            answer = self._command(request)
        elif route == "file" and request.method in ("GET", "PUT", "POST"):
            answer = self._file(request, rest)
        else:
            answer = told({"error": "no such resource"}, 404)
        return self.spoil(route, answer)

    # -- sessions --------------------------------------------------------------------------------------

    def _session(self, request: Request, route: str) -> Answer:
        cookie = request.cookies.get("newt_sessionid", "")
        if route == "logout":
            self._sessions.pop(cookie, None)
            return told(REFUSED)
        if request.method == "GET":
            return told(self._logged_in(cookie) if self._known(request) else REFUSED)
        right = (request.form.get("username"), request.form.get("password")) == (USER, PASSWORD)
        if not right or self.modes["refuse"]:
            return told(REFUSED)
        name = secrets.token_hex(16)
        self._sessions[name] = time.time() + self.modes["lifetime"]
        return told(self._logged_in(name), headers=(("Set-Cookie", f"newt_sessionid={name}; path=/"),))

    def _logged_in(self, name: str) -> dict[str, Any]:
        left = int(self._sessions[name] - time.time())
        return {"username": USER, "session_lifetime": left, "auth": True, "newt_sessionid": name}

    def _known(self, request: Request) -> bool:
        if self.take("expire"):
            self._sessions.clear()
        return self._sessions.get(request.cookies.get("newt_sessionid", ""), 0) > time.time()

    def _status(self, machine: str) -> Answer:
        state = "down" if self.modes["down"] else "up"
        if machine:
            return told({"system": machine, "status": state})
        return told([{"system": name, "status": state} for name in MACHINES])

    # -- commands and files ----------------------------------------------------------------------------

    def _command(self, request: Request) -> Answer:
        executable, login = request.form.get("executable", ""), request.form.get("loginenv")
        if not executable.startswith("/") or login not in ("true", "false"):
            return told({"status": "ERROR", "output": "", "error": "an absolute path and loginenv are needed"})
        try:
            words = shlex.split(executable)
        except ValueError as error:
            return told({"status": "ERROR", "output": "", "error": str(error)})
        if login == "true":
            profile = '[ -r "$HOME/.profile" ] && . "$HOME/.profile"\n'
            words = ["/bin/sh", "-c", profile + executable]
        elif not self.modes["words"]:
            words = ["/bin/sh", "-c", executable]
        elif "\n" in executable:
            return told({"status": "ERROR", "output": "", "error": "one line is needed"})
        try:
            ended = Command(words, self.home, 0.05 if request.doomed else None).wait()
        except OSError as error:
            return told({"status": "ERROR", "output": "", "error": str(error)})
        time.sleep(self.modes["late"])
        output = ended.output
        if self.modes["newline"] != "keep":
            output = output.rstrip("\n") + ("\n" if self.modes["newline"] == "always" else "")
        return told({"status": "ERROR" if ended.code else "OK", "output": output, "error": ended.error})

    def _file(self, request: Request, rest: str) -> Answer:
        path = Path(rest)
        too_large = told({"status": "ERROR", "error": "the file is too large"}, 500)
        try:
            if request.method == "PUT":
                if len(request.body) > self.modes["file_limit"]:
                    return too_large
                path.write_bytes(request.body)
                return told({"status": "OK", "location": rest, "error": ""})
            if request.method == "POST":
                if "file" not in request.files:
                    return told({"status": "ERROR", "error": "a part named file is needed"}, 400)
                name, data = request.files["file"]
                if len(data) > self.modes["file_limit"]:
                    return too_large
                (path / Path(name).name).write_bytes(data)
                return told({"status": "OK", "location": f"{rest}/{name}", "error": ""})
            if request.query.get("view") != "read":
                return told(listing(path))
            if path.stat().st_size > self.modes["file_limit"]:
                return too_large
            return Answer(200, path.read_bytes(), "application/octet-stream")
        except OSError as error:
            return told({"status": "ERROR", "error": f"{error.strerror}: {rest}"}, 500)
