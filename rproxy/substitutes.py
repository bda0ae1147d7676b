"""What imports find while modules are substituted.

Rules: the import system's own attributes are never asked of the far side and never set there; a submodule is
the same proxy however it is reached; an exception class of the standard library, or of a trusted package, is
the local one, so that `except` catches it.
"""

import importlib
import sys
import types
from typing import Any, Protocol

from .proxies import ModuleStandIn, Requests, module_proxy, stand_in_of

_IMPORT_NAMES = frozenset("__name__ __loader__ __package__ __spec__ __path__ __file__ __cached__".split())
#: Whatever is imported on behalf of these means the local module: rproxy's requests, and the interpreter's
#: search for text encodings.
_LOCAL = ("rproxy", "rproxy_endpoint", "cloudpickle", "wrapt", "encodings")
_HOOKS = (__name__, f"{__package__}.substitution")


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


class Session(Requests, Protocol):
    """What substitutes need of the session that they belong to."""

    side: Any


class Substitute(ModuleStandIn):
    """A remote module that code takes for the local one."""

    _self_session: Session

    def _self_describe(self, description: dict[str, Any]) -> None:
        super()._self_describe(description)
        if "__path__" in self._self_known().kinds:
            self.__dict__["__path__"] = []  # its folders are not here

    def __getattr__(self, name: str) -> Any:
        if name in _IMPORT_NAMES or name.startswith("_self_"):
            raise AttributeError(f"module {self.__dict__['__name__']!r} has no attribute {name!r}")
        known = self._self_known()
        if name == "__all__":
            return self._self_public()
        kind = known.kinds.get(name)
        if kind == "m" and known.modules[name][0] == f"{self.__name__}.{name}":
            return self._self_submodule(name)
        if kind == "c":
            found = self._self_session.side.locate(self.__name__, name)
            if isinstance(found, type) and issubclass(found, BaseException):
                return found
        return super().__getattr__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _IMPORT_NAMES:
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)

    def _self_public(self) -> Any:
        """What `from module import *` binds; the small values among them come by one request."""
        if "__all__" in self._self_known().kinds:
            names = super().__getattr__("__all__")
        else:
            names = [name for name in self._self_known().kinds if not name.startswith("_")]
        self._self_sweep.begin(self)
        return names

    def _self_submodule(self, name: str) -> Any:
        """A submodule, which is imported there if need be. Raises ModuleNotFoundError."""
        found = self.__dict__.get(name)
        if isinstance(stand_in_of(found), Substitute):
            return found
        full = f"{self.__name__}.{name}"
        known = self._self_known().modules.get(name, (full, None))
        made = new_module(self._self_session, known[0], known[1])
        if known[1] is None:
            made.__wrapped__._self_target = full  # such as `os.path`, whose own name is another
            made._self_known()
        self.__dict__[name] = made
        return made

    def _self_reload(self) -> None:
        """Loads it again on the far side, and forgets what was known of it."""
        self._self_session.call("importlib", "reload", (self,), {})
        for name in self._self_known().kinds:
            if name not in _IMPORT_NAMES and not isinstance(stand_in_of(self.__dict__.get(name)), Substitute):
                self.__dict__.pop(name, None)
        self._self_names = None


def new_module(session: Session, name: str, description: dict[str, Any] | None = None) -> Any:
    return module_proxy(Substitute(session, name, "", name, description))


class Overlay(types.ModuleType):
    """A local package, but for the remote ones of its submodules."""

    def __init__(self, local: types.ModuleType, children: dict[str, Any]) -> None:
        super().__init__(local.__name__)
        self.__dict__.update(vars(local), **children)
        self._local = local

    def __getattr__(self, name: str) -> Any:
        return getattr(self._local, name)  # what it has got since


class Imports:
    """The remote modules of one block: which imports find them, and what those return."""

    def __init__(self, session: Session, modules: dict[str, Any]) -> None:
        self._session = session
        self._modules = modules
        self.before = frozenset(sys.modules)

    def covers(self, name: str) -> bool:
        return any(is_within(name, known) for known in self._modules)

    def _holds(self, name: str) -> bool:
        """Whether a local package has a remote module below it."""
        return any(known.startswith(name + ".") for known in self._modules)

    def concerns(self, name: str, fromlist: Any, importer: str) -> bool:
        """Whether an import finds a remote module: not where the local copy of one, or rproxy, imports."""
        top = name if fromlist else name.partition(".")[0]
        if not (self.covers(name) or self._holds(top)) or self.covers(importer) or importer == __name__:
            return False
        frame: types.FrameType | None = sys._getframe(1)
        while frame is not None:
            module = str(frame.f_globals.get("__name__", ""))
            if module not in _HOOKS and any(is_within(module, package) for package in _LOCAL):
                return False
            frame = frame.f_back
        return True

    def statement(self, name: str, fromlist: tuple[str, ...]) -> Any:
        """What the import statement gets: the module that names are taken from, else the topmost package."""
        found = self.module(name)
        if not fromlist:
            return self.module(name.partition(".")[0])
        if self.covers(name):
            wanted = found.__all__ if "*" in fromlist and hasattr(found, "__path__") else fromlist
            for child in wanted:
                if child != "*" and child not in found._self_known().kinds:
                    self._find(found, child)
        return found

    def _find(self, module: Any, name: str) -> None:
        """Makes sure that a name can be taken from a module: a submodule is imported for it."""
        try:
            if hasattr(module, "__path__"):
                module._self_submodule(name)
                return
        except ModuleNotFoundError as error:
            if error.name != f"{module.__name__}.{name}":
                raise  # it is there; what it imports is not
        if not hasattr(module, name):
            # Said here: the interpreter would go on to look for a local submodule of that name.
            text = f"cannot import name {name!r} from {module.__name__!r} on {self._session.target}"
            raise ImportError(text, name=module.__name__)

    def module(self, name: str) -> Any:
        """The module of that name: remote, or a local package around remote ones, or local."""
        if name in self._modules:
            return self._modules[name]
        if self.covers(name):
            parent, _, child = name.rpartition(".")
            return self.module(parent).__wrapped__._self_submodule(child)
        local = importlib.import_module(name)
        below = {known[len(name) + 1 :].partition(".")[0] for known in self._modules if known.startswith(name + ".")}
        return Overlay(local, {child: self.module(f"{name}.{child}") for child in below}) if below else local
