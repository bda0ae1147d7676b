"""Objects of the client that it lent for a call: what is done with them here happens there.

Rules: a lent object has the special methods that its type has there, and no others; whatever is done with it
is one request to the client, which runs in the thread whose call lent it; a loan ends with its call, and says
so from then on. Its private names stay private.
"""

import collections
import sys
from typing import Any, Callable, Deque, Dict, FrozenSet, List, Tuple

from .protocol.exceptions import make_exception
from .protocol.failures import take_exception
from .protocol.messages import Call, Delete, Get, Next
from .protocol.messages import Set as SetAttribute
from .protocol.special import SPECIAL

#: Asks the client on behalf of a lent object.
Ask = Callable[["Lent", Any], Any]
#: Module and qualified name of a type, its special methods, its methods, and what the object is called.
Description = Tuple[str, str, str, str, str]
#: No batch of items has more; bytes and time are bounded by the client.
MOST = 1 << 14


class Lent:
    """Stands for an object of the client."""

    __slots__ = ("__weakref__", "_rproxy_ask", "_rproxy_calls", "_rproxy_name", "_rproxy_number")

    _rproxy_class: Any = None  # the class of that name here, if it is the standard library's
    _rproxy_methods: FrozenSet[str] = frozenset()

    def __init__(self, ask: Ask, number: int, name: str) -> None:
        _set(self, "_rproxy_ask", ask)
        _set(self, "_rproxy_number", number)
        _set(self, "_rproxy_name", name)
        _set(self, "_rproxy_calls", set())  # the requests that lent it

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return self._rproxy_class or type(self)

    def __repr__(self) -> str:
        return "<%s of the client>" % self._rproxy_name

    def __getattr__(self, name: str) -> Any:
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


def _method(lent: Lent, name: str) -> Callable[..., Any]:
    def method(*args: Any, **kwargs: Any) -> Any:
        return lent._rproxy_ask(lent, Call(lent._rproxy_number, name, args, kwargs, None, False))

    method.__name__ = method.__qualname__ = name
    return method


def _operation(name: str) -> Callable[..., Any]:
    def operation(self: Any, *args: Any) -> Any:
        return self._rproxy_ask(self, Call(self._rproxy_number, name, args, {}, None, False))

    operation.__name__ = operation.__qualname__ = name
    return operation


def _call(*args: Any, **kwargs: Any) -> Any:
    self = args[0]  # no parameter of that name: it may be a keyword of the call
    return self._rproxy_ask(self, Call(self._rproxy_number, "", args[1:], kwargs, None, False))


def _exit(self: Any, kind: Any, error: Any, traceback: Any) -> Any:
    """The exception goes along as it would as a failure, its traceback as text."""
    told = () if error is None else (take_exception(error),)
    return self._rproxy_ask(self, Call(self._rproxy_number, "__exit__", told, {}, None, False))


def _iterate(self: Any) -> Any:
    if hasattr(type(self), "__next__"):
        return _Batches(self)
    return _Batches(self._rproxy_ask(self, Call(self._rproxy_number, "__iter__", (), {}, None, False)))


class _Batches:
    """Iterates over a lent iterator, in batches that grow from one."""

    def __init__(self, iterator: Any) -> None:
        self._iterator = iterator
        self._items: Deque[Any] = collections.deque()
        self._ended = False
        self._size = 1

    def __iter__(self) -> "_Batches":
        return self

    def __next__(self) -> Any:
        if not isinstance(self._iterator, Lent):
            return next(self._iterator)  # it came by value
        while not self._items:
            if self._ended:
                raise StopIteration
            message = Next(self._iterator._rproxy_number, self._size, None)
            items, self._ended = self._iterator._rproxy_ask(self._iterator, message)
            self._items.extend(items)
            self._size = min(2 * self._size, MOST)
        return self._items.popleft()


_OWN_WAYS: Dict[str, Any] = {"__call__": _call, "__exit__": _exit, "__iter__": _iterate}
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
