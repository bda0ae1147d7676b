"""What waiting calls, and later ones, are told of a session that has ended."""

from ..errors import ConnectionLost, RProxyError


def lost(target: str, why: str) -> ConnectionLost:
    """For a session whose link was lost, and for the calls that were under way."""
    return ConnectionLost(
        f"the session with {target} has ended{why}. Whether a call that was under way has run is unknown. "
        "Make a new client to go on, or call reconnect()."
    )


def repeated(error: RProxyError) -> RProxyError:
    """The same for another thread: a traceback is one thread's own."""
    return type(error)(*error.args)


def not_sent(error: RProxyError | None) -> RProxyError:
    """For calls that come after the end, or whose bytes did not all go."""
    assert error is not None
    if isinstance(error, ConnectionLost):
        return ConnectionLost(f"{error.args[0]}\nThis call was not sent.", may_have_run=False)
    return repeated(error)
