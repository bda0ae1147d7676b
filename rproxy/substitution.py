"""Remote modules in the place of local ones, for what is imported inside a block.

Rules: all names are checked, and the far side is asked for each, before anything changes; leaving asks nothing.
A block holds for the thread or task that entered it; what was started holds for the whole process. The import
statement is changed, never `sys.modules`: C code, pickle, rproxy and the local modules themselves go on with the
local ones, whose objects results are made of.
"""

import builtins
import importlib
import sys
import threading
import types
from collections.abc import Callable
from contextvars import ContextVar
from importlib.util import resolve_name
from typing import Any, Self

from . import rebinding
from .errors import RProxyError
from .names import check_name
from .proxies import stand_in_of
from .substitutes import Imports, Session, Substitute, is_within, new_module

#: What cannot be substituted, and why.
REFUSED = {
    "__main__": "it is your own program; client.function runs parts of it there",
    **dict.fromkeys(("rproxy", "rproxy_endpoint"), "it is what reaches the far side"),
}

#: Of the blocks that this thread or task is in, and of what was started; outermost first.
_entered: ContextVar[tuple[Imports, ...]] = ContextVar("rproxy_substitutions", default=())
_started: list[Imports] = []
_lock = threading.RLock()


class Substitution:
    """Remote modules in the place of local ones: a `with` block, or `start` and `stop`."""

    def __init__(self, session: Session, modules: tuple[Any, ...], into: Any = None) -> None:
        if not modules:
            raise TypeError('substitute needs the names of modules: client.substitute("numpy")')
        self._names = tuple(dict.fromkeys(map(_checked, modules)))
        self._into = None if into is None else rebinding.module_named(into)
        self._session = session
        self._in_place: list[tuple[bool, Any]] = []  # (whether by a block, what it has put in place)

    def start(self) -> Self:
        """Puts the remote modules in place, for the whole process, with one request for each.

        Raises:
            ModuleNotFoundError: one of them does not exist there; then nothing has changed.
            RProxyError: it is started already.
        """
        if any(not block for block, _ in self._in_place):
            raise RProxyError(f"{self!r} is started already; stop it first")
        self._enter(block=False)
        return self

    def stop(self) -> None:
        """Puts the local modules back. Twice is fine."""
        self._leave(block=False)

    def __enter__(self) -> Self:
        self._enter(block=True)
        return self

    def __exit__(self, *args: object) -> None:
        self._leave(block=True)

    def _enter(self, block: bool) -> None:
        modules = {name: new_module(self._session, name) for name in self._names}
        for module in modules.values():
            module._self_known()
        with _lock:
            if self._into is not None:
                placed: Any = rebinding.Globals(self._into, modules)
                placed.enter()
            else:
                placed = Imports(self._session, modules)
                _hooks.add()
                if block:
                    _entered.set((*_entered.get(), placed))
                else:
                    _started.append(placed)
            self._in_place.append((block, placed))

    def _leave(self, block: bool) -> None:
        with _lock:
            found = next((entry for entry in reversed(self._in_place) if self._is_here(entry, block)), None)
            if found is None:
                return
            self._in_place.remove(found)
            placed = found[1]
            if isinstance(placed, rebinding.Globals):
                placed.leave()
                return
            if block:
                _entered.set(tuple(one for one in _entered.get() if one is not placed))
            else:
                _started.remove(placed)
            _hooks.remove()
            rebinding.make_local(placed.before, self._session, placed.covers)

    def _is_here(self, entry: tuple[bool, Any], block: bool) -> bool:
        """Whether a block of this thread or task, or `start`, has put this in place."""
        by_block, placed = entry
        return by_block is block and (not block or isinstance(placed, rebinding.Globals) or placed in _entered.get())

    def __repr__(self) -> str:
        into = "" if self._into is None else f" into {self._into.__name__}"
        return f"<Substitution of {', '.join(self._names)} by {self._session.target}{into}>"


def _checked(module: Any) -> str:
    """The name of a module that can be substituted. Raises TypeError, ValueError or ModuleNotFoundError."""
    if isinstance(module, types.ModuleType):
        module = module.__name__
    name = check_name(module, "the name of a module")
    for refused, reason in REFUSED.items():
        if is_within(name, refused):
            raise ValueError(f"{name!r} cannot be substituted: {reason}")
    parent = name.rpartition(".")[0]
    if parent:
        try:
            importlib.import_module(parent)
        except ModuleNotFoundError as error:
            root = name.partition(".")[0]
            text = f"the package {parent!r} of {name!r} is not here; substitute {root!r} as a whole"
            raise ModuleNotFoundError(text, name=error.name) from error
    return name


# -- the hooks -----------------------------------------------------------------------------------------


def _import_statement(
    original: Callable[..., Any],
    name: str,
    globals: Any = None,
    locals: Any = None,
    fromlist: Any = (),
    level: int = 0,
) -> Any:
    """`builtins.__import__`: what every import statement calls."""
    active = (*_started, *_entered.get())
    # An empty list is what C code passes, which goes on to take the module from `sys.modules`.
    if active and not (type(fromlist) is list and not fromlist):
        space = sys._getframe(2).f_globals if globals is None else globals
        package = space.get("__package__") or str(space.get("__name__", "")).rpartition(".")[0]
        full = resolve_name("." * level + name, package) if level else name
        for one in reversed(active):
            if one.concerns(full, fromlist, str(space.get("__name__", ""))):
                return one.statement(full, tuple(fromlist or ()))
    return original(name, globals, locals, fromlist, level)


def _import_call(original: Callable[..., Any], name: str, package: Any = None, level: int = 0) -> Any:
    """What `importlib.import_module` calls, whoever has taken that from importlib before."""
    active = (*_started, *_entered.get())
    if active:
        full = resolve_name("." * level + name, package) if level else name
        caller = str(sys._getframe(3).f_globals.get("__name__", ""))
        for one in reversed(active):
            if one.concerns(full, (), caller):
                return one.module(full)
    return original(name, package, level)


def _reload(original: Callable[..., Any], module: Any) -> Any:
    """`importlib.reload`: a remote module is loaded again there."""
    if isinstance(stand_in_of(module), Substitute):
        module._self_reload()
        return module
    return original(module)


class _Hooks:
    """Puts the three hooks in place for as long as anything is substituted."""

    def __init__(self) -> None:
        self._count = 0
        self._changed: list[tuple[Any, str, Any, Any]] = []

    def add(self) -> None:
        self._count += 1
        if self._count > 1:
            return
        bootstrap: Any = importlib._bootstrap
        for owner, name, hook in (
            (builtins, "__import__", _import_statement),
            (bootstrap, "_gcd_import", _import_call),
            (importlib, "reload", _reload),
        ):
            original = getattr(owner, name)
            hooked = _hooked(hook, original)
            setattr(owner, name, hooked)
            self._changed.append((owner, name, original, hooked))

    def remove(self) -> None:
        self._count -= 1
        if self._count:
            return
        for owner, name, original, hooked in self._changed:
            if getattr(owner, name) is hooked:  # else somebody has put a hook over ours, which passes on
                setattr(owner, name, original)
        self._changed.clear()


def _hooked(hook: Callable[..., Any], original: Callable[..., Any]) -> Callable[..., Any]:
    def hooked(*args: Any, **kwargs: Any) -> Any:
        return hook(original, *args, **kwargs)

    return hooked


_hooks = _Hooks()
