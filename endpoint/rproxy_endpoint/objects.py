"""The objects that stay here while proxies on the client's side mean them.

Rules: an object has one number for as long as it is held, so that the same object twice is the same proxy
twice; it is held until the client has released it as often as it was sent; a type is described when an
object of it is first sent, and known by a number from then on.
"""

import importlib
import sys
import threading
import types
import weakref
from typing import Any, Callable, Dict, FrozenSet, Iterable, List, Optional, Sequence, Set, Tuple

from . import arriving, describe
from .protocol.errors import ValueFault
from .protocol.values import FAMILIES, Parcel, Side, Taken, describe_type, taken

#: Functions and classes by source: few sessions need what makes them.
FAMILIES["code"] = ".rebuild"


class ObjectTable:
    """Number -> object, and how often the client has got it."""

    def __init__(self) -> None:
        self._objects: Dict[int, Any] = {}
        self._counts: Dict[int, int] = {}
        self._numbers: Dict[int, int] = {}  # id of a held object: its number
        self._next = 1

    def __len__(self) -> int:
        return len(self._objects)

    def begin(self, number: int) -> None:
        """Gives that number to the first object: the client knows others from sessions before."""
        self._next = number

    def hold(self, obj: Any) -> int:
        """The number of an object, which is held once more."""
        number = self._numbers.get(id(obj))
        if number is None:
            number, self._next = self._next, self._next + 1
            self._objects[number] = obj
            self._numbers[id(obj)] = number
            self._counts[number] = 0
        self._counts[number] += 1
        return number

    def release(self, objects: Iterable[Tuple[int, int]]) -> None:
        """Lets go of objects as often as said; those that nobody holds any more go."""
        gone: List[Any] = []  # their finalizers run when the table is in order again
        for number, times in objects:
            if number in self._counts:
                self._counts[number] -= times
                if self._counts[number] <= 0:
                    obj = self._objects.pop(number)
                    del self._counts[number], self._numbers[id(obj)]
                    gone.append(obj)

    def find(self, number: int) -> Any:
        try:
            return self._objects[number]
        except KeyError:
            raise ReferenceError("object %d was released, or belongs to another session" % number)


class Kept:
    """A result that is to stay here, whatever it is."""

    def __init__(self, value: Any) -> None:
        self.value = value


