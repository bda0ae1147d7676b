"""What may be rebuilt here from the bytes of a far side that is not trusted.

Rules: the only name that a pickle may use is the protocol's own `make`, which makes the data that the
protocol lists; classes are used only of the standard library (enumerations, records, exceptions) and of
the packages that the user named with ``trust=``; no package is imported on a far side's word but those.

A pickle could still try to change an object after it was made (the BUILD operation sets its state: a
member of an enumeration, a numpy dtype that then lies about its memory), or to use the registry of
`copyreg` extensions, which never asks. No honest endpoint sends either, so a pickle that makes anything
beyond the basic types is read operation by operation first, and refused if it has one of them.
"""

import copyreg
import importlib
import pickletools
import re
import sys
from typing import Any

from rproxy_endpoint.protocol import values
from rproxy_endpoint.protocol.errors import ValueFault
from rproxy_endpoint.protocol.pickled import Decoder

#: Modules of the standard library that do something when they are imported, or are no data's home.
_NEVER = {"antigravity", "this", "idlelib", "turtledemo", "test", "__main__", "lib2to3", "turtle", "tkinter"}


class Trust:
    """Decides which classes values of the far side may have here."""

    def __init__(self, packages: tuple[str, ...] = ()) -> None:
        self.packages = packages

    def locate(self, module: str, qualname: str) -> Any | None:
        """The object of that name if it is the standard library's or a trusted package's, else None.

        Whoever asks checks that it is of the kind that they expect.
        """
        root = module.partition(".")[0]
        trusted = root in self.packages
        if not trusted and (root not in sys.stdlib_module_names or root in _NEVER):
            return None
        try:
            found: Any = sys.modules.get(module) or importlib.import_module(module)
            for name in qualname.split("."):
                found = getattr(found, name)
        except (ImportError, AttributeError):
            return None
        return found

    def make_instance(
        self, parcel: Any, how: str, module: str, qualname: str, args: Any, keywords: Any, state: Any
    ) -> Any:
        """An instance of a trusted package's class, from the parts that its own pickling gave."""
        if module.partition(".")[0] not in self.packages:
            raise ValueFault(f"{module}.{qualname} is not trusted; connect(..., trust=[...]) names packages")
        found = self.locate(module, qualname)
        if getattr(found, "__module__", "").partition(".")[0] not in self.packages:
            raise ValueFault(f"{module}.{qualname} is no class of that package")
        if how == "new" and isinstance(found, type):
            made = found.__new__(found, *args, **keywords)
        elif how == "call" and callable(found):
            made = found(*args)
        else:
            raise ValueFault(f"{module}.{qualname} cannot be made")
        if state is not None:
            _set_state(made, state)
        return made


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


# -- pickles -------------------------------------------------------------------------------------------

#: The operations that no honest endpoint sends.
_REFUSED = {
    ord(code.code): code.name
    for code in pickletools.opcodes
    if code.name in {"BUILD", "EXT1", "EXT2", "EXT4", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "GLOBAL"}
}
_SIZES: dict[int, int] = {}  # operation: bytes of its argument
_COUNTED: dict[int, int] = {}  # operation: bytes of the length of its argument
_LINES: set[int] = set()  # operations whose argument is a line
for _code in pickletools.opcodes:
    _number, _size = ord(_code.code), 0 if _code.arg is None else _code.arg.n
    if _size >= 0:
        _SIZES[_number] = _size
    elif _size == pickletools.UP_TO_NEWLINE:
        _LINES.add(_number)
    else:
        _COUNTED[_number] = {
            pickletools.TAKEN_FROM_ARGUMENT1: 1,
            pickletools.TAKEN_FROM_ARGUMENT4: 4,
            pickletools.TAKEN_FROM_ARGUMENT4U: 4,
            pickletools.TAKEN_FROM_ARGUMENT8U: 8,
        }[_size]


def _run_of_plain() -> re.Pattern[bytes]:
    """A pattern for as many harmless operations of fixed size as follow each other."""
    by_size: dict[int, list[int]] = {}
    for number, size in _SIZES.items():
        if number not in _REFUSED and number != ord("."):
            by_size.setdefault(size, []).append(number)
    kinds = [
        b"[" + b"".join(b"\\x%02x" % number for number in numbers) + b"]" + b"[\\x00-\\xff]{%d}" % size
        for size, numbers in sorted(by_size.items())
    ]
    short = [b"[\\x8c\\x43\\x55\\x8a]\\x%02x[\\x00-\\xff]{%d}" % (size, size) for size in range(13)]
    return re.compile(b"(?:" + b"|".join(kinds + short) + b")*+")


_PLAIN = _run_of_plain()


def check_operations(body: Any) -> None:
    """Reads a pickle's operations and raises ValueFault for one that no honest endpoint sends."""
    data = bytes(body)
    place, end = 0, len(data)
    while place < end:
        matched = _PLAIN.match(data, place)
        place = matched.end() if matched else place
        if place >= end:
            break
        number = data[place]
        if number in _REFUSED:
            raise ValueFault(f"the bytes would run the pickle operation {_REFUSED[number]}, which no data needs")
        if number == ord("."):
            return
        place += 1
        if number in _COUNTED:
            width = _COUNTED[number]
            place += width + int.from_bytes(data[place : place + width], "little")
        elif number in _SIZES:
            place += _SIZES[number]
        elif number in _LINES:
            raise ValueFault("the bytes are a pickle of an old protocol")
        else:
            raise ValueFault(f"the bytes have no pickle operation at {place - 1}")


class GuardedDecoder(Decoder):
    """Rebuilds data from the pickles of a far side that is not trusted."""

    body: Any = b""
    _checked = False

    def load(self) -> Any:
        if copyreg._extension_cache or copyreg._inverted_registry:  # type: ignore[attr-defined]
            self._check()
        return super().load()

    def find_class(self, module: str, name: str) -> Any:
        self._check()
        return super().find_class(module, name)

    def persistent_load(self, parts: Any) -> Any:
        self._check()
        return super().persistent_load(parts)

    def _check(self) -> None:
        if not self._checked:
            self._checked = True
            check_operations(self.body)


def _make_instance(parcel: values.Parcel, *args: Any) -> Any:
    return parcel.side.trust.make_instance(parcel, *args)  # type: ignore[attr-defined]


values.MAKE["instance"] = _make_instance
