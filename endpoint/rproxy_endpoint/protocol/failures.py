"""Exceptions as plain data; `exceptions` has the way back.

Rules: nothing about an exception may stop it from being told (a `__str__` that raises, arguments that are
no data).
"""

from typing import Any, Callable, Dict, List, Optional, Tuple

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
        "args": args[:1] if is_group(cls) else args,  # a group's others are its members
        "fields": {name: guarded(getattr, error, name, None) for name in fields_of(cls)},
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
        (*name_of(base), tuple(places[id(b)] for b in _bases(base) if id(b) in places))
        for base in mro
    )


def name_of(cls: type) -> Tuple[str, str]:
    """The module and the qualified name of a class, whatever its metaclass says."""
    try:
        module = _module(cls)
    except AttributeError:  # it was made where there is none, as in C
        module = ""
    return module if type(module) is str else "", _qualname(cls)


def _members(error: Any) -> Optional[Tuple[Any, ...]]:
    return tuple(error.exceptions) if is_group(type(error)) else None


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


def fields_of(cls: type) -> Tuple[str, ...]:
    for base in cls.__mro__:
        if base.__module__ == "builtins" and base.__name__ in FIELDS:
            return FIELDS[base.__name__]
    return ()


def is_group(cls: type) -> bool:
    return any(base.__module__ == "builtins" and base.__name__ == "BaseExceptionGroup" for base in cls.__mro__)


def _traceback(error: BaseException, hide: str) -> str:
    import traceback

    frames = error.__traceback__
    while hide and frames is not None and frames.tb_frame.f_code.co_filename.startswith(hide):
        frames = frames.tb_next
    lines = text_of(lambda: "".join(traceback.format_exception(type(error), error, frames, chain=False)))
    text = lines.encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= TEXT else text[: TEXT // 2] + "\n  ...\n" + text[-TEXT // 2 :]
