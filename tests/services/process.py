"""A double in a process of its own, as tests use it."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]


class Double:
    """A running double: `places` tells where its home, URL and keys are.

    It ends with its `with` block, and also when the process that has started it is gone.
    """

    def __init__(self, service: str) -> None:
        command = [sys.executable, "-m", "tests.services", service]
        self._process = subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        self._control = self._process.stdout.readline().strip() + "/_control"
        self.places: dict[str, str] = self._ask("GET")["places"]
        self.home = Path(self.places["home"])

    def modes(self, **modes: Any) -> None:
        """Switches modes, from the next request on."""
        self._ask("PATCH", modes)

    def reset(self) -> None:
        """Sets the modes back and forgets the requests."""
        self._ask("DELETE")

    def requests(self) -> list[tuple[str, str, int]]:
        """Method, path and status of each request since the last `reset`."""
        return [(method, path, status) for method, path, status in self._ask("GET")["requests"]]

    def faults(self) -> dict[str, int]:
        """How many requests have failed in each stage since the last `reset`."""
        return dict(self._ask("GET")["faults"])

    def _ask(self, method: str, modes: dict[str, Any] | None = None) -> Any:
        data = None if modes is None else json.dumps(modes).encode()
        with urllib.request.urlopen(urllib.request.Request(self._control, data, method=method), timeout=30) as reply:
            return json.load(reply)

    def __enter__(self) -> "Double":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: Any, traceback: TracebackType | None) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=20)
        self._process.stdout.close()
