"""Requests in words, and where an exception of the far side comes from, for errors."""

from typing import Any

from rproxy_endpoint.protocol.messages import Get

from .proxies import stand_in_of


def name_of(message: Any) -> str:
    """What a request is about, in words."""
    target = message.target
    path = message.paths[0] if isinstance(message, Get) else getattr(message, "path", "__next__")
    if isinstance(target, str):
        return f"{target}.{path}" if path else target
    if isinstance(target, int):
        return f"the object's {path}" if path else "the object"
    stand_in = stand_in_of(target)
    return repr(stand_in) if stand_in is not None else f"{getattr(target, '__qualname__', target)}"


def annotate(error: Any, target: str, own: BaseException | None = None) -> None:
    """Makes a remote exception show its remote traceback, and so its causes and contexts.

    `own` is the exception of this side, if that is what has come back: it tells where it has been.
    """
    if own is not None:
        own.add_note(f"It came back through {target}:\n{error.remote_traceback.rstrip()}")
        return
    seen: set[int] = set()
    queue = [error]
    while queue:
        one = queue.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        for note in one.remote_notes:
            BaseException.add_note(one, note)
        if one.remote_traceback:
            BaseException.add_note(one, f"On {target}:\n{one.remote_traceback.rstrip()}")
        queue += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
