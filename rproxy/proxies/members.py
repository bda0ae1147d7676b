"""Modules, and the classes in them.

A member of a module may be a module or a class, which have members themselves: so these belong together.
"""

import copyreg
import importlib
import types
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rproxy_endpoint.protocol.special import SPECIAL

from .base import Requests, StandIn, cannot_pickle, join, stand_in_of
from .callables import CallableProxy, callable_type
from .iteration import batches
from .likeness import standard_class
from .lineage import make_class, shield, standard_lineage
from .names import Names, Sweep, make_signature

if TYPE_CHECKING:
    import inspect


class RemoteDescriptor(property):
    """A property, slot or other descriptor of a remote class: it means something on instances only."""


def member(owner: Any, names: Names | None, name: str) -> Any:
    """The proxy of a name that is known to be a callable, a class or a module; KeyError for other names."""
    if names is None:
        raise KeyError(name)
    kind = names.kinds[name]
    session, target, path = owner._self_session, owner._self_target, join(owner._self_path, name)
    if kind == "f":
        return callable_type(names.special.get(name, ""))(session, target, path, owner)
    if kind == "c":
        if name in names.errors:
            return session.error_class(names.errors[name], target, path, names.classes[name])
        home = f"{owner.__module__}:{owner.__qualname__}." if isinstance(owner, type) else f"{owner.__name__}:"
        lineage = f"{home}{name} {names.bases.get(name, '')}"
        return class_proxy(session, target, path, names.classes[name], owner, lineage)
    if kind == "d":
        return RemoteDescriptor()
    if kind == "m":
        full, description = names.modules[name]
        return module_proxy(ModuleStandIn(session, target, path, full, description))
    raise KeyError(name)


def module_proxy(stand_in: "ModuleStandIn") -> Any:
    """What the user holds of a module."""
    return importlib.import_module(".faces", __package__).ModuleProxy(stand_in)


class ModuleStandIn(StandIn, types.ModuleType):
    """A module, by its description."""

    def __init__(
        self, session: Requests, target: str, path: str, name: str, description: dict[str, Any] | None
    ) -> None:
        super().__init__(name)
        self._self_session = session
        self._self_target = target
        self._self_path = path
        self._self_names: Names | None = None
        self._self_sweep = Sweep()
        if description is not None:
            self._self_describe(description)

    def _self_describe(self, description: dict[str, Any]) -> None:
        self._self_names = Names(description)
        for name in ("file", "doc"):
            if description.get(name) is not None:
                types.ModuleType.__setattr__(self, f"__{name}__", description[name])

    def _self_documentation(self) -> str | None:
        """A module that was told of by another one is asked for its own."""
        if self.__dict__["__doc__"] is None:
            doc = self._self_session.get(self._self_target, join(self._self_path, "__doc__"))
            self.__dict__["__doc__"] = doc if isinstance(doc, str) else ""
        return self.__dict__["__doc__"] or None

    def _self_known(self) -> Names:
        if self._self_names is None:
            self._self_describe(self._self_session.describe(self._self_target, self._self_path))
        assert self._self_names is not None
        return self._self_names

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_self_") or name == "__qualname__":  # wrapt's Python form asks for that of its own
            raise AttributeError(name)
        try:
            found = member(self, self._self_known(), name)
        except KeyError:
            return self._self_sweep.read(self, self._self_known(), name)
        self.__dict__[name] = found  # the next look-up finds it without us
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_self_"):
            self.__dict__[name] = value
            return
        self._self_session.set(self._self_target, join(self._self_path, name), value)
        self.__dict__.pop(name, None)
        self._self_known().kinds[name] = "v"

    def __delattr__(self, name: str) -> None:
        self._self_session.delete(self._self_target, join(self._self_path, name))
        self.__dict__.pop(name, None)
        self._self_known().kinds.pop(name, None)

    def __eq__(self, other: object) -> bool:
        found = stand_in_of(other)
        return isinstance(found, ModuleStandIn) and self._self_key() == found._self_key()

    def __hash__(self) -> int:
        return hash(self._self_key())

    def __dir__(self) -> Iterable[str]:
        names = list(self._self_known().kinds)
        self._self_sweep.begin(self)
        return names

    def __repr__(self) -> str:
        self._self_known()
        file = self.__dict__.get("__file__")
        source = f"from {file!r}" if file else "(built-in)"
        return f"<module {self.__name__!r} {source} on {self._self_session.target}>"


