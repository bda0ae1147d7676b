"""`client.batch()`: several natural calls as one request, and promises of their values.

Rules: nothing is sent before the block's end, and nothing at all if it is left by an exception; the arguments are
those of the time of the call; each call is independent of the others, and all of them run, in order; no failure
passes unseen: the first one is raised at the block's end, and each promise raises its own.
"""

import contextlib
from collections.abc import Iterator
from typing import Any, NoReturn, Protocol

from rproxy_endpoint.protocol.errors import ValueFault
from rproxy_endpoint.protocol.peer import Packed

from .blocks import entered
from .channels import Channel, Sink
from .errors import CallCancelled


class Sends(Protocol):
    """What a batch needs of the session."""

    target: str

    @property
    def channel(self) -> Channel: ...
    def sink(self) -> Sink: ...
    def exchange(self, requests: list[Packed], sinks: list[Sink]) -> list[Any]: ...
    def value_of(self, message: Any, answer: Any) -> Any: ...


class Promise:
    """The value of a call in a batch, once the block has ended."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._done = False
        self._value: Any = None
        self._error: BaseException | None = None

    def done(self) -> bool:
        """Whether the block has ended."""
        return self._done

    def result(self) -> Any:
        """The call's value. Raises what the call raised; RuntimeError before the block's end."""
        error = self.exception()
        if error is not None:
            raise error
        return self._value

    def exception(self) -> BaseException | None:
        """What the call raised, or None. Raises RuntimeError before the block's end."""
        if not self._done:
            raise RuntimeError(f"{self._what} is in a batch, which is sent at the end of its block: ask after it")
        return self._error

    def _resolve(self, value: Any, error: BaseException | None) -> None:
        self._done, self._value, self._error = True, value, error

    def _misused(self, *args: Any) -> NoReturn:
        raise TypeError(f"{self!r} stands for a value: use its result(), after the block")

    __bool__ = __iter__ = __reduce_ex__ = _misused
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        """Only promises are compared: that one is not its value would pass for an answer."""
        return self is other if isinstance(other, Promise) else self._misused()

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{self!r} has no {name!r}: it stands for a value: use its result(), after the block")

    def __repr__(self) -> str:
        if not self._done:
            state = "to be sent at the end of the block"
        else:
            state = repr(self._value) if self._error is None else f"raised {type(self._error).__name__}"
        return f"<promise of {self._what}: {state}>"


class Batch:
    """The calls of one block."""

    def __init__(self, session: Sends) -> None:
        self._session = session
        self._messages: list[Any] = []
        self._packed: list[Any] = []
        self._sinks: list[Sink] = []
        self._promises: list[Promise] = []

    def __len__(self) -> int:
        return len(self._promises)

    def add(self, message: Any, what: str) -> Promise:
        """Takes a call. Raises SerializationError for arguments that cannot travel."""
        try:
            self._packed.append(self._session.channel.pack(message))
        except ValueFault as fault:
            self._session.value_of(message, fault)  # raises what that means
        self._messages.append(message)
        self._sinks.append(self._session.sink())
        self._promises.append(Promise(what))
        return self._promises[-1]

    def run(self) -> None:
        """Sends the calls and resolves their promises; raises what the first of them raised."""
        if not self._promises:
            return
        try:
            answers = self._session.exchange(self._packed, self._sinks)
        except BaseException as error:
            self.give_up(error)
            raise
        errors = []
        for promise, message, answer in zip(self._promises, self._messages, answers, strict=True):
            try:
                promise._resolve(self._session.value_of(message, answer), None)
            except Exception as error:
                promise._resolve(None, error)
                errors.append(error)
        if errors:
            if len(errors) > 1:
                errors[0].add_note(f"{len(errors)} calls of this batch of {len(self)} failed: see their promises")
            raise errors[0]

    def give_up(self, error: BaseException) -> None:
        """Has every promise raise this error."""
        for promise in self._promises:
            promise._resolve(None, error)


@contextlib.contextmanager
def batch(session: Sends) -> Iterator[Batch]:
    """Collects the natural calls of this thread or task inside the block."""
    collected = Batch(session)
    try:
        with entered(session, batch=collected):
            yield collected
    except BaseException:
        collected.give_up(
            CallCancelled(f"the block was left by an exception: the batch for {session.target} was not sent")
        )
        raise
    collected.run()
