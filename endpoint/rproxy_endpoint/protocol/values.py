"""What counts as data, how it is taken apart, and how it is rebuilt.

The basic types (None, bool, int, float, str, bytes, tuple, list, dict, set, frozenset) are the codecs' own
matter. Everything else that is data has a *kind*: a name, a function that takes an object apart into
plainer data, and one that makes it again. Both codecs use this one table, so a type that is added here
travels by pickle and by JSON alike.

Rules: taking apart never changes the object; making calls nothing that the bytes could choose, only the
functions of this table; a type is known by its identity, never by its name alone.
"""

import collections
import importlib
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple, Union

from .errors import ValueFault

Taken = NamedTuple(
    "Taken",
    [
        ("kind", str),
        ("args", Tuple[Any, ...]),
        # Members are added once the object exists, so that containers may hold themselves.
        ("appended", Optional[Iterable[Any]]),
        ("items", Optional[Iterable[Tuple[Any, Any]]]),
    ],
)


def taken(
    kind: str,
    *args: Any,
    appended: Optional[Iterable[Any]] = None,
    items: Optional[Iterable[Tuple[Any, Any]]] = None
) -> Taken:
    return Taken(kind, args, appended, items)


class Parcel:
    """One value on its way: the large parts that travel beside the body, and what only its side knows."""

    #: Smaller parts are cheaper inside the body than as parts of their own.
    inline = 1 << 14
    most = 1000

    def __init__(self, side: "Side", buffers: Optional[Sequence[Any]] = None) -> None:
        self.side = side
        self.buffers: List[Any] = [] if buffers is None else list(buffers)

    def put(self, view: memoryview) -> Union[int, bytes]:
        """Where the bytes of a contiguous view travel: the number of a buffer, or the bytes themselves."""
        if view.nbytes < self.inline or len(self.buffers) >= self.most:
            return view.tobytes()
        self.buffers.append(view.cast("B"))
        return len(self.buffers) - 1

    def get(self, place: Union[int, bytes]) -> Any:
        """The bytes that `put` stored, in memory that may be written to."""
        return bytearray(place) if isinstance(place, bytes) else self.buffers[place]


class Side:
    """What a codec asks of the side that it works for."""

    def foreign(self, obj: Any, parcel: Parcel) -> Optional[Taken]:
        """How something that is not data travels; None leaves it to the codec.

        Raises ValueFault if it cannot travel.
        """
        raise ValueFault("%s is not data" % describe_type(obj))

    def reference(self, *args: Any) -> Any:
        """The object that a reference of the other side means."""
        raise ValueFault("no references here")

    def locate(self, module: str, qualname: str) -> Optional[Any]:
        """The class of that name if values of it may be rebuilt on this side, else None."""
        return None

    def sendable(self, module: str, qualname: str) -> Optional[Any]:
        """The class of that name if values of it may be rebuilt on the other side, else None."""
        return self.locate(module, qualname)

    def is_record(self, cls: type) -> bool:
        """Whether a named tuple travels as its fields, without its class."""
        return True


def describe_type(obj: Any) -> str:
    """The type of an object in the words of an error message: ``a generator``, ``a mypkg.Thing``."""
    cls = type(obj)
    name = cls.__qualname__ if cls.__module__ == "builtins" else cls.__module__ + "." + cls.__qualname__
    return ("an " if name[0] in "aeiou" else "a ") + name


Take = Callable[[Any, Parcel], Optional[Taken]]
TAKE: Dict[type, Take] = {}
MAKE: Dict[str, Callable[..., Any]] = {}
#: A family's function that finds the `Take` of a class by its shape, or None if instances are no data.
SHAPES: Dict[str, Callable[[type], Optional[Take]]] = {}

#: Kinds whose names begin so, and types of top-level modules of that name, are registered when the first
#: of them is met.
FAMILIES = {
    "records": "records",
    "datetime": "standard",
    "zoneinfo": "standard",
    "decimal": "standard",
    "fractions": "standard",
    "uuid": "standard",
    "numpy": "arrays",
    "pandas": "pandas_tables",
    "polars": "polars_tables",
    "pyarrow": "arrow_tables",
}


def register(cls: type, kind: str, take: Take, make: Callable[..., Any]) -> None:
    TAKE[cls] = take
    MAKE[kind] = make


