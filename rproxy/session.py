"""One client's end of the conversation: requests out, values and proxies back.

Rules: every proxy and every verb comes through `request`; a failure becomes the exception that it tells;
after `close`, in a forked child, or on a lost link, everything raises an error that says so.
"""

import os
import threading
import weakref
from typing import Any

from rproxy_endpoint.protocol.errors import ValueFault
from rproxy_endpoint.protocol.jsoned import JsonCodec
from rproxy_endpoint.protocol.messages import Call, Delete, Describe, Get, Next, Release, Reply, Set
from rproxy_endpoint.protocol.values import Parcel, Side, Taken, describe_type, taken

from . import blocks, output, staying
from .channels import Channel, Sink
from .code import CodeCodec, NeedsCode, Outbox, Shipping
from .errors import RemoteExecError, RProxyError, SerializationError
from .lending import Loans, Local
from .proxies import (
    CallableProxy,
    ErrorClasses,
    ModuleProxy,
    ModuleStandIn,
    Releases,
    RemoteType,
    class_proxy,
    error_reference,
    reference_of,
    stand_in_of,
)
from .trust import Trust


class ClientSide(Side):
    """What the codecs ask of the client, and what it keeps of the far side's objects."""

    def __init__(self, session: "Session", trust: Trust, code: bool) -> None:
        self.trust = trust
        self.outbox = Outbox()
        self.shipping = Shipping(session)
        self.loans = Loans()
        self._session = session
        self._code = code  # whether the serializer can carry code
        self._lock = threading.RLock()  # a finalizer may run a call while this thread has it
        self._types: dict[int, RemoteType] = {}
        self._objects: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
        self.releases = Releases(self._objects)
        self.errors = ErrorClasses(session, session._locate_exception)

    # -- out -------------------------------------------------------------------------------------------

    def known(self, obj: Any) -> Taken | None:
        """A proxy, or an exception that came from there, by what it means to its own side; what is marked as local,
        by its number here."""
        if type(obj) is Local:
            if not self._session.live:
                raise ValueFault("rproxy.local() needs a connector with a stream (one that has `open`)")
            return taken("reference", *self.loans.lend(obj._rproxy_object))
        reference = error_reference(obj) or reference_of(obj, self._session)
        return None if reference is None else taken("reference", *reference)

    def foreign(self, obj: Any, parcel: Parcel) -> Taken | None:
        found = self.known(obj)
        if found is not None:
            return found
        if self._code:
            raise NeedsCode
        raise ValueFault(f"{describe_type(obj)} cannot travel by JSON, which carries data only")

    def notices(self) -> list[Any]:
        """What goes ahead of the next request."""
        found: list[Any] = []
        if self.releases:
            with self._lock:
                gone = self.releases.take()
            if gone:
                found.append(Release(gone))
        found += self.outbox.take(self._session.live)
        return found

    # -- in --------------------------------------------------------------------------------------------

    def locate(self, module: str, qualname: str) -> Any | None:
        return self.trust.locate(module, qualname)

    def reference(self, *args: Any) -> Any:
        """("module", name) or ("object", number, type, its description or None, what it is called or None)
        or ("local", number): an object of this side that comes back."""
        session = self._session
        if args[0] == "module":
            return ModuleProxy(ModuleStandIn(session, str(args[1]), "", str(args[1]), None))
        if args[0] == "local":
            return self.loans.find(args[1])
        kind, number, type_number, description, called = args
        if kind != "object" or type(number) is not int:
            raise ValueFault(f"unknown reference: {kind!r:.80}")
        if description is None and type_number not in self._types:
            # The answer that brought it was not read, or is being read by another thread.
            description = session.describe(number, "")["type"]
        with self._lock:
            if description is not None and type_number not in self._types:
                self._types[type_number] = RemoteType(*map(str, description))
            remote_type = self._types[type_number]
            stand_in = self._objects.get(number)
            if stand_in is None:
                stand_in = self._objects[number] = remote_type.proxy(session, number)
            stand_in._self_received[0] += 1
        if called is not None and called[0] == "class" and called[3] is not None:
            return self.errors.result(called[3], number, stand_in)
        if called is not None and called[0] == "class":
            return class_proxy(session, number, "", None, stand_in, str(called[1]), str(called[2]))
        if called is not None and called[0] == "function":
            return CallableProxy(session, number, "", stand_in, label=str(called[2]))
        return stand_in