#: Methods that every class has.
_EVERY_CLASS_HAS = frozenset(name for name, value in vars(object).items() if callable(value))

#: What `inspect` asks of classes, and their metaclasses, by its own ways.
_NO_STAND_IN_HAS = frozenset(
    ["__doc__", "__class__", "__text_signature__", "__abstractmethods__", "__orig_bases__", "__wrapped__", "__slots__"]
)


class ClassStandIn(StandIn, type):
    """A class: to `inspect` and `pydoc` a class without bases, whose members are looked up there."""

    _self_session: Requests
    _self_target: Any
    _self_path: str
    _self_names: Names | None
    _self_owner: Any
    _self_sweep: "Sweep"

    def __new__(mcs, name: str, bases: tuple[type, ...], body: dict[str, Any], **options: Any) -> "ClassStandIn":
        if bases:
            raise TypeError(
                f"{name} cannot be a subclass of {bases[0]!r}: its code would be here and its instances there. "
                "Define the subclass on the far side: in a module there, or in a function run by client.call"
            )
        return super().__new__(mcs, name, bases, body, **options)

    def mro(cls) -> list[type]:
        """Python asks for this when it makes the class, and `issubclass` looks at it; no attribute gets past the
        shield."""
        lineage = cls.__dict__.get("_self_lineage")
        if lineage is None:  # exceptions are derived from what is here
            return super().mro()
        return [cls, shield(lineage), *lineage, object]

    @property
    def __mro__(cls) -> tuple[type, ...]:
        """For `inspect` and `pydoc`, which would take members from what is here."""
        return vars(type)["__mro__"].__get__(cls) if cls._self_raises() else (cls, object)

    @property
    def __bases__(cls) -> tuple[type, ...]:  # type: ignore[override]
        return vars(type)["__bases__"].__get__(cls) if cls._self_raises() else (object,)

    def __reduce_ex__(cls, protocol: Any) -> Any:
        raise cannot_pickle(cls)

    def _self_known(cls) -> Names:
        if cls._self_names is None:
            type.__setattr__(cls, "_self_names", Names(cls._self_session.describe(cls._self_target, cls._self_path)))
        assert cls._self_names is not None
        return cls._self_names

    def _self_details(cls) -> tuple[Any, Any]:
        path, _, name = cls._self_path.rpartition(".")
        names = getattr(cls._self_owner, "_self_names", None)
        if isinstance(names, Names):
            return names.details(cls._self_session, cls._self_target, path, name)
        told = cls._self_session.describe(cls._self_target, cls._self_path, detail=True)
        return told[""][0], told[""][1]

    @property
    def __doc__(cls) -> str | None:  # type: ignore[override]
        doc = cls._self_details()[0]
        return doc if isinstance(doc, str) else None

    @property
    def __signature__(cls) -> "inspect.Signature":
        return make_signature(cls._self_details()[1], repr(cls))

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_self_") or name in _NO_STAND_IN_HAS:
            raise AttributeError(name)
        if name in _EVERY_CLASS_HAS:
            return CallableProxy(cls._self_session, cls._self_target, join(cls._self_path, name), cls)
        try:
            return member(cls, cls._self_known(), name)
        except KeyError:
            return cls._self_sweep.read(cls, cls._self_known(), name)

    def __setattr__(cls, name: str, value: Any) -> None:
        cls._self_session.set(cls._self_target, join(cls._self_path, name), value)
        cls._self_forget(name)

    def __delattr__(cls, name: str) -> None:
        cls._self_session.delete(cls._self_target, join(cls._self_path, name))
        cls._self_forget(name)

    def _self_forget(cls, name: str) -> None:
        cls._self_known().kinds[name] = "o"
        if name in vars(cls):
            type.__delattr__(cls, name)

    def __dir__(cls) -> list[str]:
        kinds = cls._self_known().kinds
        cls._self_sweep.begin(cls)
        if not cls._self_raises():  # exceptions have their own here
            cls._self_show(name for name in kinds if not hasattr(type, name))  # pydoc looks for them there
        return [*dict.fromkeys([*kinds, *dir(object)])]

    def _self_show(cls, names: Iterable[str]) -> None:
        """Puts methods and descriptors where Python code looks for them in a class."""
        for name in names:
            if cls._self_known().kinds[name] in ("f", "d") and name not in vars(cls):
                type.__setattr__(cls, name, member(cls, cls._self_names, name))

    def __instancecheck__(cls, instance: Any) -> bool:
        """For proxies the far side says it; a value is an instance if its class, or a base, has this name."""
        if type.__instancecheck__(cls, instance):
            return True
        state = stand_in_of(instance)
        if isinstance(state, StandIn) and state._self_session is cls._self_session:
            return bool(cls._self_session.ask("builtins", "isinstance", (instance, cls)))
        return cls._self_is_base_of(type(instance))

    def __subclasscheck__(cls, subclass: Any) -> bool:
        """For remote classes the far side says it; of local ones the names are compared, and of exceptions, whose
        bases are here."""
        if type.__subclasscheck__(cls, subclass):
            return True
        state = None if cls._self_raises() else stand_in_of(subclass)
        if isinstance(state, StandIn) and state._self_session is cls._self_session:
            return bool(cls._self_session.ask("builtins", "issubclass", (subclass, cls)))
        return cls._self_is_base_of(subclass)

    def _self_is_base_of(cls, other: Any) -> bool:
        own = standard_class(cls.__module__, cls.__qualname__)
        if own is not None and isinstance(other, type):
            return issubclass(other, own)
        names = {(base.__module__, base.__qualname__) for base in getattr(other, "__mro__", ())}
        return (cls.__module__, cls.__qualname__) in names

    def __call__(cls, /, *args: Any, **kwargs: Any) -> Any:
        """An instance there; of a class of exceptions one that is here, so that it can be raised."""
        if cls._self_raises():
            return cls._self_session.make_error("tell", (cls, args, kwargs))
        return cls._self_session.natural(cls._self_target, cls._self_path, args, kwargs)

    def _self_raises(cls) -> bool:
        return issubclass(cls, BaseException)

    def __iter__(cls) -> Any:  # classes may be containers, as enumerations are
        return batches(cls._self_session.call("builtins", "iter", (cls,), {}))

    def __len__(cls) -> int:
        found: int = cls._self_session.ask("builtins", "len", (cls,))
        return found

    def __bool__(cls) -> bool:
        return True

    def __contains__(cls, item: Any) -> bool:
        return bool(cls._self_session.ask("operator", "contains", (cls, item)))

    def __getitem__(cls, item: Any) -> Any:
        return cls._self_session.call("operator", "getitem", (cls, item), {})

    def __eq__(cls, other: object) -> bool:
        if cls._self_raises():
            return cls is other
        found = stand_in_of(other)
        return isinstance(found, ClassStandIn) and cls._self_key() == found._self_key()

    def __hash__(cls) -> int:
        return type.__hash__(cls) if cls._self_raises() else hash(cls._self_key())

    def __repr__(cls) -> str:
        where = f"{cls.__module__}." if cls.__module__ != "builtins" else ""
        return f"<class '{where}{cls.__qualname__}' on {cls._self_session.target}>"


def class_proxy(
    session: Requests,
    target: Any,
    path: str,
    description: dict[str, Any] | None,
    owner: Any,
    lineage: str,
    module: str = "",
    label: str = "",
) -> ClassStandIn:
    """The proxy of a class: a local class, for only that is one to all of Python, made by `ClassStandIn`."""
    label = label or path
    names = None if description is None else Names(description)
    body: dict[str, Any] = {
        "__module__": module or (target if isinstance(target, str) else "builtins"), "__qualname__": label,
        "_self_session": session, "_self_target": target, "_self_path": path, "_self_owner": owner,
        "_self_names": names, "_self_sweep": Sweep(),
    }  # fmt: skip
    if names and "__hash__" in names.kinds:  # told only where it says that there is none
        body["__hash__"] = None
    made: ClassStandIn = make_class(ClassStandIn, label.rpartition(".")[2], standard_lineage(lineage), body)
    if names:
        made._self_show(SPECIAL & names.kinds.keys())  # abstract classes look for them there
    return made


def _refuse_pickling(cls: Any) -> Any:
    raise cannot_pickle(cls)


copyreg.pickle(ClassStandIn, _refuse_pickling)  # before pickle looks for its name
