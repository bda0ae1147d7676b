"""Objects of this side that are lent to the far side for a call.

Rules: only what the user marks is lent, and what a lent object's iterators, context managers and methods
that return itself need; a loan ends with its call; what the far side does with a loan runs in the thread
that made the call, and reaches public names only. Everything else travels by value, as it does in arguments.
"""

import contextlib
import functools
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

from rproxy_endpoint.protocol.errors import ValueFault
from rproxy_endpoint.protocol.exceptions import make_exception
from rproxy_endpoint.protocol.failures import plain_failure, take_exception
from rproxy_endpoint.protocol.messages import Call, Delete, Failure, Get, Next, Reply, Set
from rproxy_endpoint.protocol.operators import OPERATIONS, Iteration
from rproxy_endpoint.protocol.special import SPECIAL

from .deployment.bundle import bundle
from .errors import SerializationError, remote_class
from .marking import Local, has_own
from .telling import annotate

#: The special methods that the far side may use: all but the asynchronous ones, whose loop is this side's.
LENT = SPECIAL.intersection((*OPERATIONS, "__call__"))
#: What is always lent, to the endpoint itself: a function that returns the rest of it.
REST = 0


class _Scope:
    """What is lent for one call, and what its callbacks have raised."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.raised: dict[int, BaseException] = {}


class Loans:
    """The table of what is lent: number -> object, for as long as a call holds it."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._objects: dict[int, Any] = {}
        self._counts: dict[int, int] = {}
        self._numbers: dict[int, int] = {}  # id of an object: its number
        self._next = itertools.count(1)
        self._lock = threading.Lock()
        self._thread = threading.local()
        self._iteration = Iteration()
        self._origins = itertools.count(1)

    def __len__(self) -> int:
        return len(self._objects)

    # -- for the call that lends -----------------------------------------------------------------------

    @contextlib.contextmanager
    def scope(self, scope: "_Scope | None" = None, lasting: bool = False) -> Iterator[_Scope]:
        """What this thread lends inside the block is lent for one call, which ends with the block.

        A call that is begun here and ended elsewhere has two such blocks: the first is `lasting`, the second
        gets its scope.
        """
        scope = scope or _Scope()
        self._scopes().append(scope)
        try:
            yield scope
        except BaseException:
            lasting = False
            raise
        finally:
            self._scopes().remove(scope)
            if not lasting:
                with self._lock:
                    gone = [self._release(number) for number in scope.numbers]
                del gone  # finalizers run without the lock

    def lend(self, obj: Any) -> tuple[Any, ...]:
        """The parts of a reference to an object. Raises ValueFault where it cannot be lent."""
        scopes = self._scopes()
        if not scopes:
            raise ValueFault("an object that is marked by rproxy.local() can only be lent to a call")
        with self._lock:
            number = self._numbers.get(id(obj))
            if number is None:
                number = next(self._next)
                self._objects[number], self._numbers[id(obj)], self._counts[number] = obj, number, 0
            self._counts[number] += 1
        scopes[-1].numbers.append(number)
        return "local", number, _describe(obj)

    def raised(self, error: Any) -> BaseException | None:
        """The exception of this side's own that has crossed the far side, if that is what came back."""
        origin = getattr(error, "rproxy_origin", None)
        if type(origin) is not int:
            return None
        return next((scope.raised[origin] for scope in self._scopes() if origin in scope.raised), None)

    def restore(self, error: Any) -> None:
        """Puts this side's own exceptions in their places among the causes and contexts of one that came back."""
        seen: set[int] = set()
        queue = [error]
        while queue:
            one = queue.pop()
            if one is None or id(one) in seen:
                continue
            seen.add(id(one))
            suppressed = one.__suppress_context__
            for link in ("__cause__", "__context__"):
                own = self.raised(getattr(one, link))
                if own is None:
                    queue.append(getattr(one, link))
                elif own is not one:
                    setattr(one, link, own)
            one.__suppress_context__ = suppressed

    def _scopes(self) -> list[_Scope]:
        found: list[_Scope] | None = getattr(self._thread, "scopes", None)
        if found is None:
            found = self._thread.scopes = []
        return found

    def _release(self, number: int) -> Any:
        self._counts[number] -= 1
        if self._counts[number]:
            return None
        obj = self._objects.pop(number)
        del self._counts[number], self._numbers[id(obj)]
        return obj

    # -- for the far side ------------------------------------------------------------------------------

    def find(self, number: Any) -> Any:
        if number == REST:
            return _rest
        try:
            return self._objects[number]
        except (KeyError, TypeError):
            raise ValueFault(f"nothing of this side is lent under number {number!r:.40}") from None

    def answer(self, read: Callable[[], Any], pack: Callable[[Any], Any]) -> tuple[Any, Any]:
        """Does what the far side asks for. Returns the packed Reply or Failure, and what has to live until that is
        sent: a proxy in it, whose release would else go ahead of it. Raises nothing."""
        try:
            reply = Reply(self._run(read()))
            return _packed(pack, reply), reply
        except BaseException as error:  # Ctrl-C as well: it crosses the far side, and comes back to the caller
            return self._failure(error, pack), error

    def _failure(self, error: BaseException, pack: Callable[[Any], Any]) -> Any:
        if isinstance(error, ValueFault):
            error = SerializationError(f"what the far side asked of a local object cannot travel: {error}")
        origin = next(self._origins)
        scopes = self._scopes()
        if scopes:
            scopes[-1].raised[origin] = error
        told = take_exception(error)
        told["state"] = {**told["state"], "rproxy_origin": origin}
        try:
            return pack(Failure(told))
        except BaseException:  # some argument or attribute cannot travel: texts in their places
            return pack(Failure(plain_failure(told)))

    def _run(self, message: Any) -> Any:
        obj = self.find(message.target)
        kind = type(message)
        if kind is Call:
            value = self._call(obj, message) if message.surroundings is None else self._handling(obj, message)
        elif kind is Next:
            return self._iteration.gather(message.target, obj, message.count)
        elif kind is Get:
            (name,) = message.paths
            value = getattr(obj, _public(name))
        elif kind is Set:
            return setattr(obj, _public(message.path), message.value)
        elif kind is Delete:
            return delattr(obj, _public(message.path))
        else:
            raise ValueFault("a request that is none for a local object")
        return Local(value) if id(value) in self._numbers else value

    def _handling(self, obj: Any, message: Call) -> Any:
        """Calls it while an exception is handled, as it is there: `logger.exception()` of here tells it."""
        error = _thrown(message.surroundings)
        annotate(error, self._target)
        try:
            raise error
        except BaseException:
            return self._call(obj, message)

    def _call(self, obj: Any, message: Call) -> Any:
        name, args = message.path, message.args
        if not name:
            return obj(*args, **message.kwargs)
        if name == "__exit__":
            error = _thrown(args[0]) if args else None
            return type(obj).__exit__(obj, type(error) if error else None, error, None)
        if name == "__throw__":
            return obj.throw(_thrown(args[0]))
        if name in LENT and name in OPERATIONS and has_own(type(obj), name):
            value = OPERATIONS[name](obj, *args)
            return Local(value) if name in ("__iter__", "__reversed__", "__enter__") else value
        return getattr(obj, _public(name))(*args, **message.kwargs)


