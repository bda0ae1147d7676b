"""What the special methods of objects do here when the client asks for them by name."""

import functools
from typing import Any, Callable, Dict

from .objects import Kept
from .protocol.operators import IN_PLACE, OPERATIONS
from .stepping import STEPS


def operations(stepper: Any) -> Dict[str, Callable[..., Any]]:
    """By name, a function of the object and the arguments; `stepper` drives those that are asynchronous."""
    found = dict(OPERATIONS)
    found.update((name, functools.partial(_in_place, OPERATIONS[name])) for name in IN_PLACE)
    found.update((name, functools.partial(_step, stepper, step)) for name, step in STEPS.items())
    return found


def _in_place(operation: Callable[..., Any], obj: Any, other: Any) -> Any:
    """What was changed stays, even if it is data: it is what the client's proxy means already."""
    value = operation(obj, other)
    return Kept(value) if value is obj else value


def _step(stepper: Any, step: Callable[..., Any], obj: Any, *args: Any) -> Any:
    return stepper.run(step(obj, *args))
