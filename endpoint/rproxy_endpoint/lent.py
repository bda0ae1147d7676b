"""Objects of the client that it lent for a call: what is done with them here happens there.

Rules: a lent object has the special methods that its type has there, and no others; whatever is done with it
is one request to the client, which runs in the thread whose call lent it; a loan ends with its call, and says
so from then on. Its private names stay private.
"""

import collections
import os
import sys
from typing import Any, Callable, Deque, Dict, FrozenSet, List, Tuple

from .protocol.exceptions import make_exception
from .protocol.failures import plain_failure, take_exception
from .protocol.messages import Call, Delete, Get, Next
from .protocol.messages import Set as SetAttribute
from .protocol.special import SPECIAL

#: Asks the client on behalf of a lent object.
Ask = Callable[["Lent", Any], Any]
#: Module and qualified name of a type, its special methods, its methods, and what the object is called.
Description = Tuple[str, str, str, str, str]
#: No batch of items has more; bytes and time are bounded by the client.
MOST = 1 << 14
#: What makes an iterator a generator, to `yield from`.
STEPS = frozenset(("send", "throw", "close"))


class Lent:
    """Stands for an object of the client."""

    __slots__ = ("__weakref__", "_rproxy_ahead", "_rproxy_ask", "_rproxy_calls", "_rproxy_name", "_rproxy_number")

    _rproxy_class: Any = None  # the class of that name here, if it is the standard library's
    _rproxy_methods: FrozenSet[str] = frozenset()

    def __init__(self, ask: Ask, number: int, name: str) -> None:
        _set(self, "_rproxy_ask", ask)
        _set(self, "_rproxy_number", number)
        _set(self, "_rproxy_name", name)
        _set(self, "_rproxy_calls", set())  # the requests that lent it
        _set(self, "_rproxy_ahead", None)  # of an iterator

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return self._rproxy_class or type(self)

    def __repr__(self) -> str:
        return "<%s of the client>" % self._rproxy_name

    def __getattr__(self, name: str) -> Any:
        if name == "__name__" and " " not in self._rproxy_name:
            return self._rproxy_name  # a function's, which whoever wraps or logs it asks for
        _check_public(self, name)
        if name in self._rproxy_methods:
            return _method(self, name)
        return self._rproxy_ask(self, Get(self._rproxy_number, (name,), None))

    def __setattr__(self, name: str, value: Any) -> None:
        _check_public(self, name)
        self._rproxy_ask(self, SetAttribute(self._rproxy_number, name, value, None))

    def __delattr__(self, name: str) -> None:
        _check_public(self, name)
        self._rproxy_ask(self, Delete(self._rproxy_number, name, None))

    def __dir__(self) -> List[str]:
        return sorted(self._rproxy_methods) + dir(object)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("%r cannot be pickled: it means something only to this process, while its call runs" % self)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self


_set = object.__setattr__


def _check_public(lent: Lent, name: str) -> None:
    if name.startswith("_"):
        raise AttributeError("%r has no %s here: what begins with an underscore stays with the client" % (lent, name))


def _handled() -> Any:
    """The exception that is being handled here, for what is called there: a logger may be to tell it."""
    error = sys.exc_info()[1]
    return None if error is None else plain_failure(take_exception(error, os.path.dirname(__file__)))


def _method(lent: Lent, name: str) -> Callable[..., Any]:
    def method(*args: Any, **kwargs: Any) -> Any:
        if name in ("send", "throw") and lent._rproxy_methods >= STEPS:
            _keep_in_step(lent, name)
        return lent._rproxy_ask(lent, Call(lent._rproxy_number, name, args, kwargs, _handled(), False))

    def throw(*error: Any) -> Any:
        made = error[1] if len(error) > 1 and error[1] is not None else error[0]
        if isinstance(made, type):
            made = made()
        if not isinstance(made, BaseException):
            return method(*error)
        _keep_in_step(lent, name)
        return lent._rproxy_ask(lent, Call(lent._rproxy_number, "__throw__", (take_exception(made),), {}, None, False))

    own = throw if name == "throw" and lent._rproxy_methods >= STEPS else method
    own.__name__ = own.__qualname__ = name
    return own


def _operation(name: str) -> Callable[..., Any]:
    def operation(self: Any, *args: Any) -> Any:
        return self._rproxy_ask(self, Call(self._rproxy_number, name, args, {}, None, False))

    operation.__name__ = operation.__qualname__ = name
    return operation


def _call(*args: Any, **kwargs: Any) -> Any:
    self = args[0]  # no parameter of that name: it may be a keyword of the call
    return self._rproxy_ask(self, Call(self._rproxy_number, "", args[1:], kwargs, _handled(), False))


