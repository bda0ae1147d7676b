"""Functions and methods of the far side, and callables that are more than that.

Rules: to `inspect` they are builtins, callables whose source is not here; documentation and signatures are
asked for when they are wanted, those of a whole module at once.
"""

import functools
import types
from typing import TYPE_CHECKING, Any

from .base import Requests, StandIn, cannot_pickle, join, stand_in_of
from .names import Names, make_signature
from .special import operations

if TYPE_CHECKING:
    import inspect

#: What `inspect` looks for in functions of Python code, and does not find in builtins.
_NO_BUILTIN_HAS = frozenset(
    "__code__ __defaults__ __kwdefaults__ __globals__ __closure__ __annotations__ __func__ __objclass__ "
    "__text_signature__ __type_params__ __builtins__ __isabstractmethod__ __abstractmethods__ "
    "__partialmethod__ _partialmethod _is_coroutine_marker _is_coroutine_mark __wrapped__".split()
)


class CallableProxy(StandIn):
    """A function or method of the far side."""

    __self__ = None

    def __init__(self, session: Requests, target: Any, path: str, owner: Any = None, label: str = "") -> None:
        label = label or path
        module = target if isinstance(target, str) else None
        self.__dict__.update(
            _self_session=session, _self_target=target, _self_path=path, _self_label=label, _self_detail=None,
            _self_owner=owner,  # what it is a method of must live as long
            __name__=label.rpartition(".")[2], __qualname__=label, __module__=module,
        )  # fmt: skip

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return types.BuiltinFunctionType

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        doc = self._self_details()[0]
        return doc if isinstance(doc, str) else None

    @property
    def __signature__(self) -> "inspect.Signature":
        return make_signature(self._self_details()[1], repr(self))

    def _self_details(self) -> tuple[Any, Any]:
        if self._self_detail is None:
            names = getattr(self._self_owner, "_self_names", None)
            path, _, name = self._self_path.rpartition(".")
            if isinstance(names, Names):
                found = names.details(self._self_session, self._self_target, path, name)
            else:
                found = self._self_session.describe(self._self_target, self._self_path, detail=True)[""]
            self.__dict__["_self_detail"] = found
        return self._self_detail[0], self._self_detail[1]

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._self_session.natural(self._self_target, self._self_path, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_self_") or name in _NO_BUILTIN_HAS:
            raise AttributeError(name)
        return self._self_session.get(self._self_target, join(self._self_path, name))

    def __setattr__(self, name: str, value: Any) -> None:
        self._self_session.set(self._self_target, join(self._self_path, name), value)

    def __delattr__(self, name: str) -> None:
        self._self_session.delete(self._self_target, join(self._self_path, name))

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise cannot_pickle(self)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self

    def __eq__(self, other: object) -> bool:
        found = stand_in_of(other)
        return isinstance(found, StandIn) and isinstance(other, CallableProxy) and self._self_key() == found._self_key()

    def __hash__(self) -> int:
        return hash(self._self_key())

    def __repr__(self) -> str:
        where = f"{self._self_target}." if isinstance(self._self_target, str) else ""
        return f"<function {where}{self._self_label} on {self._self_session.target}>"


@functools.lru_cache(maxsize=200)
def callable_type(special: str) -> type[CallableProxy]:
    """The proxies of callables whose type has special methods besides, as `typing.Optional[...]`."""
    if not special:
        return CallableProxy
    body = {**operations(frozenset(special.split())), "__doc__": CallableProxy.__dict__["__doc__"]}
    return type("CallableProxy", (CallableProxy,), body)