class EndpointSide(Side):
    """What the codecs ask of the endpoint.

    `live` says whether the session lasts, so that objects can stay; `trust` names the packages whose
    instances the client wants by value.
    """

    def __init__(self, live: bool = True) -> None:
        self.live = live
        self.trust: FrozenSet[str] = frozenset()
        self.objects = ObjectTable()
        self.ask: Optional[Callable[[Any, Any], Any]] = None  # asks the client for an object that it lent
        self.reading = threading.local()  # `call`: the request whose values this thread rebuilds
        #: The objects that the value under way has taken hold of, and the types that it was the first to tell of.
        #: And the trusted instances in it, by their ids.
        self._taken: Tuple[List[int], List[type], Dict[int, Any]] = ([], [], {})
        self._packing = threading.RLock()
        self._lent: Any = weakref.WeakValueDictionary()
        self._types: Dict[type, int] = {}
        self._next_type = 0
        self.folder = ""  # a private one that others remove; else one is made if it is needed ...
        self.tmp = ""  # ... here, if that can be written to
        self.sources: Dict[str, Sequence[Any]] = {}
        self.rebuilder: Any = None  # makes functions of them
        self._packages: Any = None
        self._provided: Dict[str, Any] = {}
        if live:
            arriving.watch(self)

    # -- out -------------------------------------------------------------------------------------------

    def foreign(self, obj: Any, parcel: Parcel) -> Optional[Taken]:
        if type(obj) is Kept:
            return self._hold(obj.value)
        cls = type(obj)
        lent = sys.modules.get("rproxy_endpoint.lent")  # few sessions need it
        if lent is not None and issubclass(cls, lent.Lent):
            return taken("reference", "local", obj._rproxy_number)
        if issubclass(cls, types.ModuleType) and sys.modules.get(_name(obj)) is obj:
            return taken("reference", "module", _name(obj))
        if cls.__module__.partition(".")[0] in self.trust:
            from .instances import take_instance  # few sessions need it

            return take_instance(obj, self._taken[2])
        if cls is types.GeneratorType:
            from .stepping import native

            return self._hold(native(obj) or obj)
        return self._hold(obj)

    def _hold(self, obj: Any) -> Taken:
        """A reference to an object that stays."""
        cls = type(obj)
        if not self.live:
            raise NeedsStream(
                "%s stays on the far side, and this connector's commands end after each call" % describe_type(obj)
            )
        number = self.objects.hold(obj)
        self._taken[0].append(number)
        known = self._types.get(cls)
        description = None
        if known is None:
            known = self._types[cls] = self._next_type
            self._next_type += 1
            self._taken[1].append(cls)
            description = describe.of_type(cls)
        return taken("reference", "object", number, known, description, describe.of_object(obj))

    def packed(self, pack: Callable[..., Any], *args: Any) -> Any:
        """What `pack` returns; if it raises, what it has taken hold of is let go of again."""
        with self._packing:
            outer = self._taken  # a value's own code may ask the client while it is packed
            held, described, _ = self._taken = [], [], {}
            try:
                return pack(*args)
            except BaseException:
                self.objects.release([(number, 1) for number in held])
                for cls in described:
                    del self._types[cls]
                raise
            finally:
                self._taken = outer

    # -- in --------------------------------------------------------------------------------------------

    def reference(self, *args: Any) -> Any:
        """("object", number) or ("member", target, path): what a proxy of the client means;
        ("local", number, description): an object that it lends."""
        kind = args[0]
        if kind == "object":
            return self.objects.find(args[1])
        if kind == "member":
            return self.resolve(args[1], args[2])
        if kind == "local":
            return self._borrow(args[1], args[2])
        if kind == "error":
            from .protocol.exceptions import make_exception

            return make_exception(args[1], self.locate, lambda base, name, known: base, BaseException)
        if kind == "error class":
            from .raising import nearest

            return nearest(args[1], self.locate)
        raise ValueFault("unknown reference: %.80r" % (kind,))

    def _borrow(self, number: int, description: Any) -> Any:
        lent: Any = self._lent.get(number)
        if lent is None:
            assert self.ask is not None
            made = importlib.import_module("rproxy_endpoint.lent").lent_class(description)
            lent = self._lent[number] = made(self.ask, number, description[4])
        lenders(lent).add(self.reading.call)
        return lent

    def resolve(self, target: Any, path: str) -> Any:
        """The object of a dotted path below a module, a live object, or a function that came by value."""
        if type(target) is str:
            found = sys.modules.get(target) or importlib.import_module(target)
        elif type(target) is int:
            found = self.objects.find(target)
        else:
            found = target
        if path:
            for name in path.split("."):
                found = getattr(found, name)
        return found

    def locate(self, module: str, qualname: str) -> Optional[Any]:
        """Any class that is here: the client, who sends the values that name it, is trusted."""
        try:
            found: Any = importlib.import_module(module)
            for name in qualname.split("."):
                found = getattr(found, name)
            return found
        except Exception:  # a module's own code may raise anything, as one for a newer Python does
            return None

    def sendable(self, module: str, qualname: str) -> Optional[Any]:
        """The class of that name if the client can have it: the standard library's and trusted packages'."""
        if module.partition(".")[0] in self.trust or is_standard(module):
            return self.locate(module, qualname)
        return None

    def provide(self, kind: str, items: Dict[str, Any]) -> None:
        """Takes what arguments may need and this host may lack."""
        if kind == "sources":
            self.sources.update(items)
        elif kind == "lines":
            importlib.import_module("rproxy_endpoint.rebuild").show_lines(items)
        elif kind == "packages":
            if self._packages is None:
                provided = importlib.import_module("rproxy_endpoint.provided")  # few sessions need it
                self._packages = provided.Packages(self.folder, self.tmp)
            self._packages.take(items)
        else:
            for name, text in items.items():
                module = types.ModuleType(name)
                exec(compile(text, "<%s, sent by the client>" % name, "exec"), module.__dict__)
                self._provided[name] = module

    def provided(self, module: str) -> Any:
        return self._provided.get(module)


class NeedsStream(ValueFault):
    """The value could only travel over a session that lasts."""


def lenders(lent: Any) -> Set[int]:
    """The numbers of the requests that lent an object."""
    found: Set[int] = lent._rproxy_calls
    return found


def _name(module: Any) -> str:
    return str(getattr(module, "__name__", None))


def is_standard(module: str) -> bool:
    """Whether a module belongs to the standard library."""
    root = module.partition(".")[0]
    names: Optional[Sequence[str]] = getattr(sys, "stdlib_module_names", None)  # 3.10 and newer
    if names is not None:
        return root in names
    if root in sys.builtin_module_names:
        return True
    file = getattr(sys.modules.get(root), "__file__", None) or ""
    return file.startswith(types.__file__.rpartition("/")[0]) and "-packages" not in file