def _exit(self: Any, kind: Any, error: Any, traceback: Any) -> Any:
    """The exception goes along as it would as a failure, its traceback as text."""
    told = () if error is None else (take_exception(error),)
    return self._rproxy_ask(self, Call(self._rproxy_number, "__exit__", told, {}, None, False))


# -- iterators -----------------------------------------------------------------------------------------


class _Ahead:
    """What was fetched of a lent iterator and not used yet. It belongs to the iterator: whoever goes on with it
    misses nothing."""

    def __init__(self) -> None:
        self.items: Deque[Any] = collections.deque()
        self.ended: Any = False  # or (value,) for what a generator has returned, until that was told
        self.size = 1  # of the next batch
        self.most = MOST


def _ahead(lent: Lent) -> _Ahead:
    if lent._rproxy_ahead is None:
        _set(lent, "_rproxy_ahead", _Ahead())
    return lent._rproxy_ahead  # type: ignore[no-any-return]


def _keep_in_step(lent: Lent, name: str) -> None:
    """`send` and `throw` have to find a generator where this side is."""
    ahead = _ahead(lent)
    if ahead.items:
        raise RuntimeError(
            "%s() cannot reach a generator that has run ahead: a for loop has fetched %d items more than it used. "
            "Use next() with %s()" % (name, len(ahead.items), name)
        )
    ahead.size = ahead.most = 1


def _end(ahead: _Ahead) -> StopIteration:
    value, ahead.ended = ahead.ended, True
    return StopIteration(*value) if type(value) is tuple else StopIteration()


def _next(self: Any) -> Any:
    """What was fetched ahead, else one item."""
    ahead = _ahead(self)
    if ahead.items:
        return ahead.items.popleft()
    if ahead.ended:
        raise _end(ahead)
    return self._rproxy_ask(self, Call(self._rproxy_number, "__next__", (), {}, None, False))


def _iterate(self: Any) -> Any:
    if hasattr(type(self), "__next__"):
        return _Steps(self) if self._rproxy_methods >= STEPS else _Batches(self)
    found = self._rproxy_ask(self, Call(self._rproxy_number, "__iter__", (), {}, None, False))
    return _Batches(found) if isinstance(found, Lent) else found  # else it came by value


class _Batches:
    """Iterates over a lent iterator, in batches that grow from one."""

    def __init__(self, iterator: Any) -> None:
        self._iterator = iterator

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        iterator, ahead = self._iterator, _ahead(self._iterator)
        while not ahead.items:
            if ahead.ended:
                raise _end(ahead)
            message = Next(iterator._rproxy_number, ahead.size, None)
            items, ahead.ended = iterator._rproxy_ask(iterator, message)
            ahead.items.extend(items)
            ahead.size = min(2 * ahead.size, ahead.most)
        return ahead.items.popleft()


class _Steps(_Batches):
    """The same over a generator, for `yield from`, which passes on what is sent and thrown."""

    def send(self, value: Any) -> Any:
        return next(self) if value is None else self._iterator.send(value)

    def throw(self, *error: Any) -> Any:
        return self._iterator.throw(*error)

    def close(self) -> None:
        _ahead(self._iterator).items.clear()
        self._iterator.close()


_OWN_WAYS: Dict[str, Any] = {"__call__": _call, "__exit__": _exit, "__iter__": _iterate, "__next__": _next}
_MADE: Dict[Tuple[str, ...], type] = {}


def lent_class(description: Description) -> type:
    """The class of the objects of a described type."""
    made = _MADE.get(description[:4])
    if made is None:
        module, qualname, special, methods = description[:4]
        present = SPECIAL & set(special.split()) - {"__repr__"}  # tracebacks and debuggers must not ask the client
        body: Dict[str, Any] = {name: _OWN_WAYS.get(name) or _operation(name) for name in present}
        if "__eq__" in present and "__hash__" not in present:
            body["__hash__"] = None
        body.update(
            __slots__=(), __module__=module, __qualname__=qualname, _rproxy_methods=frozenset(methods.split()),
            _rproxy_class=_standard_class(module, qualname),
        )
        made = _MADE[description[:4]] = type(qualname.rpartition(".")[2], (Lent,), body)
    return made


def _standard_class(module: str, qualname: str) -> Any:
    """The class of that name, if it was imported here already, so that `isinstance` is right about it. Not
    of functions: who finds one looks for its code."""
    found: Any = sys.modules.get(module)
    if module == "builtins" and qualname.endswith(("function", "function_or_method", "method", "type")):
        return None
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found if isinstance(found, type) else None


def borrowed_error(told: Any, locate: Any) -> BaseException:
    """What the client's code raised: of its own class if that is here, else of one named like it."""
    return make_exception(told, locate, _class_of, BaseException)


def _class_of(base: type, name: str, known: bool) -> type:
    if known:
        return base
    module, _, short = name.rpartition(".")
    return type(short, (base,), {"__module__": module, "__str__": lambda self: self.remote_text})
