"""What the codecs ask of the client, and what it keeps of the far side's objects.

Rules: what cannot be rebuilt here by `Trust` is refused; the same object of the far side is the same proxy
here; what is let go of is noted, and goes ahead of the next request.
"""

import threading
import weakref
from typing import Any

from rproxy_endpoint.protocol.errors import ValueFault
from rproxy_endpoint.protocol.failures import take_exception
from rproxy_endpoint.protocol.messages import Release
from rproxy_endpoint.protocol.values import Parcel, Side, Taken, describe_type, taken

from .code import NeedsCode, Outbox, Shipping, needs_class
from .errors import RProxyError
from .lending import Loans
from .marking import Local
from .proxies import (
    CallableProxy,
    ErrorClasses,
    ModuleStandIn,
    Releases,
    RemoteType,
    class_proxy,
    error_reference,
    module_proxy,
    reference_of,
)
from .trust import Trust

NONE: list[Any] = []


class ClientSide(Side):
    """What the codecs ask of the client, and what it keeps of the far side's objects."""

    def __init__(self, session: Any, trust: Trust, code: bool) -> None:
        self.trust = trust
        self.outbox = Outbox()
        self.shipping = Shipping(session)
        self.loans = Loans(session.target)
        self._session = session
        self._code = code  # whether the serializer can carry code
        self._lock = threading.RLock()  # a finalizer may run a call while this thread has it
        self._types: dict[int, RemoteType] = {}
        self._highest = 0  # of the numbers of objects so far
        self.gone = 0  # objects up to this number were in sessions that have ended
        self._objects: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
        self.releases = Releases(self._objects)
        self.errors = ErrorClasses(session, session._locate_exception)

    def end_objects(self) -> None:
        """The session has ended, and with it all objects there."""
        with self._lock:
            self.gone = self._highest
            self._types.clear()
            self._objects.clear()
            self.releases.take()
            self.outbox.forget()

    def check_object(self, number: Any) -> None:
        """Raises RProxyError for an object of a session that has ended."""
        if type(number) is int and number <= self.gone:
            raise RProxyError(
                f"this object of {self._session.target} has gone with its session, which was lost or ended by "
                "reconnect(): make it again"
            )

    # -- out -------------------------------------------------------------------------------------------

    def known(self, obj: Any) -> Taken | None:
        """A proxy, or an exception that came from there, by what it means to its own side; what is marked as local,
        by its number here."""
        if issubclass(type(obj), Local):
            if not self._session.lends:
                raise ValueFault("rproxy.local() needs a connector with a stream (one that has `open`)")
            return taken("reference", *self.loans.lend(obj._rproxy_object))
        reference = error_reference(obj) or reference_of(obj, self._session)
        if self.gone and reference is not None and reference[0] in ("object", "member"):
            self.check_object(reference[1])
        return None if reference is None else taken("reference", *reference)

    def foreign(self, obj: Any, parcel: Parcel) -> Taken | None:
        found = self.known(obj)
        if found is not None:
            return found
        cls: Any = obj
        if isinstance(obj, type) and self._is_there(cls):
            return taken("reference", "member", cls.__module__, cls.__qualname__)  # no code is needed for it
        if self._code:
            raise NeedsCode
        if isinstance(obj, BaseException) and self.locate(type(obj).__module__, type(obj).__qualname__) is type(obj):
            return taken("reference", "error", take_exception(obj))
        raise ValueFault(f"{describe_type(obj)} cannot travel by JSON, which carries data only")

    def _is_there(self, cls: Any) -> bool:
        """Whether a class goes by its name alone: a trusted package may be missing there, and is sent as code is."""
        may_lack = self._code and self.trust.trusts(cls.__module__)
        return not may_lack and self.locate(cls.__module__, cls.__qualname__) is cls

    def is_record(self, cls: type) -> bool:
        return not (self._code and needs_class(cls, self.shipping.goes_along))

    def notices(self) -> list[Any]:
        """What goes ahead of the next request."""
        if not (self.releases or self.outbox):
            return NONE
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
            return module_proxy(ModuleStandIn(session, str(args[1]), "", str(args[1]), None))
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
                self._types[type_number] = RemoteType(session, *map(str, description))
            remote_type = self._types[type_number]
            self._highest = max(self._highest, number)
            stand_in = self._objects.get(number)
            if stand_in is None:
                stand_in = self._objects[number] = remote_type.proxy(number)
            stand_in._self_received[0] += 1
        if called is not None and called[0] == "class" and called[3] is not None:
            return self.errors.result(called[3], number, stand_in)
        if called is not None and called[0] == "class":
            return class_proxy(session, number, "", None, stand_in, str(called[4]), str(called[1]), str(called[2]))
        if called is not None and called[0] == "function":
            return CallableProxy(session, number, "", stand_in, label=str(called[2]))
        return stand_in
