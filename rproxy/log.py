"""What rproxy tells of itself, by the standard `logging`.

Rules: one logger for each layer, `rproxy.client`, `rproxy.channel`, `rproxy.deployment`, `rproxy.connector`; INFO tells
what begins and ends, DEBUG each command and each message, and never what is in them; a program that has not loaded
`logging` listens to nothing, and pays nothing.
"""

import functools
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

#: Names the file that messages are traced to.
TRACE = "RPROXY_TRACE"
#: What is left of a command in a line, in characters: its beginning and its end, where it says what it is for.
_SHOWN = 40, 200
#: Programs and requests that ride in commands.
_PAYLOAD = re.compile(r"""(?:[A-Za-z0-9+/=\\]{60,}["' ]*)+""")


def info(layer: str, text: str, *args: Any) -> None:
    """Tells of something that begins or ends; `args` are for ``%`` in the text, as those of `logging`."""
    logger = _logger(layer)
    if logger is not None:
        logger.info(text, *args, stacklevel=3)


def debug(layer: str, text: str, *args: Any) -> None:
    logger = _logger(layer)
    if logger is not None:
        logger.debug(text, *args, stacklevel=3)


def connected(target: str, channel: str, facts: Mapping[str, Any], seconds: float) -> None:
    """Tells of a new client: `facts` are what the far side says of itself."""
    python = ".".join(map(str, facts["python"]))
    there = f"Python {python} ({facts['executable']}), process {facts.get('pid')} of {facts.get('host')}"
    info("client", "connected to %s by %s in %.1f ms: %s", target, channel, seconds * 1e3, there)


def is_debugging(layer: str) -> bool:
    logger = _logger(layer)
    return logger is not None and logger.isEnabledFor(10)  # logging.DEBUG


def is_watching() -> bool:
    """Whether anybody wants to see each message of the clients that are made now."""
    return bool(os.environ.get(TRACE)) or is_debugging("channel")


def _logger(layer: str) -> Any:
    logging = sys.modules.get("logging")
    return None if logging is None else logging.getLogger(f"rproxy.{layer}")


def watch_connector(connector: Any) -> None:
    """Has a connector tell of each command and each copy, if anybody listens now."""
    if not is_debugging("connector") or "run" in vars(connector):
        return
    for name in ("run", "push", "pull", "open"):
        method = getattr(connector, name, None)
        if method is not None:
            setattr(connector, name, _told(connector.target, name, method))


def _told(target: str, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def told(*args: Any, **kwargs: Any) -> Any:
        begin = time.perf_counter()
        outcome = "raised"
        try:
            found = method(*args, **kwargs)
            outcome = f"exit code {found.returncode}" if name == "run" else "done"
            return found
        except BaseException as error:
            outcome = f"raised {type(error).__name__}"
            raise
        finally:
            what = " -> ".join(shortened(str(arg)) for arg in args)
            took = (time.perf_counter() - begin) * 1e3
            debug("connector", "%s: %s %s: %s, %.1f ms", target, name, what, outcome, took)

    return told


def shortened(command: str) -> str:
    """A command on one line, without the programs and requests in it."""
    text = _PAYLOAD.sub("...", " ".join(command.split()))
    first, last = _SHOWN
    return text if len(text) <= first + last else f"{text[:first]} ... {text[-last:]}"
