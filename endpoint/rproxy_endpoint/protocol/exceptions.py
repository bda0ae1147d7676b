"""Exceptions made of the plain data that `failures` tells them by.

Rules: no constructor is called to rebuild one, since constructors of exceptions take what they like; a type that this
side does not know becomes its nearest base class that it does know.
"""

from typing import Any, Callable, Dict, Optional, Tuple

from .errors import ValueFault
from .failures import BASES, MOST, Lineage, fields_of, is_group

#: Makes the class of a rebuilt exception from its nearest known base, its full name, and whether they agree.
Wrap = Callable[[type, str, bool], type]
#: Makes the class of an exception that is not known here.
Foreign = Callable[[Lineage], type]
Locate = Callable[[str, str], Optional[Any]]


def make_exception(
    data: Any, locate: Locate, wrap: Wrap, least: type = Exception, foreign: Optional[Foreign] = None
) -> BaseException:
    """The exception that `take_exception` told; classes that are not below `least` are passed over; those that are
    not known are made by `foreign`, if it is given.

    Raises ValueFault for data that tell none.
    """
    try:
        made: BaseException = _Maker(locate, wrap, least, foreign).make(data)
        return made
    except Exception as error:
        raise ValueFault("not an exception: %s: %s" % (type(error).__name__, error))


class _Maker:
    def __init__(self, locate: Locate, wrap: Wrap, least: type, foreign: Optional[Foreign]) -> None:
        self._foreign = foreign
        self._locate = locate
        self._wrap = wrap
        self._least = least
        self._made: Dict[int, Any] = {}  # by the id of its data; None while a group waits for its members

    def make(self, data: Any) -> Any:
        if id(data) in self._made:
            return self._made[id(data)]
        if len(self._made) >= MOST:
            raise ValueError("more than %d exceptions" % MOST)
        self._made[id(data)] = None
        error = self._made[id(data)] = self._alone(data)
        for name, link in (("cause", "__cause__"), ("context", "__context__")):
            if data[name] is not None:
                setattr(error, link, self.make(data[name]))
        error.__suppress_context__ = data["suppress"] is True
        return error

    def _alone(self, data: Any) -> Any:
        """An exception without its cause and context."""
        lineage = checked_lineage(data["mro"])
        name = full_name(lineage)
        cls, known = self._nearest(lineage)
        args, text = _typed(data["args"], tuple), _typed(data["text"], str)
        members = [self.make(member) for member in data["group"] or () if member is not None]
        members = [member for member in members if isinstance(member, Exception)]
        if is_group(cls) and not members:
            cls, known, lineage = Exception, False, ()
        try:
            strange = self._foreign if lineage and not known else None
            made: Any = strange(lineage) if strange is not None else self._wrap(cls, name, known)
        except TypeError:  # a class that has no subclasses beside others
            made = self._wrap(Exception, name, False)
        # The builtin class's own, as those of other classes are code that takes what it likes.
        new = next(base for base in made.__mro__ if base.__module__ == "builtins").__new__
        if is_group(made):
            args = (args[0] if args and type(args[0]) is str else text, members)
            error = new(made, *args)
        else:
            error = new(made)
        error.args = args
        names = fields_of(made)
        _set_fields(error, names, _typed(data["fields"], dict))
        for key, value in _typed(data["state"], dict).items():
            if key not in names:
                _set(error, key, value)
        error.remote_text = text
        error.remote_traceback = _typed(data["traceback"], str)
        error.remote_notes = [_typed(note, str) for note in _typed(data["notes"], list)]
        return error

    def _nearest(self, lineage: Lineage) -> Tuple[type, bool]:
        """The nearest class that is known here, and whether it is the exception's own."""
        for place, (module, qualname, _) in enumerate(lineage):
            cls = self._locate(module, qualname)
            if isinstance(cls, type) and issubclass(cls, self._least):
                return cls, place == 0
        return Exception, False


def checked_lineage(data: Any) -> Lineage:
    """The lineage that data are. Raises TypeError or ValueError for others."""
    found = tuple((_typed(m, str), _typed(q, str), _typed(bases, tuple)) for m, q, bases in _typed(data, tuple))
    if not 0 < len(found) <= BASES:
        raise ValueError("%d classes in a lineage" % len(found))
    for place, (_, _, bases) in enumerate(found):
        if not all(type(base) is int and place < base < len(found) for base in bases):
            raise ValueError("a class among its own bases")
    return found


def full_name(lineage: Lineage) -> str:
    module, qualname, _ = lineage[0]
    return qualname if module == "builtins" else module + "." + qualname


def _typed(value: Any, cls: type) -> Any:
    if type(value) is not cls:
        raise TypeError("a %s where a %s belongs" % (type(value).__name__, cls.__name__))
    return value


def _set_fields(error: Any, names: Tuple[str, ...], fields: Dict[str, Any]) -> None:
    if "object" in names and not _is_place(error, fields):
        return
    for name in names:
        # StopIteration's is read by the interpreter itself, which takes it that there is one.
        if fields.get(name) is not None or isinstance(error, StopIteration):
            _set(error, name, fields.get(name))


def _is_place(error: Any, fields: Dict[str, Any]) -> bool:
    """Whether the fields of a UnicodeError are such that its `__str__`, which trusts them, reads no foreign memory."""
    whole, start, end = fields.get("object"), fields.get("start"), fields.get("end")
    if type(whole) is not (bytes if isinstance(error, UnicodeDecodeError) else str):
        return False
    return type(start) is int and type(end) is int and 0 <= start <= end <= len(whole)


def _set(error: Any, name: Any, value: Any) -> None:
    """Sets an attribute unless the class has something of that name that is no place for data."""
    if isinstance(name, str) and name.isidentifier() and not name.startswith("__") and name != "args":
        try:
            setattr(error, name, value)
        except Exception:
            return  # a property or a field of another type: the class computes it from the rest
