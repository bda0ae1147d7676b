"""What may be sent: names of modules and of what is in them, and the arguments of a call by its verb."""

import functools
from collections.abc import Iterable, Mapping
from typing import Any

#: Attributes that lead from an object to the interpreter's own machinery. No one needs them to call a
#: function; a name that has them was meant for something else, or came from somebody else.
ESCAPES = frozenset(
    "__globals__ __builtins__ __subclasses__ __bases__ __base__ __mro__ __class__ __dict__ __code__ "
    "__closure__ __reduce__ __reduce_ex__ __getattribute__ __import__ __loader__ __spec__ __self__ "
    "__func__ __init__ __new__ __init_subclass__ __wrapped__ __delattr__ __setattr__".split()
)


def check_name(name: object, what: str) -> str:
    """A dotted name that may be sent. Raises TypeError or ValueError."""
    if not isinstance(name, str):
        raise TypeError(f"{what} is a dotted name, not {name!r}")
    return _check_text(name, what)


@functools.lru_cache(maxsize=1000)  # the same ones come again and again
def _check_text(name: str, what: str) -> str:
    if not name:
        raise ValueError(f"{what} is empty; write for example 'os' or 'path.join'")
    for part in name.split("."):
        if not part.isidentifier():
            raise ValueError(f"{name!r} cannot be {what}: {part!r} is no identifier")
        if part in ESCAPES:
            raise ValueError(f"{name!r} cannot be {what}: {part} leads out of the module")
    return name


def check_packages(trust: Any) -> None:
    """The packages of `trust=`. Raises TypeError or ValueError."""
    if isinstance(trust, str):
        raise TypeError(f"trust is a sequence of package names: trust=[{trust!r}]")
    for package in trust:
        check_name(package, "the name of a trusted package")


def check_switches(**switches: object) -> None:
    """Options that are on or off. Raises TypeError for a text like "no", which would mean yes."""
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise TypeError(f"{name} is True or False, not {value!r}")


def check_callable(function: Any) -> Any:
    """What is to be called. Raises TypeError."""
    if not callable(function):
        raise TypeError(f"{function!r} cannot be called")
    return function


def check_arguments(args: object, kwargs: object) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of `do_remote_call`: positional ones, and keyword arguments. Raises TypeError."""
    if kwargs is None and type(args) in (list, tuple):
        return tuple(args), {}  # type: ignore[arg-type]
    if isinstance(args, str | bytes) or not isinstance(args, Iterable):
        raise TypeError(f"args is a list or a dict of arguments: args=[{args!r}]")
    if kwargs is not None and not isinstance(kwargs, Mapping):
        raise TypeError(f"kwargs is a dict of keyword arguments, not {kwargs!r}")
    keywords = dict(kwargs or {})
    if isinstance(args, Mapping):
        twice = sorted(set(args) & set(keywords))
        if twice:
            raise TypeError(f"the argument {twice[0]!r} is given twice, in args and in kwargs")
        keywords, args = {**args, **keywords}, ()
    for name in keywords:
        if not isinstance(name, str):
            raise TypeError(f"the name of a keyword argument is a string, not {name!r}")
    return tuple(args), keywords
