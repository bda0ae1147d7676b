"""What the user holds: wrapt proxies of modules, callables and live objects of the far side.

Each proxy wraps a local stand-in. The stand-in knows what it stands for (`_self_*`) and turns attribute
access, operators and calls into requests; wrapt gives it its face (`__class__`, so that `isinstance`,
`inspect` and `pydoc` see a module, a class, a function) and passes everything else on.

Rules: a dotted call is one request, however deep; names that the description calls callable cost none;
values are read when they are asked for; only the far side says that a name does not exist.
"""

import inspect
import types
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

import wrapt

from .errors import RProxyError, SerializationError

if TYPE_CHECKING:
    Base = wrapt.BaseObjectProxy[Any]
else:
    Base = wrapt.BaseObjectProxy


class Requests(Protocol):
    """What proxies need of the session that they belong to."""

    target: str
    sent: int

    def call(self, target: Any, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any: ...
    def get(self, target: Any, path: str) -> Any: ...
    def get_many(self, target: Any, paths: tuple[str, ...]) -> tuple[tuple[bool, Any], ...]: ...
    def set(self, target: Any, path: str, value: Any) -> None: ...
    def delete(self, target: Any, path: str) -> None: ...
    def describe(self, target: Any, path: str, detail: bool = False) -> dict[str, Any]: ...
    def released(self, number: int, times: int) -> None: ...


class Remote(Base):
    """The face of a stand-in."""

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __reduce__(self) -> Any:
        return self.__reduce_ex__(2)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise SerializationError(
            f"{self!r} is a proxy and cannot be pickled: it means something only to its own client; "
            "send its value, or make the call where the object is"
        )

    def __copy__(self) -> Any:
        return self.__wrapped__._self_copy("copy")

    def __deepcopy__(self, memo: Any) -> Any:
        return self.__wrapped__._self_copy("deepcopy")


class ModuleProxy(Remote):
    """A module of the far side."""


class CallableProxy(Remote):
    """A function, a method or a class of the far side."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        state = self.__wrapped__
        return state._self_session.call(state._self_target, state._self_path, args, kwargs)


def stand_in_of(obj: Any) -> Any:
    """The stand-in behind a proxy (or the stand-in itself, which wrapt hands to operators), else None."""
    cls = type(obj)
    if issubclass(cls, Remote):
        return obj.__wrapped__
    return obj if issubclass(cls, (StandIn, ModuleStandIn, ClassStandIn)) else None


def join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


# -- names ---------------------------------------------------------------------------------------------


class Names:
    """What a description says of the names in a module or a class."""

    def __init__(self, description: dict[str, Any]) -> None:
        self.kinds: dict[str, str] = {}
        for kind in ("v", "o", "f"):
            self.kinds.update(dict.fromkeys(description.get(kind, "").split(), kind))
        self.modules: dict[str, Any] = description.get("m", {})
        self.classes: dict[str, Any] = description.get("c", {})
        self.kinds.update(dict.fromkeys(self.modules, "m"))
        self.kinds.update(dict.fromkeys(self.classes, "c"))
        self._details: dict[str, Any] | None = None

    def details(self, session: Requests, target: Any, path: str, name: str) -> tuple[Any, Any]:
        """Documentation and parameters of a name; those of all names are asked for at once."""
        if self._details is None:
            self._details = session.describe(target, path, detail=True)
        found = self._details.get(name)
        if found is None:
            found = session.describe(target, join(path, name), detail=True)[""]
            self._details[name] = found
        return found[0], found[1]


def member(owner: Any, names: Names | None, name: str) -> Any:
    """The proxy of a name that is known to be a callable, a class or a module; KeyError for other names."""
    if names is None:
        raise KeyError(name)
    kind = names.kinds[name]
    session, target, path = owner._self_session, owner._self_target, join(owner._self_path, name)
    if kind == "f":
        return CallableProxy(FunctionStandIn(session, target, path, owner))
    if kind == "c":
        return class_proxy(session, target, path, names.classes[name], owner)
    if kind == "m":
        full, description = names.modules[name]
        return ModuleProxy(ModuleStandIn(session, target, path, full, description))
    raise KeyError(name)


# -- stand-ins -----------------------------------------------------------------------------------------


class StandIn:
    """What the stand-ins of functions and objects share."""

    _self_session: Requests
    _self_target: Any
    _self_path: str

    def _self_copy(self, how: str) -> Any:
        return self._self_session.call("copy", how, (self,), {})

    def _self_reference(self) -> tuple[Any, ...]:
        return ("member", self._self_target, self._self_path)


class FunctionStandIn(StandIn):
    """A function or method: to `inspect` it is a builtin, a callable whose source is not here."""

    def __init__(self, session: Requests, target: Any, path: str, owner: Any = None, label: str = "") -> None:
        self._self_session = session
        self._self_target = target
        self._self_path = path
        self._self_owner = owner  # what it is a method of must live as long
        self._self_label = label = label or path
        self._self_detail: tuple[Any, Any] | None = None
        module = target if isinstance(target, str) else None
        self.__dict__.update(__name__=label.rpartition(".")[2], __qualname__=label, __module__=module)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return types.BuiltinFunctionType

    __self__ = None

    def _self_details(self) -> tuple[Any, Any]:
        if self._self_detail is None:
            names = getattr(self._self_owner, "_self_names", None)
            path, _, name = self._self_path.rpartition(".")
            if isinstance(names, Names):
                self._self_detail = names.details(self._self_session, self._self_target, path, name)
            else:
                told = self._self_session.describe(self._self_target, self._self_path, detail=True)
                self._self_detail = told[""]
        return self._self_detail

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        doc = self._self_details()[0]
        return doc if isinstance(doc, str) else None

    @property
    def __signature__(self) -> inspect.Signature:
        return make_signature(self._self_details()[1], repr(self))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_self_") or name in ("__text_signature__", "__func__", "__objclass__"):
            raise AttributeError(name)
        return self._self_session.get(self._self_target, join(self._self_path, name))

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_self_"):
            object.__setattr__(self, name, value)
        else:
            self._self_session.set(self._self_target, join(self._self_path, name), value)

    def __eq__(self, other: object) -> bool:
        other = stand_in_of(other)
        return isinstance(other, StandIn) and type(other) is FunctionStandIn and self._self_key() == other._self_key()

    def __hash__(self) -> int:
        return hash(self._self_key())

    def _self_key(self) -> tuple[Any, ...]:
        return id(self._self_session), self._self_target, self._self_path

    def __repr__(self) -> str:
        where = f"{self._self_target}." if isinstance(self._self_target, str) else ""
        return f"<function {where}{self._self_label} on {self._self_session.target}>"


class ModuleStandIn(types.ModuleType):
    """A module, by its description."""

    def __init__(
        self, session: Requests, target: str, path: str, name: str, description: dict[str, Any] | None
    ) -> None:
        super().__init__(name)
        self._self_session = session
        self._self_target = target
        self._self_path = path
        self._self_names: Names | None = None
        self._self_snapshot: dict[str, tuple[bool, Any]] = {}
        self._self_swept = -1
        if description is not None:
            self._self_describe(description)

    def _self_describe(self, description: dict[str, Any]) -> None:
        self._self_names = Names(description)
        for name in ("file", "doc"):
            if description.get(name) is not None:
                types.ModuleType.__setattr__(self, f"__{name}__", description[name])

    def _self_known(self) -> Names:
        if self._self_names is None:
            self._self_describe(self._self_session.describe(self._self_target, self._self_path))
        assert self._self_names is not None
        return self._self_names

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_self_"):
            raise AttributeError(name)
        try:
            found = member(self, self._self_known(), name)
        except KeyError:
            return self._self_value(name)
        self.__dict__[name] = found  # the next look-up finds it without us
        return found

    def _self_value(self, name: str) -> Any:
        """A value, asked for now. Whoever goes through `dir()` gets the small ones in one request."""
        session = self._self_session
        if self._self_swept == session.sent:
            if not self._self_snapshot:
                kinds = self._self_known().kinds
                names = tuple(known for known, kind in kinds.items() if kind == "v")
                paths = tuple(join(self._self_path, known) for known in names)
                if len(paths) > 1:
                    self._self_snapshot = dict(zip(names, session.get_many(self._self_target, paths), strict=True))
                self._self_swept = session.sent
            there, value = self._self_snapshot.pop(name, (False, None))
            if there:
                return value
        self._self_snapshot = {}
        found = session.get(self._self_target, join(self._self_path, name))
        if self._self_swept == session.sent - 1:
            self._self_swept = -1
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_self_"):
            self.__dict__[name] = value
            return
        self._self_session.set(self._self_target, join(self._self_path, name), value)
        self._self_forget(name)

    def __delattr__(self, name: str) -> None:
        self._self_session.delete(self._self_target, join(self._self_path, name))
        self._self_forget(name)

    def _self_forget(self, name: str) -> None:
        self.__dict__.pop(name, None)
        if self._self_names is not None:
            self._self_names.kinds.pop(name, None)

    def __dir__(self) -> Iterable[str]:
        names = self._self_known().kinds
        self._self_snapshot, self._self_swept = {}, self._self_session.sent
        return list(names)

    def _self_copy(self, how: str) -> Any:
        raise TypeError("a module cannot be copied")

    def _self_reference(self) -> tuple[Any, ...]:
        return ("member", self._self_target, self._self_path)

    def __repr__(self) -> str:
        file = self.__dict__.get("__file__")
        source = f"from {file!r}" if file else "(built-in)"
        return f"<module {self.__name__!r} {source} on {self._self_session.target}>"


class ClassStandIn(type):
    """A class: to `inspect` and `pydoc` a class without bases, whose members are looked up there."""

    _self_session: Requests
    _self_target: Any
    _self_path: str
    _self_names: Names | None
    _self_owner: Any

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
    def __signature__(cls) -> inspect.Signature:
        return make_signature(cls._self_details()[1], repr(cls))

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_self_") or name in ("__text_signature__", "__abstractmethods__", "__orig_bases__"):
            raise AttributeError(name)
        try:
            return member(cls, cls._self_known(), name)
        except KeyError:
            return cls._self_session.get(cls._self_target, join(cls._self_path, name))

    def __setattr__(cls, name: str, value: Any) -> None:
        cls._self_session.set(cls._self_target, join(cls._self_path, name), value)

    def __delattr__(cls, name: str) -> None:
        cls._self_session.delete(cls._self_target, join(cls._self_path, name))

    def __dir__(cls) -> list[str]:
        return list(cls._self_known().kinds) + dir(object)

    def __call__(cls, /, *args: Any, **kwargs: Any) -> Any:
        return cls._self_session.call(cls._self_target, cls._self_path, args, kwargs)

    def __eq__(cls, other: object) -> bool:
        found = stand_in_of(other)
        return isinstance(found, ClassStandIn) and cls._self_key() == found._self_key()

    def __hash__(cls) -> int:
        return hash(cls._self_key())

    def _self_key(cls) -> tuple[Any, ...]:
        return id(cls._self_session), cls._self_target, cls._self_path

    def _self_copy(cls, how: str) -> Any:
        return cls

    def _self_reference(cls) -> tuple[Any, ...]:
        return ("member", cls._self_target, cls._self_path)

    def __repr__(cls) -> str:
        where = f"{cls.__module__}." if cls.__module__ != "builtins" else ""
        return f"<class '{where}{cls.__qualname__}' on {cls._self_session.target}>"


def class_proxy(
    session: Requests, target: Any, path: str, description: dict[str, Any] | None, owner: Any, label: str = ""
) -> CallableProxy:
    """The proxy of a class, which is called like any callable."""
    label = label or path
    body: dict[str, Any] = {
        "__module__": target if isinstance(target, str) else "builtins", "__qualname__": label,
        "_self_session": session, "_self_target": target, "_self_path": path, "_self_owner": owner,
        "_self_names": None if description is None else Names(description),
    }  # fmt: skip
    return CallableProxy(ClassStandIn(label.rpartition(".")[2], (), body))


def make_signature(parameters: Any, of: str) -> inspect.Signature:
    """The signature from its parameters as data. Raises ValueError, as `inspect` does, where there is none."""
    if parameters is None:
        raise ValueError(f"no signature found for {of}")
    made = []
    for name, kind, default, annotation in parameters:
        value: Any = inspect.Parameter.empty
        if default is not None:
            value = default[0] if len(default) == 1 else _Text(default[1])
        note = inspect.Parameter.empty if annotation is None else _Text(annotation)
        kinds = list(inspect._ParameterKind)
        made.append(inspect.Parameter(name, kinds[kind], default=value, annotation=note))
    return inspect.Signature(made)


class _Text(str):
    """The text of something of the far side, shown as it is."""

    def __repr__(self) -> str:
        return str(self)


# -- live objects --------------------------------------------------------------------------------------


class ObjectStandIn(StandIn):
    """A live object, by the number that the far side holds it under."""

    _self_path = ""
    _self_methods: frozenset[str] = frozenset()
    _self_others: tuple[str, ...] = ()

    def __init__(self, session: Requests, number: int) -> None:
        object.__setattr__(self, "_self_session", session)
        object.__setattr__(self, "_self_target", number)
        object.__setattr__(self, "_self_count", 0)  # how often it was received
        object.__setattr__(self, "_self_proxy", None)  # a weak reference to its face

    def _self_reference(self) -> tuple[Any, ...]:
        return ("object", self._self_target)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_self_"):
            raise AttributeError(name)
        if name in self._self_methods:
            return CallableProxy(FunctionStandIn(self._self_session, self._self_target, name, self))
        return self._self_session.get(self._self_target, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._self_session.set(self._self_target, name, value)

    def __delattr__(self, name: str) -> None:
        self._self_session.delete(self._self_target, name)

    def __dir__(self) -> list[str]:
        return [*self._self_methods, *self._self_others, *dir(object)]

    def __del__(self) -> None:
        # Nothing is sent from here: the next request carries it.
        if self._self_count:
            self._self_session.released(self._self_target, self._self_count)


class Absent(AttributeError, TypeError):
    """The remote type has no such special method: `hasattr` and the operation itself both say so."""


class _AbsentMethod:
    """Hides a special method that wrapt's proxies have and the remote type has not."""

    def __init__(self, type_name: str, name: str) -> None:
        self._text = f"a {type_name!r} object of the far side has no {name}"

    def __get__(self, obj: Any, owner: Any = None) -> Any:
        raise Absent(self._text)


def _operation(name: str) -> Any:
    def operation(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        state = stand_in_of(self)
        return state._self_session.call(state._self_target, name, args, kwargs)

    operation.__name__ = operation.__qualname__ = name
    return operation


def _exit(self: Any, kind: Any, error: Any, traceback: Any) -> Any:
    """`__exit__`: the exception goes along as far as it can travel, its traceback never."""
    state = stand_in_of(self)
    try:
        return state._self_session.call(state._self_target, "__exit__", (kind, error, None), {})
    except SerializationError:
        plain = RuntimeError(f"{kind.__name__}: {error}")
        return state._self_session.call(state._self_target, "__exit__", (RuntimeError, plain, None), {})


def _call_object(self: Any, /, *args: Any, **kwargs: Any) -> Any:
    state = stand_in_of(self)
    return state._self_session.call(state._self_target, "", args, kwargs)


def _numbered(self: Any, name: str, conversion: type) -> Any:
    state = stand_in_of(self)
    return conversion(state._self_session.call(state._self_target, name, (), {}))


#: What wrapt's proxies have of themselves, whatever they wrap; the rest is hidden where it is not there.
_ALWAYS = frozenset("__eq__ __ne__ __hash__ __str__ __repr__ __bool__ __format__ __copy__ __deepcopy__".split())
_OPTIONAL = tuple(
    name
    for name in dir(Base)
    if name.startswith("__") and name not in _ALWAYS and name not in dir(object)
    and name.strip("_") in set(
        "abs add aenter aexit and bytes ceil complex contains delitem divmod enter exit float floor floordiv "
        "getitem iadd iand ifloordiv ilshift imatmul imod imul index int invert ior ipow irshift isub "
        "itruediv ixor len lshift matmul mod mul neg or pos pow radd rand rdivmod reversed rfloordiv rlshift "
        "rmatmul rmod rmul ror round rpow rrshift rshift rsub rtruediv rxor setitem sub truediv trunc xor "
        "instancecheck subclasscheck".split()
    )
)  # fmt: skip


class RemoteType:
    """A type of the far side, as it was described: makes the proxies of its instances."""

    def __init__(self, module: str, qualname: str, special: str, methods: str, others: str) -> None:
        name = qualname.rpartition(".")[2]
        present = set(special.split())
        operations: dict[str, Any] = {method: _operation(method) for method in present}
        for method, function in (("__exit__", _exit), ("__call__", _call_object)):
            if method in present:
                operations[method] = function
        if "__eq__" in present and "__hash__" not in present:
            operations["__hash__"] = None
        for method in ("__copy__", "__deepcopy__", "__instancecheck__", "__subclasscheck__"):
            operations.pop(method, None)
        state = {
            **operations, "__module__": module, "__qualname__": qualname,
            "_self_methods": frozenset(methods.split()), "_self_others": tuple(others.split()),
        }  # fmt: skip
        self._stand_in = type(name, (ObjectStandIn,), state)
        face = {method: function for method, function in operations.items() if not hasattr(Base, method)}
        face.update({method: _AbsentMethod(name, method) for method in _OPTIONAL if method not in present})
        face["__hash__"] = operations.get("__hash__", Base.__hash__)
        self._face = type(name, (Remote,), face)

    def stand_in(self, session: Requests, number: int) -> Any:
        return self._stand_in(session, number)

    def face(self, stand_in: Any) -> Any:
        """The proxy around a stand-in; the same one for as long as anybody holds it."""
        proxy = stand_in._self_proxy and stand_in._self_proxy()
        if proxy is None:
            proxy = self._face(stand_in)
            object.__setattr__(stand_in, "_self_proxy", weakref.ref(proxy))
        return proxy


def reference_of(obj: Any, session: Requests) -> tuple[Any, ...] | None:
    """How a proxy travels back to its own side; None for anything that is no proxy.

    Raises RProxyError for a proxy of another client.
    """
    found = stand_in_of(obj)
    if found is None:
        return None
    if found._self_session is not session:
        raise RProxyError(
            f"{obj!r} belongs to another client than {session.target}; pass its value instead of the proxy"
        )
    reference: tuple[Any, ...] = found._self_reference()
    return reference
