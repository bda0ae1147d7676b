"""Named tuples, structseqs (`os.stat_result`) and enumeration members.

Rules: a record is rebuilt from the names and values of its fields, so that no class of the far side is
called here: as the standard library's own class where that is the same on both sides, else as a named
tuple made for it. An enumeration member is rebuilt only as a member of a class that this side may use.
"""

import collections
import enum
import types
from typing import Any, Dict, Optional, Tuple

from .errors import ValueFault
from .values import MAKE, SHAPES, Parcel, Take, Taken, taken

Names = Tuple[str, ...]


def recognise(cls: type) -> Optional[Take]:
    """How instances of a class are taken apart, if they are records or members of an enumeration."""
    if issubclass(cls, enum.Enum):
        return take_member
    if issubclass(cls, tuple):
        if isinstance(getattr(cls, "_fields", None), tuple):
            return take_namedtuple
        if isinstance(getattr(cls, "n_sequence_fields", None), int):
            return take_structseq
    return None


# -- named tuples --------------------------------------------------------------------------------------


def take_namedtuple(obj: Any, parcel: Parcel) -> Optional[Taken]:
    cls = type(obj)
    values = tuple(obj)
    if len(values) != len(cls._fields) or not parcel.side.is_record(cls):
        return None
    hidden = dict(getattr(obj, "__dict__", {}))
    return taken("records.tuple", cls.__module__, cls.__qualname__, tuple(cls._fields), values, hidden)


def take_structseq(obj: Any, parcel: Parcel) -> Taken:
    cls = type(obj)
    members = [name for name, member in vars(cls).items() if isinstance(member, types.MemberDescriptorType)]
    visible = members[: cls.n_sequence_fields - cls.n_unnamed_fields]
    hidden = {name: getattr(obj, name) for name in members[len(visible) :]}
    # os.stat_result has three places without a name; they get one, so that the tuple is whole.
    names = visible + ["unnamed_%d" % place for place in range(len(visible), cls.n_sequence_fields)]
    return taken("records.tuple", cls.__module__, cls.__qualname__, tuple(names), tuple(obj), hidden)


def make_record(
    parcel: Parcel, module: str, qualname: str, names: Names, values: Tuple[Any, ...], hidden: Dict[str, Any]
) -> Any:
    """A record of the standard library's class if that has the same fields here, else of a class made for it."""
    if type(values) is not tuple or type(names) is not tuple or len(names) != len(values):
        raise ValueFault("a record needs as many values as fields")
    cls = parcel.side.locate(module, qualname)
    if isinstance(cls, type) and issubclass(cls, tuple):
        if getattr(cls, "_fields", None) == names and cls.__len__ is tuple.__len__:
            return with_hidden(tuple.__new__(cls, values), hidden)
        if getattr(cls, "n_sequence_fields", None) == len(values):
            record = make_structseq(cls, names, values, hidden)
            if record is not None:
                return record
    return make_stand_in(module, qualname, names, values, hidden)


def make_structseq(
    cls: Any, names: Names, values: Tuple[Any, ...], hidden: Dict[str, Any]
) -> Optional[Any]:
    """A record of the standard library's class, or None if that has not these fields here."""
    visible = [name for name in names if not name.startswith("unnamed_")]
    if not all(hasattr(cls, name) for name in visible + list(hidden)):
        return None
    record = cls(values, hidden)
    return record if all(getattr(record, name) is value for name, value in zip(visible, values)) else None


_classes: Any = collections.OrderedDict()


def make_stand_in(
    module: str, qualname: str, names: Names, values: Tuple[Any, ...], hidden: Dict[str, Any]
) -> Any:
    key = (str(module), str(qualname), names, tuple(hidden))
    cls = _classes.get(key)
    if cls is None:
        short = key[1].rpartition(".")[2]
        if not short.isidentifier():
            raise ValueFault("not the name of a record: %.80r" % (qualname,))
        # namedtuple checks the names: identifiers, no keywords, no duplicates.
        rename = any(n.startswith("_") for n in names)
        base = collections.namedtuple(short, names, rename=rename)  # type: ignore
        body: Dict[str, Any] = {"__module__": key[0], "__qualname__": key[1]}
        if not hidden:
            body["__slots__"] = ()
        cls = type(short, (base,), body)
        _classes[key] = cls
        if len(_classes) > 1000:  # a far side that makes classes without end must not fill this one
            _classes.popitem(last=False)
    return with_hidden(tuple.__new__(cls, values), hidden)


def with_hidden(record: Any, hidden: Dict[str, Any]) -> Any:
    """A record with the attributes that are not among its values."""
    for name, value in hidden.items():
        if not name.isidentifier() or name.startswith("__"):
            raise ValueFault("not the name of a field: %.80r" % (name,))
        record.__dict__[name] = value
    return record


# -- enumeration members -------------------------------------------------------------------------------


def take_member(obj: Any, parcel: Parcel) -> Optional[Taken]:
    cls = type(obj)
    if parcel.side.sendable(cls.__module__, cls.__qualname__) is not cls:
        return None
    value = obj._value_ if issubclass(cls, enum.Flag) else None  # only a combination of flags needs it
    return taken("records.member", cls.__module__, cls.__qualname__, obj._name_, value)


def make_member(parcel: Parcel, module: str, qualname: str, name: Optional[str], value: Any) -> Any:
    cls = parcel.side.locate(module, qualname)
    if not (isinstance(cls, type) and issubclass(cls, enum.Enum)):
        raise ValueFault("%s.%s is no enumeration that is known here; name it in trust=" % (module, qualname))
    members: Any = cls.__members__
    if isinstance(name, str) and name in members:
        return members[name]
    if issubclass(cls, enum.Flag):
        return cls(value)
    raise ValueFault("%s.%s has no member %.80r here" % (module, qualname, name))


SHAPES["records"] = recognise
MAKE["records.tuple"] = make_record
MAKE["records.member"] = make_member
