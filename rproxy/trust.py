"""What may be rebuilt here from the bytes of a far side that is not trusted.

Rules: the only name that a pickle may use is the protocol's own `make`, which makes the data that the
protocol lists; classes are used only of the standard library (enumerations, records, exceptions) and of
the packages that the user named with ``trust=``; no package is imported on a far side's word but those.
What a pickle may do beyond that is for `operations` to say.
"""

import importlib
import sys
from typing import Any

from rproxy_endpoint.protocol import values
from rproxy_endpoint.protocol.errors import ValueFault
from rproxy_endpoint.protocol.pickled import Decoder

from .operations import check_operations

#: Modules of the standard library that do something when they are imported, or are no data's home.
_NEVER = frozenset(
    "antigravity ensurepip idlelib lib2to3 readline rlcompleter test this tkinter turtle turtledemo venv".split()
)


class Trust:
    """Decides which classes values of the far side may have here."""

    def __init__(self, packages: tuple[str, ...] = ()) -> None:
        self.packages = packages

    def locate(self, module: Any, qualname: Any) -> Any | None:
        """The class of that name if it is the standard library's, or whatever has that name in a trusted
        package; else None. Whoever asks checks that it is of the kind that they expect.
        """
        if not (isinstance(module, str) and isinstance(qualname, str)):
            return None
        names, trusted = qualname.split("."), self.trusts(module)
        own = trusted and module == "__main__"  # the program itself, whose functions may raise its exceptions there
        if not all(name.isidentifier() and not name.startswith("__") for name in [*module.split(".")[own:], *names]):
            return None
        found = _import(module) if trusted else _standard_module(module)
        found = getattr(found, names[0], None)
        for name in names[1:]:
            if not isinstance(found, type):
                return None  # attributes of objects may be code: `ctypes.cdll` loads any library by its name
            found = getattr(found, name, None)
        return found if trusted or isinstance(found, type) else None

    def trusts(self, module: Any) -> bool:
        """Whether it is in a package that the user named."""
        return isinstance(module, str) and module.partition(".")[0] in self.packages

    def make_instance(
        self, parcel: Any, how: str, module: str, qualname: str, args: Any, keywords: Any, state: Any
    ) -> Any:
        """An instance of a trusted package's class, from the parts that its own pickling gave."""
        if not self.trusts(module):
            raise ValueFault(f"{module}.{qualname} is not trusted; connect(..., trust=[...]) names packages")
        found = self.locate(module, qualname)
        if not self.trusts(getattr(found, "__module__", None)):
            raise ValueFault(f"{module}.{qualname} is nothing of that package here")
        if how == "new" and isinstance(found, type):
            made = found.__new__(found, *args, **keywords)
        elif how == "call" and callable(found):
            made = found(*args)
        else:
            raise ValueFault(f"{module}.{qualname} cannot be made")
        if state is not None:
            _set_state(made, state)
        return made


def _import(module: str) -> Any | None:
    try:
        return sys.modules.get(module) or importlib.import_module(module)
    except ImportError:
        return None


def _standard_module(module: str) -> Any | None:
    """A module of the standard library. A private one is not imported for this: nobody can have its classes
    in mind who has not imported it."""
    root = module.partition(".")[0]
    if root not in sys.stdlib_module_names or root in _NEVER:
        return None
    if module not in sys.modules and "._" in "." + module:
        return None
    return _import(module)


def _set_state(made: Any, state: Any) -> None:
    """Gives an object the state that its class's own pickling took, as `pickle` itself would."""
    setter = getattr(made, "__setstate__", None)
    if setter is not None:
        setter(state)
        return
    slots = None
    if isinstance(state, tuple) and len(state) == 2:
        state, slots = state
    if state:
        made.__dict__.update(state)
    for name, value in (slots or {}).items():
        object.__setattr__(made, name, value)


class GuardedDecoder(Decoder):
    """Rebuilds data from the pickles of a far side that is not trusted."""

    def load(self) -> Any:
        check_operations(self.body)
        return super().load()


def _make_instance(parcel: values.Parcel, *args: Any) -> Any:
    return parcel.side.trust.make_instance(parcel, *args)  # type: ignore[attr-defined]


values.MAKE["instance"] = _make_instance
