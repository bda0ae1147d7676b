"""One request in, one value or exception out.

Rules: a name is looked up at each call, never remembered: modules change; whether a name exists is for this
side alone to say, and the client is told that it was the name, not the call, that failed.
"""

import functools
import types
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import describe
from .objects import EndpointSide, Kept
from .protocol.messages import Call, Delete, Describe, Get, Next, Set


class Missing(Exception):
    """A name that a request uses does not exist; `error` is what Python said of it."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


class Executor:
    """Runs requests against the modules of this process and the objects of a session."""

    def __init__(self, side: EndpointSide) -> None:
        self._side = side
        self._runs: Dict[type, Callable[..., Any]] = {
            Call: self._call,
            Get: self._get,
            Set: self._set,
            Delete: self._delete,
            Describe: self._describe,
            Next: self._next,
        }
        # What few sessions need is loaded when it is needed.
        self._iteration: Any = None
        self._stepping: Any = None  # the module, and the event loop
        self._stepper: Any = None
        self._operations: Dict[str, Any] = {}

    def run(self, message: Any) -> Any:
        """The value that answers a request; raises what the call raises, and Missing for names."""
        run = self._runs[type(message)]
        if message.surroundings is None:
            return run(message)
        from .surroundings import Applied

        applied = Applied(message.surroundings)
        try:
            with applied:
                return run(message)
        finally:
            applied.restore()

    def _resolve(self, target: Any, path: str) -> Any:
        try:
            return self._side.resolve(target, path)
        except (AttributeError, ModuleNotFoundError) as error:
            if isinstance(error, ModuleNotFoundError) and not _names(error, target):
                raise  # the module is there; it is one of those that it imports that is not
            raise Missing(error)

    def _call(self, message: Call) -> Any:
        target, path, args = message.target, message.path, message.args
        operation = self._operation(target, path)
        if operation is not None:
            value = operation(*args)
        else:
            if target == "asyncio":
                self._step().ready()  # what it makes belongs to the current loop
            called = self._resolve(target, path)
            if target == "asyncio" and path in self._stepping.INSIDE:
                value = self._stepper.call(called, args, message.kwargs)
            else:
                value = called(*args, **message.kwargs)
            if type(value) is types.CoroutineType and type(target) not in (str, int):
                value = self._step().run(value)
        return Kept(value) if message.keep and type(value) is not Kept else value

    def _step(self) -> Any:
        """What drives coroutines."""
        if self._stepping is None:
            from . import stepping

            self._stepper, self._stepping = stepping.Stepper(), stepping
        return self._stepper

    def _operation(self, target: Any, path: str) -> Optional[Callable[..., Any]]:
        """What a special method of an object does; None for other names, and for those of classes and modules,
        which are functions like others there."""
        owner, _, name = path.rpartition(".")
        if name[:2] != "__" or not (owner or type(target) is int):
            return None
        if not self._operations:
            from .operating import operations

            self._operations = operations(self._step())
        operation = self._operations.get(name)
        if operation is None:
            return None
        obj = self._resolve(target, owner)
        if issubclass(type(obj), (type, types.ModuleType)):
            return None
        return functools.partial(operation, obj)

    def _next(self, message: Next) -> Tuple[List[Any], Any]:
        if self._iteration is None:
            from .protocol.operators import Iteration

            self._iteration = Iteration()
        items = self._side.objects.find(message.target)
        found: Tuple[List[Any], Any] = self._iteration.gather(message.target, items, message.count)
        return found

    def _get(self, message: Get) -> Any:
        """One value, or for several paths as many pairs of (there, value): the small plain values, which
        the client would have to ask for one by one."""
        if len(message.paths) == 1:
            return self._resolve(message.target, message.paths[0])
        return tuple([self._try(message.target, path) for path in message.paths])

    def _try(self, target: Any, path: str) -> Tuple[bool, Any]:
        try:
            value = self._side.resolve(target, path)
        except Exception:  # the client asks again for this one alone, and is told why
            return False, None
        small = value is None or type(value) in (bool, int, float)
        if small or (type(value) in (str, bytes) and len(value) <= 1000):
            return True, value
        return False, None

    def _set(self, message: Set) -> None:
        parent, _, name = message.path.rpartition(".")
        setattr(self._resolve(message.target, parent), name, message.value)

    def _delete(self, message: Delete) -> None:
        parent, _, name = message.path.rpartition(".")
        owner = self._resolve(message.target, parent)
        try:
            delattr(owner, name)
        except AttributeError as error:
            raise Missing(error)

    def _describe(self, message: Describe) -> Any:
        thing = self._resolve(message.target, message.path)
        if message.detail:
            from . import details

            return details.of_thing(thing)
        if isinstance(thing, types.ModuleType):
            return describe.of_module(thing)
        told = describe.of_class(thing) if isinstance(thing, type) else {}
        if type(message.target) is int:
            told["type"] = describe.of_type(type(thing))
        return told


def _names(error: ModuleNotFoundError, target: Any) -> bool:
    """Whether the missing module is the target itself, or a package that it is in."""
    return isinstance(target, str) and (target + ".").startswith("%s." % error.name)