def load_family(name: str) -> bool:
    """Registers the kinds that belong to a top-level module; False if there are none."""
    family = FAMILIES.get(name.partition(".")[0])
    if family is None:
        return False
    importlib.import_module("." + family, __package__)
    return True


def take(obj: Any, parcel: Parcel) -> Optional[Taken]:
    """The parts of an object that is data, or None if it is not."""
    cls = type(obj)
    function = TAKE.get(cls)
    if function is None:
        if load_family(cls.__module__ or ""):
            function = TAKE.get(cls)
        function = function or by_shape(cls)
    return None if function is None else function(obj, parcel)


def by_shape(cls: type) -> Optional[Take]:
    """For the families of types that are data by what they are made of: records and enumerations."""
    if issubclass(cls, tuple) or type(cls) is not type:
        load_family("records")  # it needs `enum`, which plain calls do not
        return SHAPES["records"](cls)
    return None


def make(kind: str, *args: Any) -> Any:
    """Stands for `make_value` in the bytes; a loader puts its own in its place."""
    raise TypeError("values.make is only a name on the wire")


def make_value(parcel: Parcel, kind: str, *args: Any) -> Any:
    """The object that `take` took apart. Raises ValueFault for parts that make none."""
    function = MAKE.get(kind) if isinstance(kind, str) else None
    if function is None and isinstance(kind, str) and load_family(kind):
        function = MAKE.get(kind)
    if function is None:
        raise ValueFault("unknown kind of value: %.80r" % (kind,))
    try:
        return function(parcel, *args)
    except ValueFault:
        raise
    except Exception as error:
        raise ValueFault("cannot rebuild a %s: %s: %s" % (kind, type(error).__name__, error))


# -- the builtin types ---------------------------------------------------------------------------------

#: What may be the factory of a defaultdict: these names mean these types, on either side.
FACTORIES: Dict[str, type] = {
    cls.__name__: cls for cls in (bool, int, float, complex, str, bytes, bytearray, list, dict, set, tuple, frozenset)
}
CONSTANTS = {"Ellipsis": Ellipsis, "NotImplemented": NotImplemented}


def take_defaultdict(obj: Any, parcel: Parcel) -> Optional[Taken]:
    factory = obj.default_factory
    if factory is not None and FACTORIES.get(getattr(factory, "__name__", "")) is not factory:
        return None  # a factory that is code stays where it is, and its dictionary with it
    name = None if factory is None else factory.__name__
    return taken("defaultdict", name, items=iter(list(obj.items())))


def check_integers(values: Iterable[Any]) -> None:
    if not all(value is None or type(value) is int for value in values):
        raise ValueFault("not whole numbers")


def make_range(parcel: Parcel, *args: Any) -> range:
    check_integers(args)
    return range(*args)


def _register_builtins() -> None:
    register(
        complex, "complex", lambda o, p: taken("complex", o.real, o.imag),
        lambda p, real, imag: complex(float(real), float(imag)),
    )
    register(range, "range", lambda o, p: taken("range", o.start, o.stop, o.step), make_range)
    register(
        slice, "slice", lambda o, p: taken("slice", o.start, o.stop, o.step),
        lambda p, *args: slice(*args),
    )
    register(
        bytearray, "bytearray", lambda o, p: taken("bytearray", p.put(memoryview(bytes(o)))),
        lambda p, place: bytearray(p.get(place)),
    )
    for constant in CONSTANTS.values():
        register(
            type(constant), "constant", lambda o, p: taken("constant", repr(o)),
            lambda p, name: CONSTANTS[name],
        )
    register(
        collections.OrderedDict, "OrderedDict",
        lambda o, p: taken("OrderedDict", items=iter(list(o.items()))),
        lambda p: collections.OrderedDict(),
    )
    register(
        collections.Counter, "Counter",
        lambda o, p: taken("Counter", items=iter(list(o.items()))),
        lambda p: collections.Counter(),
    )
    register(
        collections.defaultdict, "defaultdict", take_defaultdict,
        lambda p, name: collections.defaultdict(None if name is None else FACTORIES[name]),
    )
    register(
        collections.deque, "deque",
        lambda o, p: taken("deque", o.maxlen, appended=iter(list(o))),
        lambda p, maxlen: collections.deque(maxlen=maxlen),
    )
    MAKE["reference"] = lambda parcel, *args: parcel.side.reference(*args)


_register_builtins()
