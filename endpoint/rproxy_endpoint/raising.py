"""Exceptions that the client makes of classes that are here, and sends back to where they came from."""

from typing import Any, Callable, Dict, Optional, Tuple

from .protocol.failures import take_exception


def tell(cls: Any, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Dict[str, Any]:
    """An exception made by its class, as the data that a failure tells it by."""
    return take_exception(cls(*args, **kwargs))


def told(obj: Any) -> Optional[Dict[str, Any]]:
    """The same of an object that is an exception; None for others."""
    return take_exception(obj) if isinstance(obj, BaseException) else None


def nearest(lineage: Any, locate: Callable[[str, str], Optional[Any]]) -> Any:
    """The first class of a lineage that is here."""
    for module, qualname, _ in lineage:
        found = locate(module, qualname)
        if isinstance(found, type) and issubclass(found, BaseException):
            return found
    return Exception