def _rest() -> bytes:
    return bundle().rest


def _packed(pack: Callable[[Any], Any], reply: Reply) -> Any:
    try:
        return pack(reply)
    except ValueFault as fault:
        raise ValueFault(f"{fault}; rproxy.local() lends what cannot travel") from fault


def _thrown(told: Any) -> BaseException:
    """An exception that the far side throws into an object of this side."""
    return make_exception(told, _builtin, remote_class, BaseException)


def _builtin(module: str, qualname: str) -> Any:
    return getattr(__import__("builtins"), qualname, None) if module == "builtins" else None


def _public(name: Any) -> str:
    if not (isinstance(name, str) and name.isidentifier()) or name.startswith("_"):
        raise AttributeError(f"{name!r:.80} is no public name: the far side reaches no others of a local object")
    return name


def _describe(obj: Any) -> tuple[str, str, str, str, str]:
    """Module and qualified name of the type, its special methods, the methods, what it is called."""
    cls = type(obj)
    special, methods = _of_class(cls)  # type: ignore[arg-type, unused-ignore]
    own = [name for name, value in getattr(obj, "__dict__", {}).items() if callable(value) and name[:1] != "_"]
    called = getattr(obj, "__name__", None) or f"{cls.__qualname__} object"
    return cls.__module__, cls.__qualname__, special, " ".join([methods, *own]), str(called)


@functools.lru_cache(maxsize=1000)
def _of_class(cls: Any) -> tuple[str, str]:
    import inspect

    methods = [name for name in dir(cls) if name[:1] != "_" and callable(inspect.getattr_static(cls, name))]
    special = sorted(name for name in LENT if has_own(cls, name))
    return " ".join(special), " ".join(methods)
