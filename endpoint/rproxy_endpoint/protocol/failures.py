"""Exceptions as plain data, and back.

Rules: nothing about an exception may stop it from being told (a `__str__` that raises, arguments that are
no data); no constructor is called to rebuild one, since constructors of exceptions take what they like;
a type that this side does not know becomes its nearest base class that it does know.
"""

import traceback
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

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
DEPTH = 20  # causes and contexts of causes and contexts
TEXT = 1 << 17

#: Makes the class of a rebuilt exception from its nearest known base, its full name, and whether they agree.
Wrap = Callable[[type, str, bool], type]
Locate = Callable[[str, str], Optional[Any]]


def guarded(function: Callable[..., Any], *args: Any) -> Any:
    """What a function of a stranger's object returns, or a text that says how it failed."""
    try:
        return function(*args)
    except Exception as error:
        return "<%s raised %s>" % (getattr(function, "__name__", "it"), type(error).__name__)


def take_exception(
    error: BaseException, hide: str = "", plain: bool = False, seen: Optional[Set[int]] = None
) -> Dict[str, Any]:
    """An exception as plain data.

    Frames of files under the folder `hide` are left out where they lead the traceback. With `plain`,
    arguments and attributes go as texts: for those that cannot travel.
    """
    seen = set() if seen is None else seen
    seen.add(id(error))

    def chained(other: Optional[BaseException]) -> Optional[Dict[str, Any]]:
        if other is None or id(other) in seen or len(seen) > DEPTH:
            return None
        return take_exception(other, hide, plain, seen)

    def keep(value: Any) -> Any:
        return guarded(repr, value) if plain else value

    cls = type(error)
    state = {name: keep(value) for name, value in vars(error).items() if not name.startswith("__")}
    members = getattr(error, "exceptions", None)
    return {
        "mro": [(base.__module__, base.__qualname__) for base in cls.__mro__ if base is not object],
        "args": tuple(keep(arg) for arg in error.args),
        "fields": {name: keep(getattr(error, name, None)) for name in _fields(cls)},
        "state": state,
        "text": guarded(str, error),
        "traceback": _traceback(error, hide),
        "notes": [note for note in getattr(error, "__notes__", ()) if isinstance(note, str)],
        "cause": chained(error.__cause__),
        "context": chained(error.__context__),
        "suppress": error.__suppress_context__,
        "group": [chained(member) for member in members] if _is_group(cls) and members else None,
    }


def _fields(cls: type) -> Tuple[str, ...]:
    for base in cls.__mro__:
        if base.__module__ == "builtins" and base.__name__ in FIELDS:
            return FIELDS[base.__name__]
    return ()


def _is_group(cls: type) -> bool:
    return any(base.__module__ == "builtins" and base.__name__ == "BaseExceptionGroup" for base in cls.__mro__)


def _traceback(error: BaseException, hide: str) -> str:
    frames = error.__traceback__
    while hide and frames is not None and frames.tb_frame.f_code.co_filename.startswith(hide):
        frames = frames.tb_next
    lines = guarded(lambda: "".join(traceback.format_exception(type(error), error, frames, chain=False)))
    text = str(lines).encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= TEXT else text[: TEXT // 2] + "\n  ...\n" + text[-TEXT // 2 :]


# -- back ----------------------------------------------------------------------------------------------


def make_exception(data: Any, locate: Locate, wrap: Wrap) -> BaseException:
    """The exception that `take_exception` told. Raises ValueFault for data that tell none."""
    try:
        return _make(data, locate, wrap)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ValueFault("not an exception: %s: %s" % (type(error).__name__, error))


def _make(data: Dict[str, Any], locate: Locate, wrap: Wrap) -> BaseException:
    module, qualname = data["mro"][0]
    cls, known = _nearest(data["mro"], locate)
    group = data["group"]
    if _is_group(cls) and not group:
        cls, known = Exception, False
    made: Any = wrap(cls, qualname if module == "builtins" else "%s.%s" % (module, qualname), known)
    args = tuple(data["args"])
    if _is_group(cls):
        members = [_make(member, locate, wrap) for member in group if member is not None]
        error = made.__new__(made, str(args[0]) if args else data["text"], members)
    else:
        error = made.__new__(made)
        error.args = args
    for name in _fields(cls):
        if data["fields"].get(name) is not None:
            _set(error, name, data["fields"][name])
    for name, value in data["state"].items():
        _set(error, name, value)
    error.remote_text = str(data["text"])
    error.remote_traceback = str(data["traceback"])
    error.remote_notes = [str(note) for note in data["notes"]]
    for name, link in (("cause", "__cause__"), ("context", "__context__")):
        if data[name] is not None:
            setattr(error, link, _make(data[name], locate, wrap))
    error.__suppress_context__ = bool(data["suppress"])
    return error  # type: ignore[no-any-return]


def _set(error: Any, name: Any, value: Any) -> None:
    """Sets an attribute unless the class has something of that name that is no place for data."""
    if isinstance(name, str) and name.isidentifier() and not name.startswith("__"):
        try:
            setattr(error, name, value)
        except (AttributeError, TypeError):
            return  # a property or a field of another type: the class computes it from the rest


def _nearest(mro: List[Tuple[str, str]], locate: Locate) -> Tuple[type, bool]:
    for place, (module, qualname) in enumerate(mro):
        cls = locate(str(module), str(qualname))
        if isinstance(cls, type) and issubclass(cls, Exception):
            return cls, place == 0
    return Exception, False
