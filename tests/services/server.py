"""An HTTP server around a service, with a control entrance and faults.

Rules: what a test switches holds from the next request on; a fault is chosen by the seed and the number of the
request alone; paths come to the service as they were sent, `//` and `%2F` included.

The control entrance is `/_control`: `GET` tells the modes, the requests so far and where things are; `PATCH` with
a JSON object sets modes; `DELETE` sets them back and forgets the requests.
"""

import contextlib
import io
import json
import random
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

HTML = b"<!DOCTYPE html><html><body><h1>Scheduled maintenance</h1></body></html>"


class Request(NamedTuple):
    """`path` is as it was sent; `form` and `files` are of its body, which is `body` where it is no form.

    `doomed` says that the command of this request is to be killed in its middle.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    cookies: dict[str, str]
    body: bytes
    form: dict[str, str]
    files: dict[str, tuple[str, bytes]]
    doomed: bool


class Answer(NamedTuple):
    """A status, a body, and more headers."""

    status: int
    body: bytes
    kind: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


def told(value: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    return Answer(status, json.dumps(value).encode(), headers=headers)


class Service:
    """What a service has: modes that can be switched, and an answer to each request."""

    #: Modes of every service. `answers`: statuses for coming requests, in order, by the name of their route;
    #: `html`: so many coming answers are a page of HTML with 200; `slow`: how long requests wait for their turn, in
    #: seconds; `faults`: the share of requests that fail in each of three stages, and a seed.
    MODES: dict[str, Any] = {"answers": {}, "html": {}, "slow": {}, "faults": {"share": 0.0, "seed": 1}}

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.modes: dict[str, Any] = {}
        self.log: list[tuple[str, str, int]] = []
        self.faults: dict[str, int] = {}  # how many requests have failed in each stage
        self.reset()

    def reset(self) -> None:
        with self.lock:
            self.modes = json.loads(json.dumps({**Service.MODES, **self.MODES}))
            self.log = []
            self.faults = {}

    def set_modes(self, modes: dict[str, Any]) -> None:
        unknown = set(modes) - set(self.modes)
        if unknown:
            raise ValueError(f"no such modes: {sorted(unknown)}; there are {sorted(self.modes)}")
        with self.lock:
            self.modes.update(modes)

    def take(self, mode: str) -> bool:
        """Whether a mode that counts coming requests holds for this one."""
        with self.lock:
            left = int(self.modes[mode])
            self.modes[mode] = max(0, left - 1)
            return left > 0

    def planned(self, route: str) -> Answer | None:
        """The answer that a test wants for this route now, whatever was asked. A slow route waits."""
        time.sleep(self.modes["slow"].get(route, 0))
        with self.lock:
            statuses = self.modes["answers"].get(route)
            if statuses:
                status = statuses.pop(0)
                return told({"detail": f"{status} as planned"}, status, (("Retry-After", "0"),))
        return None

    def spoil(self, route: str, answer: Answer) -> Answer:
        """The answer to a request that was carried out, or a page in its place."""
        with self.lock:
            left = self.modes["html"].get(route, 0)
            if left:
                self.modes["html"][route] = left - 1
                return Answer(200, HTML, "text/html")
        return answer

    def answer(self, request: Request) -> Answer:
        raise NotImplementedError

    def places(self) -> dict[str, str]:
        """What a test needs to know: the home of the commands, keys."""
        raise NotImplementedError

    def how_to_use(self) -> str:
        raise NotImplementedError

    def close(self) -> None:
        """Ends what runs."""


class Server(ThreadingHTTPServer):
    """Serves one service on 127.0.0.1."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.service: Service
        self.requests = 0

    def stage(self) -> tuple[str, random.Random]:
        """In which stage the next request is to fail, if any, and what chooses the rest."""
        with self.service.lock:
            faults = self.service.modes["faults"]
            self.requests += 1
            chance = random.Random(f"{faults['seed']} {self.requests}")
            drawn, share = chance.random(), faults["share"]
            stages = [("before", share), ("during", 2 * share), ("after", 3 * share)]
            stage = next((stage for stage, edge in stages if drawn < edge), "")
            if stage:
                self.service.faults[stage] = self.service.faults.get(stage, 0) + 1
        return stage, chance

    def handle_error(self, request: Any, address: Any) -> None:
        """A client that has gone is no error of the server's."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the control entrance tells what was asked."""

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if urlsplit(self.path).path == "/_control":
            self._send(self._control(body))
            return
        stage, chance = self.server.stage()
        if stage == "before":
            if chance.random() < 0.5:
                self._drop()
            else:
                self._send(told({"detail": "the service is not available"}, 503))
            return
        doomed = stage == "during" and chance.random() < 0.5
        request = self._request(body, doomed)
        if stage == "during" and not doomed:
            self._drop()  # and the command goes on
            self.server.service.answer(request)
            return
        answer = self.server.service.answer(request)
        with self.server.service.lock:
            self.server.service.log.append((self.command, self.path, answer.status))
        if stage == "after":
            self._send_badly(answer, chance)
        else:
            self._send(answer)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = handle_any

    def _request(self, body: bytes, doomed: bool) -> Request:
        parts = urlsplit("http://host" + self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        pairs = (pair.strip().partition("=") for pair in headers.get("cookie", "").split(";"))
        kind, options = parse_options_header(headers.get("content-type"))
        stream, form, files = FormDataParser(silent=False).parse(io.BytesIO(body), kind, len(body), options)
        return Request(
            self.command, parts.path, query, headers, {name: value for name, _, value in pairs if name},
            stream.read(), form.to_dict(),
            {name: (file.filename or "", file.read()) for name, file in files.items()}, doomed,
        )  # fmt: skip

    def _control(self, body: bytes) -> Answer:
        service = self.server.service
        if self.command == "DELETE":
            service.reset()
        elif self.command == "PATCH":
            try:
                service.set_modes(json.loads(body))
            except ValueError as error:
                return told({"error": str(error)}, 400)
        with service.lock:
            state = {"modes": service.modes, "requests": service.log, "faults": service.faults}
            return told({**state, "places": service.places()})

    # -- sending ---------------------------------------------------------------------------------------

    def _send(self, answer: Answer, cut: int = 0) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body[: len(answer.body) - cut])

    def _send_badly(self, answer: Answer, chance: random.Random) -> None:
        """An answer that is lost, cut, late, doubled, or a page of HTML."""
        how = chance.choice(["lost", "cut", "cut short", "late", "doubled", "html"])
        if how == "lost":
            self._drop()
        elif how == "cut":
            self._send(answer, cut=chance.randint(1, max(1, len(answer.body))))
            self._drop()
        elif how == "cut short":  # as proxies do that tell the length of what they have got
            self._send(answer._replace(body=answer.body[: chance.randint(0, len(answer.body) - 1)]))
        elif how == "late":
            time.sleep(0.5)
            self._send(answer)
        elif how == "doubled":
            self._send(answer._replace(body=answer.body * 2))
        else:
            self._send(Answer(200, HTML, "text/html"))

    def _drop(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
