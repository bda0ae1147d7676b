"""Asks a resident endpoint for the answer to a request, by as many commands as it takes.

Rules: a call outlives the command that has brought it: where that is lost, or has waited for long, another asks
after the answer; whoever stops waiting has the call stopped there. What has never come is brought once more, which is
safe, for the endpoint runs no number twice: so a call that finds its host out of reach waits for it.
"""

import contextlib
import math
import threading
import time

from ..errors import AuthenticationError, CallTimeout, ConnectionLost, ConnectorError, HostKeyError, RProxyError
from .carrier import Carrier, Unanswered
from .patience import Patience

#: How long a call that has taken too long may take to be stopped there, in seconds.
TO_STOP = 2.0
#: The stages of connecting that may go better after a while.
AWAY = ("name resolution", "connection")


class Request:
    """A request on its way: the number of the part that is it, and the parts that bring it."""

    came = False  # whether it may have come
    trouble = ""  # why it has not come yet, for the end of a message

    def __init__(self, what: str, number: int, parts: bytes, until: float | None) -> None:
        self.what, self.number, self.parts = what, number, parts
        self.until = math.inf if until is None else until  # when it is to be stopped


class Asking:
    """The commands of one client to its resident endpoint.

    `words` name the endpoint; `wait` is how long a command waits for an answer before it says that there is none yet,
    in seconds (0 for any time): services, gateways and links end what is silent for long. A command that takes
    `slowest` seconds more is lost, perhaps with its link. After a lost one others are tried for `reconnect_timeout`
    seconds, and so is a host that is out of reach, but by the first request.
    """

    def __init__(
        self, carrier: Carrier, client: str, words: tuple[str, str], *,
        wait: float, slowest: float, reconnect_timeout: float,
    ) -> None:  # fmt: skip
        self._carrier = carrier
        self._client = client
        self._words = words
        self._wait, self._slowest, self._again = wait, slowest, reconnect_timeout
        #: How long the endpoint goes on with a call after which nobody asks: longer than this side would.
        self._patience = reconnect_timeout + wait + slowest
        self.refused = 0  # the number of the last request that has not come, and is not taken any more
        self._unwanted = 0  # the number of the last request that was stopped
        self._closed = False
        self._changed = threading.Event()  # one of both

    def answer(self, what: str, number: int, parts: bytes, until: float | None = None) -> tuple[bytes, bool]:
        """What answers the request of that number, which is among the parts, and whether it had to be stopped at
        the time `until`.

        Raises CallTimeout, if it could not; ConnectionLost, and whatever a connector raises.
        """
        request = Request(what, number, parts, until)
        try:
            return self._answered(request), False
        except _TooLate:
            if not request.came:
                raise CallTimeout(f"it had not begun there, and never will{request.trouble}") from None
            return self._stopped(number), True
        except RProxyError:
            raise
        except BaseException:  # Ctrl-C, or a cancelled task: a second one ends this too
            if request.came:
                with contextlib.suppress(RProxyError):
                    self.stop(number)
            raise

    def stop(self, number: int) -> None:
        """Has a request interrupted there, as soon as it can be; one that has not begun never will."""
        self._unwanted = number
        self._changed.set()
        with contextlib.suppress(Unanswered):  # what runs there keeps the endpoint from saying that it has heard
            self._carry("stop", number, b"", TO_STOP)

    def close(self) -> None:
        """Has whoever waits for the host wait no longer."""
        self._closed = True
        self._changed.set()

    def _answered(self, request: Request) -> bytes:
        how, first, patience = request.what, None, Patience(self._again, self._changed)
        while True:
            wait, came = self._left(request.until), request.came
            try:
                request.came = True
                return self._carry(how, request.number, request.parts if how == request.what else b"", wait)
            except Unanswered as word:
                patience = Patience(self._again, self._changed)  # the link is sound
                how = "again" if word.args[0] == "running" else request.what
            except (ConnectorError, CallTimeout) as error:
                lost = isinstance(error, CallTimeout) or (isinstance(error, ConnectionLost) and error.may_have_run)
                request.came = came or lost
                if isinstance(error, AuthenticationError | HostKeyError):
                    raise
                if not request.came:
                    self._wait_for_host(request, error, patience)
                    continue
                if isinstance(error, CallTimeout):
                    self._carrier.check_link()
                first = first or error
                gone = isinstance(error, ConnectionLost) and not lost
                if (gone and request.what == "more") or not self._goes_on(request, patience):
                    raise self._given_up(first, None if gone else error) from error
                how = request.what if gone else "again"

    def _left(self, until: float) -> float:
        """How long the next command may wait. Raises _TooLate."""
        left = until - time.monotonic()
        if left <= 0:
            raise _TooLate
        return self._wait if left == math.inf else min(left, self._wait or left)

    def _goes_on(self, request: Request, patience: Patience) -> bool:
        """Waits until the next command is due; False if there should be none."""
        return patience.pause(request.until) and not self._closed

    def _wait_for_host(self, request: Request, error: RProxyError, patience: Patience) -> None:
        """Waits until a request is to be brought again that has not come. Raises why it should not be."""
        if error.stage not in AWAY or request.what == "new":
            raise error
        request.trouble = f": {error}"
        if not self._goes_on(request, patience) or self._unwanted == request.number:
            text = f"the call did not run: its host could not be reached {self._how_long()}{request.trouble}"
            raise ConnectionLost(text, may_have_run=False).at(error.stage, error.mend) from error

    def _how_long(self) -> str:
        return "until the client was closed" if self._closed else f"for {self._again:g} s"

    def _stopped(self, number: int) -> bytes:
        """The answer to a request that has taken too long. Raises CallTimeout, if there is none."""
        try:
            self.stop(number)
            return self._carry("again", number, b"", TO_STOP)
        except Unanswered:
            raise CallTimeout("it could not be stopped there, and may go on") from None
        except ConnectorError as error:
            if isinstance(error, ConnectionLost) and not error.may_have_run:
                raise CallTimeout("it had not begun there, and never will") from None
            raise CallTimeout(f"whether it could be stopped there is unknown: {error}") from error

    def _given_up(self, first: Exception, last: Exception | None) -> ConnectionLost:
        """For a call whose end is not known; `last` is why its endpoint cannot be asked, or None if it is gone."""
        why = "it has ended" if last is None else f"it could not be asked again {self._how_long()}: {last}"
        return ConnectionLost(
            f"a call was lost, and its resident endpoint cannot tell its result: {why}\n"
            f"At first: {first}\nWhether the call has run is unknown."
        )

    def _carry(self, what: str, number: int, parts: bytes, wait: float) -> bytes:
        """Has one command bring something to the endpoint. Raises what `Carrier.carry` does."""
        head = f"{self._client} {what} {number} {self._patience:g}\n".encode()
        words = (*self._words, "start" if what == "new" else "no", f"{wait:g}")
        limit = wait + self._slowest if wait else None
        try:
            return self._carrier.carry(head + parts, "relay", *words, limit=limit)
        except ConnectionLost as error:
            if not error.may_have_run:
                self.refused = number
            raise


class _TooLate(Exception):
    """A request has taken longer than it was given."""
