"""What the user holds: proxies of modules, callables, classes and live objects of the far side.

A stand-in is an ordinary local object that knows what it stands for (`_self_*`) and turns attribute access,
operators and calls into requests; `isinstance`, `inspect` and `pydoc` see a module, a class, a function in it. A
module's has a proxy of wrapt around it; the others are what the user holds.

Rules: a dotted call is one request, however deep; names that the description calls callable cost none;
values are read when they are asked for; only the far side says that a name does not exist.
"""

from .base import Requests, reference_of, stand_in_of
from .callables import CallableProxy
from .errors import ErrorClasses, error_reference
from .members import ClassStandIn, ModuleStandIn, class_proxy, module_proxy
from .objects import RemoteType
from .releases import Releases

__all__ = [
    "CallableProxy",
    "ClassStandIn",
    "ErrorClasses",
    "ModuleStandIn",
    "Releases",
    "RemoteType",
    "Requests",
    "class_proxy",
    "error_reference",
    "module_proxy",
    "reference_of",
    "stand_in_of",
]
