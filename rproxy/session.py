"""One client's end of the conversation: requests out, values and proxies back.

Rules: every proxy and every verb comes through `request`; a failure becomes the exception that it tells;
after `close`, in a forked child, or on a lost link, everything raises an error that says so.
"""

import os
import weakref
from typing import Any

from rproxy_endpoint.protocol.errors import ValueFault
from rproxy_endpoint.protocol.jsoned import JsonCodec
from rproxy_endpoint.protocol.messages import Call, Delete, Describe, Get, Next, Reply, Set
from rproxy_endpoint.protocol.peer import Packed
from rproxy_endpoint.protocol.values import describe_type

from . import blocks, log, output
from .channels import Channel, Sink
from .code import CodeCodec
from .errors import CallCancelled, CallTimeout, ConnectionLost, RemoteExecError, RProxyError, SerializationError
from .marking import Local
from .rejoining import Rejoining
from .side import ClientSide
from .telling import annotate, name_of
from .trust import Trust

#: In so many sessions a request may be sent anew: one that is never sent has some other trouble.
ATTEMPTS = 3


class Begun:
    """A request that was sent: over which channel, and what that knows it by."""

    __slots__ = ("channel", "waiting")

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.waiting: Any = None


class Session:
    """Requests of one client."""

    def __init__(self, target: str, serializer: str, trust: tuple[str, ...], limit: float | None = None) -> None:
        self.target = target
        self.limit = limit  # how long a call may take, in seconds, where no block says
        self.serializer = serializer
        self.side = ClientSide(self, Trust(trust), code=serializer == "cloudpickle")
        self.codec: Any = JsonCodec()
        self.sent = 0  # requests so far
        self._looks = 0  # those among them that change nothing
        self.base = blocks.NOTHING  # what the client registered for its life
        self.shown = output.Shown()
        self._channel: Channel | None = None
        self.careful = False  # whether there is something to look at before a request
        self.rejoining: Rejoining | None = None  # where calls that were not sent are to be sent in a session anew
        self._pid = os.getpid()
        self._open = False  # false again once it is closed, and in a forked child
        _sessions.add(self)

    def choose_codec(self, facts: dict[str, Any]) -> Any:
        """The codec that the user asked for, for the far side that told these facts."""
        self.side.shipping.there = tuple(facts["python"][:2])
        if self.serializer == "cloudpickle":
            self.codec = CodeCodec(facts)
        return self.codec

    def start(self, channel: Channel) -> None:
        self._channel = channel
        self._open = True

    @property
    def channel(self) -> Channel:
        """The open channel. Raises RProxyError after `close` and in a forked child."""
        if self._open and self._channel is not None:
            return self._channel
        self.check_process()
        raise RProxyError(f"the client of {self.target} is closed; make a new one with rproxy.connect()")

    def check_process(self) -> None:
        """Raises RProxyError in a forked child."""
        if self._pid != os.getpid():
            raise RProxyError(
                f"the client of {self.target} belongs to the process {self._pid}, from which this one was forked; "
                "make a client of its own here"
            )

    def check_open(self) -> None:
        """Raises RProxyError after `close` and in a forked child."""
        _ = self.channel

    @property
    def live(self) -> bool:
        return self._channel is None or self._channel.live

    @property
    def lends(self) -> bool:
        return self._channel is None or self._channel.lends

    def close(self) -> None:
        if self._open and self._channel is not None:
            self._open = False
            self._channel.close()
            log.info("client", "closed %s", self.target)

    # -- requests --------------------------------------------------------------------------------------

    def surroundings(self, login: bool = False, inside: blocks.Inside | None = None) -> Any:
        settings = (inside or blocks.inside(self)).settings
        if settings is None and self.base is blocks.NOTHING and not login:
            return None
        return (settings or blocks.NOTHING).over(self.base).message(login)

    def request(self, message: Any, sink: Sink | None = None, inside: blocks.Inside | None = None) -> Any:
        """The value that answers a request; raises the exception that the call raised."""
        if Local.any:  # else this side has nothing to be asked for
            with self.side.loans.scope():
                return self._request(message, sink, inside or blocks.inside(self))
        return self._request(message, sink, inside or blocks.inside(self))

    def _request(self, message: Any, sink: Sink | None, inside: blocks.Inside, attempts: int = ATTEMPTS) -> Any:
        limit = self.limit if inside.limit is ... else inside.limit
        channel: Any = self._channel if self._open else self.channel
        if self.careful:
            self._check(message, channel)
        self.sent += 1
        try:
            answer = channel.request(message, sink or inside.captured or self.shown, limit)
        except ValueFault as fault:
            raise self._explain(message, fault) from fault.__cause__
        except ConnectionLost as lost:
            self._rejoin(channel, lost, attempts)
            return self._request(message, sink, inside, attempts - 1)
        except CallTimeout as error:
            raise self._too_long(name_of(message), limit, error) from None
        if type(answer) is Reply:
            return answer.value
        raise self._exception(answer.error, message)

    def _check(self, message: Any, channel: Channel) -> None:
        """Before a request: whether its session has ended meanwhile, or its object with another one."""
        if self.rejoining is not None:
            channel.look()
        self.side.check_object(message.target)

    def begin(self, message: Any, sink: Sink | None = None, attempts: int = ATTEMPTS) -> Begun:
        """Sends a request whose answer `finish` takes later, in another thread: as long as it may take."""
        channel = self.channel
        if self.careful:
            self._check(message, channel)
        self.sent += 1
        begun = Begun(channel)
        try:
            # After this an interrupt finds nothing to do until its future is queued: no function is called.
            begun.waiting = channel.begin(message, sink or self.sink(), True)
            return begun
        except ValueFault as fault:
            raise self._explain(message, fault) from fault.__cause__
        except ConnectionLost as lost:
            self._rejoin(channel, lost, attempts)
            return self.begin(message, sink, attempts - 1)

    def _rejoin(self, channel: Channel, lost: ConnectionLost, attempts: int) -> None:
        """Has another session where the request can be sent that was not sent in this one; else raises the error."""
        away = lost.stage != ConnectionLost.stage  # then the session may be there when the host is
        if lost.may_have_run or away or self.rejoining is None or not attempts:
            raise lost
        self.rejoining.after(channel, lost)

    def cancel(self, begun: Begun) -> None:
        """Has the far side stop a request that was begun."""
        begun.channel.cancel(begun.waiting)

    def finish(self, message: Any, begun: Begun) -> Any:
        """The value that answers a request; raises the exception that the call raised."""
        self.check_open()
        try:
            answer = begun.channel.finish(begun.waiting)
        except ValueFault as fault:
            answer = fault
        return self.value_of(message, answer)

    def exchange(self, requests: list[Packed], sinks: list[Sink]) -> list[Any]:
        """What answers several requests, each by itself."""
        inside = blocks.inside(self)
        limit = self.limit if inside.limit is ... else inside.limit
        self.sent += 1
        try:
            return self.channel.exchange(requests, sinks, limit)
        except CallTimeout as error:
            raise self._too_long(f"a batch of {len(requests)} calls", limit, error) from None

    def sink(self) -> Sink:
        """Where the output of this thread's or task's calls goes."""
        return blocks.inside(self).captured or self.shown

    def value_of(self, message: Any, answer: Any) -> Any:
        """The value that an answer tells; raises the exception that it tells."""
        if isinstance(answer, ValueFault):
            raise self._explain(message, answer) from answer.__cause__
        if type(answer) is Reply:
            return answer.value
        raise self._exception(answer.error, message)

    def call(self, target: Any, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.request(self.call_message(target, path, args, kwargs))

    def call_message(self, target: Any, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        inside = blocks.inside(self)
        return Call(target, path, args, kwargs, self.surroundings(False, inside), inside.keeps)

    @property
    def changes(self) -> int:
        """Requests that may have changed something: what was read ahead holds only until the next one."""
        return self.sent - self._looks

    def ask(self, target: Any, path: str, args: tuple[Any, ...], look: bool = True) -> Any:
        """As `call`, for what this side itself has to know: it comes back even inside `keep_results`."""
        self._looks += look
        return self.request(Call(target, path, args, {}, self.surroundings(), False))

    def natural(self, target: Any, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call as the user wrote it: inside a batch, the promise of its value."""
        inside = blocks.inside(self)
        message = Call(target, path, args, kwargs, self.surroundings(False, inside), inside.keeps)
        if inside.batch is None:
            return self.request(message, None, inside)
        return inside.batch.add(message, name_of(message))

    def keep(self, target: Any, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """As `call`, but the result stays there even if it is data."""
        return self.request(Call(target, path, args, kwargs, self.surroundings(), True))

    def next_items(self, target: int, count: int) -> tuple[list[Any], Any]:
        found: tuple[list[Any], Any] = self.request(Next(target, count, self.surroundings()))
        return found

    def get(self, target: Any, path: str) -> Any:
        self._looks += 1
        return self.request(Get(target, (path,), self.surroundings()))

    def get_many(self, target: Any, paths: tuple[str, ...]) -> tuple[tuple[bool, Any], ...]:
        """The small plain values among several, as (there, value) each."""
        self._looks += 1
        found: tuple[tuple[bool, Any], ...] = self.request(Get(target, paths, self.surroundings()))
        return found

    def set(self, target: Any, path: str, value: Any) -> None:
        self._check_lasting(path)
        self.request(Set(target, path, value, self.surroundings()))

    def delete(self, target: Any, path: str) -> None:
        self._check_lasting(path)
        self.request(Delete(target, path, self.surroundings()))

    def describe(self, target: Any, path: str, detail: bool = False) -> dict[str, Any]:
        self._looks += 1
        found: dict[str, Any] = self.request(Describe(target, path, detail, self.surroundings()))
        return found

    def released(self, number: int, received: list[int], proxy: Any = None) -> None:
        self.side.releases.note(number, received, proxy)

    def flush(self) -> None:
        """Has what is noted for the next request carried now."""
        self.get("builtins", "__debug__")

    def _check_lasting(self, path: str) -> None:
        """Raises RProxyError where a change would be gone as soon as it is made."""
        if not self.channel.live:
            raise RProxyError(
                f"{path!r} cannot be changed on {self.target}: each call has a process of its own there, which ends "
                "with it. State lasts only with resident=True, or over a connector with a stream (one that has `open`)"
            )

    # -- what goes wrong -------------------------------------------------------------------------------

    def _exception(self, error: dict[str, Any], message: Any) -> BaseException:
        """The exception that a Failure tells."""
        what = name_of(message)
        fault = error.get("fault")
        if fault == "cancelled":
            return CallCancelled(f"{what} on {self.target} was cancelled: {error.get('text')}")
        if error.get("cancelled"):
            return CallCancelled(f"{what} on {self.target} was cancelled, and stopped there")
        if fault == "arguments":
            self.side.outbox.forget()  # what they need may not have come
            why = self.side.shipping.told(str(error.get("text")))
            return SerializationError(f"{self.target} cannot rebuild the arguments of {what}: {why}")
        if fault == "live":
            return SerializationError(
                f"the result of {what} cannot come back: {error.get('text')}. Objects can stay only with "
                "resident=True, or over a connector with a stream (one that has `open`)"
            )
        if fault == "exception":
            return RemoteExecError(f"{what} on {self.target} raised {error.get('text')}")
        if fault is not None:
            return SerializationError(f"the result of {what} cannot travel: {error.get('text')}")
        try:
            made: Any = self.side.errors.make(error)
        except ValueFault as problem:
            return SerializationError(f"{what} on {self.target} failed, and its failure cannot be read: {problem}")
        own = self.side.loans.raised(made) if Local.any else None
        if error.get("missing"):
            self._name_target(made, message)
        else:
            self.side.shipping.add_mend(made)
        annotate(made, self.target, own)
        if Local.any and own is None:
            self.side.loans.restore(made)
        return own or made

    def _too_long(self, what: str, limit: float | None, error: CallTimeout) -> CallTimeout:
        return error if limit is None else CallTimeout(f"{what} on {self.target} took longer than {limit:g} s: {error}")

    def _locate_exception(self, module: str, qualname: str) -> Any | None:
        if module == "rproxy.errors":
            return None
        return self.side.locate(module, qualname)

    def error_class(self, lineage: Any, target: Any, path: str, description: dict[str, Any] | None) -> type:
        """The class that a class of exceptions there is here."""
        found: type = self.side.errors.member(lineage, target, path, description)
        return found

    def make_error(self, how: str, args: tuple[Any, ...]) -> Any:
        """An exception that is told there by a function of `raising`, as one that can be raised here."""
        told = self.ask("rproxy_endpoint.raising", how, args)
        try:
            return None if told is None else self.side.errors.make(told)
        except ValueFault as fault:
            raise SerializationError(f"an exception of {self.target} cannot be rebuilt here: {fault}") from fault

    def _name_target(self, error: BaseException, message: Any) -> None:
        """A name that does not exist: say where it was looked for."""
        facts = self.channel.facts
        python = ".".join(map(str, facts["python"]))
        if isinstance(error, ModuleNotFoundError):
            mend = self.side.shipping.mend(error.name or "")
            text = f"{error.args[0]} on {self.target} (Python {python}, {facts['executable']}){mend and '; ' + mend}"
            error.msg = text
        else:
            text = f"{error.args[0] if error.args else name_of(message)} on {self.target}"
        error.args = (text,)

    def _explain(self, message: Any, fault: ValueFault) -> RProxyError:
        """Which argument cannot travel; or that the answer may not be rebuilt."""
        if isinstance(message, Call):
            named = {f"argument {place + 1}": value for place, value in enumerate(message.args)}
            named.update({f"argument {name!r}": value for name, value in message.kwargs.items()})
        elif isinstance(message, Set):
            named = {"the new value": message.value}
        else:
            named = {}
        for name, value in named.items():
            try:
                self.codec.dumps(value, self.side)
            except ValueFault as problem:
                return SerializationError(
                    f"{name} of {name_of(message)}, {describe_type(value)}, cannot travel: {problem}"
                )
        return SerializationError(f"{name_of(message)} on {self.target}: {fault}")


#: Those that a forked child has to be kept from: two processes cannot share a stream.
_sessions: weakref.WeakSet[Session] = weakref.WeakSet()


def _forked() -> None:
    for session in _sessions:
        session._open = False


os.register_at_fork(after_in_child=_forked)
