"""Instances of the classes that the client trusts, by value.

Rules: what is told is what the class's own pickling would say; one that holds itself is refused, for it could only come
without what it holds.
"""

from typing import Any, Dict

from .protocol.errors import ValueFault
from .protocol.values import Taken, describe_type, taken


def take_instance(obj: Any, met: Dict[int, Any]) -> Taken:
    """An instance as plain parts; `met` are those of the value under way, by their ids."""
    if id(obj) in met:  # who is done with it would not ask again
        raise ValueFault("%s holds itself; rproxy.keep() leaves it there" % describe_type(obj))
    met[id(obj)] = obj
    reduced = obj.__reduce_ex__(2)
    if isinstance(reduced, str):
        raise ValueFault("%s is a global named %s" % (describe_type(obj), reduced))
    function, args, state, appended, items = (tuple(reduced) + (None,) * 3)[:5]
    if function.__name__ in ("__newobj__", "__newobj_ex__"):
        cls, args = args[0], args[1:]
        if function.__name__ == "__newobj_ex__":
            args, keywords = args[0], args[1]
        else:
            keywords = {}
        name, how = cls, "new"
    else:
        name, how, keywords = function, "call", {}
    return taken(
        "instance", how, name.__module__, name.__qualname__, tuple(args), keywords, state,
        appended=appended, items=items,
    )
