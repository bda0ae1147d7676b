"""Exceptions as plain data, and back.

Rules: nothing about an exception may stop it from being told (a `__str__` that raises, arguments that are
no data); no constructor is called to rebuild one, since constructors of exceptions take what they like;
a type that this side does not know becomes its nearest base class that it does know.
"""

from typing import Any, Callable, Dict, List, Optional, Tuple

from .errors import ValueFault

#: What the builtin exceptions keep outside their ``__dict__``.
FIELDS = {
    "OSError": ("errno", "strerror", "filename", "filename2"),
    "UnicodeDecodeError": ("encoding", "object", "start", "end", "reason"),
    "UnicodeEncodeError": ("encoding", "object", "start", "end", "reason"),
    "UnicodeTranslateError": ("object", "start", "end", "reason"),
    "ImportError": ("msg", "name", "path"),
    "SyntaxError": ("msg", "filename", "lineno", "offset", "text", "end_lineno", "end_offset"),
    "StopIteration": ("value",),
    "SystemExit": ("code",),
    "NameError": ("name",),
    "AttributeError": ("name",),
}
DEPTH = 50  # causes of causes, contexts of contexts, groups in groups
MOST = 1000  # exceptions in one failure
BASES = 100  # in a lineage
TEXT = 1 << 17

#: A class and its bases: (module, qualified name, places of its direct bases in this list) each, itself first.
Lineage = Tuple[Tuple[str, str, Tuple[int, ...]], ...]
#: Makes the class of a rebuilt exception from its nearest known base, its full name, and whether they agree.
Wrap = Callable[[type, str, bool], type]
#: Makes the class of an exception that is not known here.
Foreign = Callable[[Lineage], type]
Locate = Callable[[str, str], Optional[Any]]


def guarded(function: Callable[..., Any], *args: Any) -> Any:
    """What a function of a stranger's object returns, or a text that says how it failed."""
    try:
        return function(*args)
    except Exception as error:
        return "<%s raised %s>" % (getattr(function, "__name__", "it"), type(error).__name__)


def text_of(function: Callable[..., Any], *args: Any) -> str:
    return "".join((str(guarded(function, *args)),))  # of exactly that type, and no subclass


def take_exception(error: BaseException, hide: str = "") -> Dict[str, Any]:
    """An exception as plain data; an exception that is met twice, as in a cycle, is the same data twice.

    Frames of files under the folder `hide` are left out where they lead the traceback.
    """
    told: Dict[int, Dict[str, Any]] = {}
    queue: List[Tuple[BaseException, int]] = []

    def tell(other: Any, depth: int) -> Optional[Dict[str, Any]]:
        if not isinstance(other, BaseException):
            return None
        if id(other) not in told:
            if len(told) >= MOST or depth > DEPTH:
                return None
            told[id(other)] = {}
            queue.append((other, depth))
        return told[id(other)]

    first = tell(error, 0)
    for one, depth in queue:  # it grows meanwhile
        told[id(one)].update(_told(one, hide))
        for name in ("cause", "context"):
            told[id(one)][name] = tell(getattr(one, "__%s__" % name), depth + 1)
        members = guarded(_members, one)
        told[id(one)]["group"] = [tell(member, depth + 1) for member in members] if type(members) is tuple else None
    assert first is not None
    return first


def _told(error: BaseException, hide: str) -> Dict[str, Any]:
    """What an exception says of itself alone."""
    cls = type(error)
    args: Tuple[Any, ...] = BaseException.args.__get__(error)  # type: ignore[attr-defined]
    notes = guarded(getattr, error, "__notes__", ())
    return {
        "mro": lineage_of(cls),
        "args": args[:1] if _is_group(cls) else args,  # a group's others are its members
        "fields": {name: guarded(getattr, error, name, None) for name in _fields(cls)},
        "state": {name: value for name, value in vars(error).items() if not name.startswith("__")},
        "text": text_of(str, error),
        "traceback": _traceback(error, hide),
        "notes": [text_of(str, note) for note in notes if isinstance(note, str)] if type(notes) is list else [],
        "suppress": error.__suppress_context__,
    }


#: What a class says of itself, whatever its metaclass says of it.
_mro, _bases, _module, _qualname = [
    type.__dict__["__%s__" % name].__get__ for name in ("mro", "bases", "module", "qualname")
]


def lineage_of(cls: type) -> Lineage:
    """What tells a class of exceptions from others of its name, and which classes catch it."""
    mro = [base for base in _mro(cls) if base is not object][:BASES]
    places = {id(base): place for place, base in enumerate(mro)}
    return tuple(
        (_text_of(_module(base)), _qualname(base), tuple(places[id(b)] for b in _bases(base) if id(b) in places))
        for base in mro
    )


def _text_of(name: Any) -> str:
    return name if type(name) is str else ""


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


def _members(error: Any) -> Optional[Tuple[Any, ...]]:
    return tuple(error.exceptions) if _is_group(type(error)) else None


def plain_failure(failure: Dict[str, Any]) -> Dict[str, Any]:
    """What `take_exception` told, with texts in the place of arguments and attributes: some cannot travel."""
    plain: Dict[int, Any] = {}

    def again(data: Any) -> Any:
        if data is None:
            return None
        if id(data) not in plain:
            made = plain[id(data)] = dict(data, args=tuple(map(_plain_value, data["args"])))
            for name in ("fields", "state"):
                made[name] = {key: _plain_value(value) for key, value in data[name].items()}
            for name in ("cause", "context"):
                made[name] = again(data[name])
            made["group"] = data["group"] and [again(member) for member in data["group"]]
        return plain[id(data)]

    return again(failure)  # type: ignore[no-any-return]


def _plain_value(value: Any) -> Any:
    plain = value is None or type(value) in (bool, int, float, str, bytes)
    return value if plain else text_of(repr, value)


def _fields(cls: type) -> Tuple[str, ...]:
    for base in cls.__mro__:
        if base.__module__ == "builtins" and base.__name__ in FIELDS:
            return FIELDS[base.__name__]
    return ()


def _is_group(cls: type) -> bool:
    return any(base.__module__ == "builtins" and base.__name__ == "BaseExceptionGroup" for base in cls.__mro__)


def _traceback(error: BaseException, hide: str) -> str:
    import traceback

    frames = error.__traceback__
    while hide and frames is not None and frames.tb_frame.f_code.co_filename.startswith(hide):
        frames = frames.tb_next
    lines = text_of(lambda: "".join(traceback.format_exception(type(error), error, frames, chain=False)))
    text = lines.encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= TEXT else text[: TEXT // 2] + "\n  ...\n" + text[-TEXT // 2 :]


# -- back ----------------------------------------------------------------------------------------------


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
        if _is_group(cls) and not members:
            cls, known, lineage = Exception, False, ()
        try:
            strange = self._foreign if lineage and not known else None
            made: Any = strange(lineage) if strange is not None else self._wrap(cls, name, known)
        except TypeError:  # a class that has no subclasses beside others
            made = self._wrap(Exception, name, False)
        # The builtin class's own, as those of other classes are code that takes what it likes.
        new = next(base for base in made.__mro__ if base.__module__ == "builtins").__new__
        if _is_group(made):
            args = (args[0] if args and type(args[0]) is str else text, members)
            error = new(made, *args)
        else:
            error = new(made)
        error.args = args
        names = _fields(made)
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
