"""Asks a resident endpoint for the answer to a request, by as many commands as it takes.

Rules: a call outlives the command that has brought it: where that is lost, or has waited for long, another asks
after the answer; whoever stops waiting has the call stopped there. What has never come is brought once more, which is
safe, for the endpoint runs no number twice.
"""

import contextlib
import time

from ..errors import AuthenticationError, CallTimeout, ConnectionLost, ConnectorError, HostKeyError, RProxyError
from .carrier import Carrier, Unanswered
from .patience import Patience

#: How long a call that has taken too long may take to be stopped there, in seconds.
TO_STOP = 2.0


class Asking:
    """The commands of one client to its resident endpoint.

    `words` name the endpoint; `wait` is how long a command waits for an answer before it says that there is none yet,
    in seconds (0 for any time): services, gateways and links end what is silent for long. A command that takes
    `slowest` seconds more is lost. After a lost one others are tried for `reconnect_timeout` seconds.
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

    def answer(self, what: str, number: int, parts: bytes, until: float | None = None) -> tuple[bytes, bool]:
        """What answers the request of that number, which is among the parts, and whether it had to be stopped at
        the time `until`.

        Raises CallTimeout, if it could not; ConnectionLost, and whatever a connector raises.
        """
        try:
            return self._answered(what, number, parts, until), False
        except _TooLate:
            return self._stopped(number), True
        except RProxyError:
            raise
        except BaseException:  # Ctrl-C, or a cancelled task: a second one ends this too
            with contextlib.suppress(RProxyError):
                self.stop(number)
            raise

    def stop(self, number: int) -> None:
        """Has a request interrupted there, as soon as it can be; one that has not begun never will."""
        with contextlib.suppress(Unanswered):  # what runs there keeps the endpoint from saying that it has heard
            self._carry("stop", number, b"", TO_STOP)

    def _answered(self, what: str, number: int, parts: bytes, until: float | None) -> bytes:
        how, first, patience = what, None, Patience(self._again)
        while True:
            try:
                return self._carry(how, number, parts if how == what else b"", self._left(until))
            except Unanswered as word:
                patience = Patience(self._again)  # the link is sound
                how = "again" if word.args[0] == "running" else what
            except (AuthenticationError, HostKeyError):
                raise
            except (ConnectorError, CallTimeout) as error:
                lost = isinstance(error, CallTimeout) or (isinstance(error, ConnectionLost) and error.may_have_run)
                if first is None and how == what and not lost:
                    raise  # nothing has run
                first = first or error
                gone = isinstance(error, ConnectionLost) and not lost
                if (gone and what == "more") or not patience.pause():
                    raise self._given_up(first, None if gone else error) from error
                how = what if gone else "again"

    def _left(self, until: float | None) -> float:
        """How long the next command may wait. Raises _TooLate."""
        if until is None:
            return self._wait
        left = until - time.monotonic()
        if left <= 0:
            raise _TooLate
        return min(left, self._wait or left)

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
        why = "it has ended" if last is None else f"it could not be asked again for {self._again:g} s: {last}"
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
