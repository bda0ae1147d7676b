"""The face that wrapt makes for a module's stand-in: what the user holds.

Nothing else imports wrapt, which takes as long to import as all of rproxy: this file is loaded with the first module.
"""

from typing import TYPE_CHECKING, Any

import wrapt

from .base import cannot_pickle, is_face

if TYPE_CHECKING:
    Base = wrapt.BaseObjectProxy[Any]
else:
    Base = wrapt.BaseObjectProxy


@is_face
class ModuleProxy(Base):
    """A module of the far side."""

    # wrapt's own look-up asks `__getattr__`, and so would the interpreter after it: one request too many.
    __getattribute__ = object.__getattribute__

    @property
    def __doc__(self) -> Any:  # type: ignore[override]
        # Here and not on the stand-in: wrapt looks at a stand-in's as soon as it wraps it.
        return self.__wrapped__._self_documentation()

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __reduce__(self) -> Any:
        return self.__reduce_ex__(2)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise cannot_pickle(self.__wrapped__)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self
