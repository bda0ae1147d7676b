"""What waiting calls, and later ones, are told of a session that has ended.

Rules: an error says whether its call may have run; at the end of the interpreter nobody is told anything: threads that
it leaves behind would print it.
"""

import atexit
import functools
import threading

from ..errors import ConnectionLost, RProxyError


def lost(target: str, why: str) -> ConnectionLost:
    """For a session whose link was lost, and for the calls that were under way."""
    return ConnectionLost(
        f"the session with {target} has ended{why}. Whether a call that was under way has run is unknown. "
        "Make a new client to go on, or call reconnect()."
    )


def repeated(error: RProxyError) -> RProxyError:
    """The same for another thread: a traceback is one thread's own."""
    check_exit()
    return type(error)(*error.args)


_exit = threading.Event()


def check_exit() -> None:
    """Does not return where nobody is to be told any more; no lock may be held."""
    if _exit.is_set() and threading.current_thread() is not threading.main_thread():
        threading.Event().wait()  # the interpreter does not wait for this thread


@functools.cache
def hear_of_exit() -> None:
    """Takes note of the interpreter's end before the streams do, which are there already."""
    atexit.register(_exit.set)


def not_sent(error: RProxyError | None) -> RProxyError:
    """For calls that come after the end, or whose bytes did not all go."""
    assert error is not None
    if isinstance(error, ConnectionLost):
        return ConnectionLost(f"{error.args[0]}\nThis call was not sent.", may_have_run=False)
    return type(error)(*error.args)
