"""What all proxies share: a stand-in, and requests to a session."""

from typing import TYPE_CHECKING, Any, Protocol

from rproxy_endpoint.protocol.errors import ValueFault

from ..errors import SerializationError


class Requests(Protocol):
    """What proxies need of the session that they belong to."""

    target: str

    @property
    def changes(self) -> int: ...

    def call(self, target: Any, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any: ...
    def ask(self, target: Any, path: str, args: tuple[Any, ...], look: bool = True) -> Any: ...
    def natural(self, target: Any, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any: ...
    def next_items(self, target: int, count: int) -> tuple[list[Any], Any]: ...
    def get(self, target: Any, path: str) -> Any: ...
    def get_many(self, target: Any, paths: tuple[str, ...]) -> tuple[tuple[bool, Any], ...]: ...
    def set(self, target: Any, path: str, value: Any) -> None: ...
    def delete(self, target: Any, path: str) -> None: ...
    def describe(self, target: Any, path: str, detail: bool = False) -> dict[str, Any]: ...
    def keep(self, target: Any, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any: ...
    def released(self, number: int, received: list[int], proxy: Any = None) -> None: ...
    def flush(self) -> None: ...
    def error_class(self, lineage: Any, target: Any, path: str, description: dict[str, Any] | None) -> type: ...
    def make_error(self, how: str, args: tuple[Any, ...]) -> Any: ...


class StandIn:
    """What a proxy wraps: it knows what it stands for. Its own attributes all begin with ``_self_``, so that
    they never hide one of the far side's."""

    __slots__ = ()

    if TYPE_CHECKING:
        _self_session: Requests
        _self_target: Any
        _self_path: str

    def _self_name(self) -> str:
        return repr(self)

    def _self_reference(self) -> tuple[Any, ...]:
        return ("member", self._self_target, self._self_path)

    def _self_key(self) -> tuple[Any, ...]:
        return id(self._self_session), self._self_target, self._self_path


#: Classes of proxies by wrapt: none until there is a first module, since it takes long to import.
_faces: list[type] = []


def is_face(cls: type) -> type:
    """Says of a class that its instances have a stand-in behind them."""
    _faces.append(cls)
    return cls


def stand_in_of(obj: Any) -> Any:
    """The stand-in behind a proxy (or the stand-in itself, which wrapt hands to operators), else None."""
    cls = type(obj)
    if issubclass(cls, StandIn):
        return obj
    return obj.__wrapped__ if issubclass(cls, tuple(_faces)) else None


def reference_of(obj: Any, session: Requests) -> tuple[Any, ...] | None:
    """How a proxy travels back to its own side; None for anything that is no proxy.

    Raises ValueFault for a proxy of another client.
    """
    found = stand_in_of(obj)
    if found is None:
        return None
    if found._self_session is not session:
        raise ValueFault(
            f"{found._self_name()} belongs to another client than this one of {session.target}; "
            "pass its value instead of the proxy"
        )
    reference: tuple[Any, ...] = found._self_reference()
    return reference


def cannot_pickle(stand_in: Any) -> SerializationError:
    return SerializationError(
        f"{stand_in._self_name()} is a proxy and cannot be pickled: it means something only to its own client; "
        "send its value, or make the call where the object is"
    )


def join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
