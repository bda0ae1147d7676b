"""Coroutines, asynchronous iterators and context managers: driven here, one step for each request.

Rules: one event loop lasts as long as the session, so that what belongs to a loop works in all steps; it runs
while a step does and at no other time; a step that is interrupted is cancelled.
"""

import types
from typing import Any, Callable, Dict, Optional

#: Functions of asyncio that want to be called while the loop runs. Others make or run loops themselves.
INSIDE = frozenset("create_task ensure_future gather shield current_task all_tasks get_running_loop".split())
_ITERABLE_COROUTINE = 0x100  # as in inspect, which is slow to import
#: How long a step that was interrupted may take to clean up, in seconds.
GRACE = 1.0


async def _await(obj: Any) -> Any:
    return await obj


async def _next(obj: Any) -> Any:
    return await type(obj).__anext__(obj)


async def _enter(obj: Any) -> Any:
    return await type(obj).__aenter__(obj)


async def _exit(obj: Any, kind: Any, error: Any, traceback: Any) -> Any:
    return await type(obj).__aexit__(obj, kind, error, traceback)


STEPS: Dict[str, Callable[..., Any]] = {
    "__await__": _await, "__anext__": _next, "__aenter__": _enter, "__aexit__": _exit,
}


class Stepper:
    """The session's event loop, made when it is first needed."""

    def __init__(self) -> None:
        self._loop: Any = None

    def ready(self) -> Any:
        """The loop, which is the current one of this thread from here on."""
        import asyncio  # few sessions need it, and it is slow to load

        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.new_event_loop()
        if not self._loop.is_running():
            asyncio.set_event_loop(self._loop)
        return self._loop

    def run(self, coroutine: Any) -> Any:
        """What a coroutine returns. Raises what it raises."""
        loop = self.ready()
        if loop.is_running():
            coroutine.close()
            raise RuntimeError(
                "the far side's event loop is in the middle of a step, and cannot run another inside of it; "
                "await this one after that one"
            )
        task = loop.create_task(coroutine)
        try:
            return loop.run_until_complete(task)
        except BaseException:
            if not task.done():
                self._cancel(task)
            raise

    def call(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Calls a function that wants a running loop."""

        async def inside() -> Any:
            return function(*args, **kwargs)

        return self.run(inside())

    def _cancel(self, task: Any) -> None:
        """Gives an interrupted step the time to clean up."""
        import asyncio

        task.cancel()
        self._loop.run_until_complete(asyncio.wait([task], timeout=GRACE))


def native(obj: Any) -> Optional[Any]:
    """The coroutine that does what a generator marked by `types.coroutine` does, as those of old asyncio; None for
    other objects. Only the type of a real coroutine says that it can be awaited."""
    if type(obj) is types.GeneratorType and obj.gi_code.co_flags & _ITERABLE_COROUTINE:
        return _await(obj)
    return None
