"""What the user holds: wrapt proxies of modules, callables and live objects of the far side.

Each proxy wraps a local stand-in. The stand-in knows what it stands for (`_self_*`) and turns attribute
access, operators and calls into requests; wrapt gives it its face (`__class__`, so that `isinstance`,
`inspect` and `pydoc` see a module, a class, a function) and passes everything else on.

Rules: a dotted call is one request, however deep; names that the description calls callable cost none;
values are read when they are asked for; only the far side says that a name does not exist.
"""

from .base import Remote, Requests, reference_of, stand_in_of
from .callables import CallableProxy
from .errors import ErrorClasses, error_reference
from .members import ClassStandIn, ModuleProxy, ModuleStandIn, class_proxy
from .objects import RemoteType
from .releases import Releases

__all__ = [
    "CallableProxy",
    "ClassStandIn",
    "ErrorClasses",
    "ModuleProxy",
    "ModuleStandIn",
    "Releases",
    "Remote",
    "RemoteType",
    "Requests",
    "class_proxy",
    "error_reference",
    "reference_of",
    "stand_in_of",
]