class Session:
    """Requests of one client."""

    def __init__(self, target: str, serializer: str, trust: tuple[str, ...]) -> None:
        self.target = target
        self.serializer = serializer
        self.side = ClientSide(self, Trust(trust), code=serializer == "cloudpickle")
        self.codec: Any = JsonCodec()
        self.sent = 0  # requests so far
        self._looks = 0  # those among them that change nothing
        self.base = blocks.NOTHING  # what the client registered for its life
        self.shown = output.Shown()
        self._channel: Channel | None = None
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
        if self._pid != os.getpid():
            raise RProxyError(
                f"the client of {self.target} belongs to the process {self._pid}, from which this one was forked; "
                "make a client of its own here"
            )
        raise RProxyError(f"the client of {self.target} is closed; make a new one with rproxy.connect()")

    @property
    def live(self) -> bool:
        return self._channel is None or self._channel.live

    def close(self) -> None:
        if self._open and self._channel is not None:
            self._open = False
            self._channel.close()

    # -- requests --------------------------------------------------------------------------------------

    def surroundings(self, login: bool = False) -> Any:
        inside = blocks.current(self)
        if inside is None and self.base is blocks.NOTHING and not login:
            return None
        return (inside or blocks.NOTHING).over(self.base).message(login)

    def request(self, message: Any, sink: Sink | None = None) -> Any:
        """The value that answers a request; raises the exception that the call raised."""
        if Loans.any:  # else this side has nothing to be asked for
            with self.side.loans.scope():
                return self.finish(message, self.begin(message, sink))
        channel = self.channel
        self.sent += 1
        try:
            answer = channel.finish(channel.begin(message, sink or output.capturing(self) or self.shown))
        except ValueFault as fault:
            raise self._explain(message, fault) from fault.__cause__
        if type(answer) is Reply:
            return answer.value
        raise self._exception(answer.error, message)

    def begin(self, message: Any, sink: Sink | None = None, later: bool = False) -> Any:
        """Sends a request; `finish` takes what it returns: in another thread, at any time, if `later`."""
        channel = self.channel
        self.sent += 1
        try:
            return channel.begin(message, sink or output.capturing(self) or self.shown, later)
        except ValueFault as fault:
            raise self._explain(message, fault) from fault.__cause__

    def finish(self, message: Any, begun: Any) -> Any:
        """The value that answers a request; raises the exception that the call raised."""
        try:
            answer = self.channel.finish(begun)
        except ValueFault as fault:
            raise self._explain(message, fault) from fault.__cause__
        if type(answer) is Reply:
            return answer.value
        raise self._exception(answer.error, message)

    def call(self, target: Any, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.request(self.call_message(target, path, args, kwargs))

    def call_message(self, target: Any, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        return Call(target, path, args, kwargs, self.surroundings(), staying.keeping(self))

    @property
    def changes(self) -> int:
        """Requests that may have changed something: what was read ahead holds only until the next one."""
        return self.sent - self._looks

    def ask(self, target: Any, path: str, args: tuple[Any, ...], look: bool = True) -> Any:
        """As `call`, for what this side itself has to know: it comes back even inside `keep_results`."""
        self._looks += look
        return self.request(Call(target, path, args, {}, self.surroundings(), False))

    def keep(self, target: Any, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """As `call`, but the result stays there even if it is data."""
        return self.request(Call(target, path, args, kwargs, self.surroundings(), True))

    def next_items(self, target: int, count: int) -> tuple[list[Any], bool]:
        found: tuple[list[Any], bool] = self.request(Next(target, count, self.surroundings()))
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
                "with it. State lasts only over a connector with a stream (one that has `open`)"
            )

    # -- what goes wrong -------------------------------------------------------------------------------

    def _exception(self, error: dict[str, Any], message: Any) -> BaseException:
        """The exception that a Failure tells."""
        what = name_of(message)
        fault = error.get("fault")
        if fault == "arguments":
            self.side.outbox.forget()  # what they need may not have come
            why = self.side.shipping.told(str(error.get("text")))
            return SerializationError(f"{self.target} cannot rebuild the arguments of {what}: {why}")
        if fault == "live":
            return SerializationError(
                f"the result of {what} cannot come back: {error.get('text')}. Objects can stay only over a connector "
                "with a stream (one that has `open`)"
            )
        if fault == "exception":
            return RemoteExecError(f"{what} on {self.target} raised {error.get('text')}")
        if fault is not None:
            return SerializationError(f"the result of {what} cannot travel: {error.get('text')}")
        try:
            made: Any = self.side.errors.make(error)
        except ValueFault as problem:
            return SerializationError(f"{what} on {self.target} failed, and its failure cannot be read: {problem}")
        own = self.side.loans.raised(made) if Loans.any else None
        if error.get("missing"):
            self._name_target(made, message)
        else:
            self.side.shipping.add_mend(made)
        annotate(made, self.target, own)
        return own or made

    def _locate_exception(self, module: str, qualname: str) -> Any | None:
        if module == "rproxy.errors":
            return None
        return self.side.locate(module, qualname)

    def error_class(self, lineage: Any, target: Any, path: str, description: dict[str, Any] | None) -> type:
        """The class that a class of exceptions there is here."""
        found: type = self.side.errors.member(lineage, target, path, description)
        return found

    def make_error(self, cls: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """An exception, made there by its class, as one that can be raised here."""
        told = self.ask("rproxy_endpoint.raising", "tell", (cls, args, kwargs))
        try:
            return self.side.errors.make(told)
        except ValueFault as fault:
            raise SerializationError(f"{cls!r} has made no exception that can be here: {fault}") from fault

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


__all__ = ["ClientSide", "Session", "annotate", "name_of"]
