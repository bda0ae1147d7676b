"""What stays on the far side, what is brought, and what is let go of, at the user's word.

Rules: `keep` and `keep_results` leave results there even if they are data; `fetch` brings an object by value,
and never half of it; `release` lets go at once, and what was released says so when it is used again.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ParamSpec

from .blocks import entered
from .errors import SerializationError
from .proxies import stand_in_of

Params = ParamSpec("Params")


def keep_results(session: object) -> AbstractContextManager[None]:
    """Leaves the results of this thread's or task's calls on the far side, inside the block."""
    return entered(session, keeps=True)


def keep(function: Callable[Params, Any]) -> Callable[Params, Any]:
    """The same remote function, but its result stays there, behind a proxy, even if it is data.

    Raises:
        TypeError: it is no remote callable.
    """
    state = stand_in_of(function)
    if state is None or not callable(function):
        raise TypeError(f"rproxy.keep takes a function, method or class of a remote module, not {function!r}")

    def kept(*args: Params.args, **kwargs: Params.kwargs) -> Any:
        return state._self_session.keep(state._self_target, state._self_path, args, kwargs)

    return kept


def fetch(obj: Any) -> Any:
    """The value of a remote object, if it is data, an exception, or of a package that the client trusts.

    What is no proxy is returned as it is.

    Raises:
        SerializationError: the object is neither.
    """
    state = stand_in_of(obj)
    if state is None:
        return obj
    found = state._self_session.get(state._self_target, state._self_path)
    if stand_in_of(found) is not None:
        error = state._self_session.make_error("told", (found,))
        if error is not None:
            return error
        raise SerializationError(
            f"{state._self_name()} is no data and cannot be fetched; name its package in connect(..., trust=[...]) "
            "to have its instances by value"
        )
    return found


def release(obj: Any) -> None:
    """Lets the far side's object go now, whoever still holds its proxy.

    Raises:
        TypeError: it is no proxy of a live object.
    """
    state = stand_in_of(obj)
    if type(getattr(state, "_self_target", None)) is int and not state._self_path:
        state = getattr(state, "_self_owner", None) or state  # of a function or class that is an object there
    let_go = getattr(type(state), "_self_let_go", None)
    if let_go is None:
        raise TypeError(f"rproxy.release takes the proxy of a live object, not {obj!r}")
    let_go(state)
