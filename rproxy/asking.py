"""Requests that are awaited.

Rules: the event loop is never blocked: requests are sent by one thread, for a link may take its time, and their
answers come by that of the futures; requests are sent in the order in which they were begun; when the task that waits
is cancelled, its call is cancelled there, or is not sent at all.
"""

import asyncio
import collections
import contextlib
import contextvars
import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from rproxy_endpoint.protocol.messages import Call, Get, Next

from . import blocks
from .channels import Sink
from .errors import CallTimeout
from .futures import Futures, RemoteFuture
from .session import Session
from .telling import name_of

#: How long the thread that sends waits for more, in seconds.
IDLE = 0.1


class Asking:
    """Makes the requests of one client for any event loop; `face` makes of a result what the task gets."""

    def __init__(self, session: Session, futures: Futures, face: "Callable[[Asking, Any], Any]") -> None:
        self.session = session
        self.futures = futures
        self._face = face
        self._sender = _Sender()

    def call_message(self, target: Any, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        return self.session.call_message(target, path, args, kwargs)

    def get_message(self, target: Any, path: str) -> Get:
        return Get(target, (path,), self.session.surroundings())

    def next_message(self, target: int, count: int) -> Next:
        return Next(target, count, self.session.surroundings())

    async def ask(self, target: Any, path: str, *args: Any) -> Any:
        """A call whose result is by value even inside `keep_results`."""
        return await self.request(Call(target, path, args, {}, self.session.surroundings(), False))

    async def request(self, message: Any, sink: Sink | None = None) -> Any:
        """The value that answers a request; raises the exception that the call raised."""
        inside = blocks.inside(self.session)
        limit = self.session.limit if inside.limit is ... else inside.limit
        if limit is None:
            return await self._answer(message, sink)
        try:
            async with asyncio.timeout(limit) as clock:
                return await self._answer(message, sink)
        except TimeoutError:
            if not clock.expired():
                raise  # the far side's own
            what = f"{name_of(message)} on {self.session.target}"
            raise CallTimeout(
                f"{what} took longer than {limit:g} s: nobody waits for it, and it is stopped there"
            ) from None

    async def _answer(self, message: Any, sink: Sink | None) -> Any:
        assert self.session.channel is not None  # a client that is closed, or another process's, says so here
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[None] = loop.create_future()
        outcome = _Outcome(functools.partial(self._face, self), functools.partial(_wake, loop, answered))
        context = contextvars.copy_context()  # values' own code may look at it
        sending = self._sender.submit(context.run, self.futures.send, message, sink or self.session.sink())
        sending.add_done_callback(outcome.sent)
        try:
            await answered
            return outcome.value()
        except asyncio.CancelledError:
            if not sending.cancel():
                self._sender.submit(_stop, sending)  # which may have to wait for the link, too
            raise
        finally:
            del outcome, sending  # an error that it raised has this frame in its traceback


class _Outcome:
    """What becomes of a request: told by the thread that sends, or by the one that reads its answer."""

    def __init__(self, face: Callable[[Any], Any], wake: Callable[[], None]) -> None:
        self._face = face
        self._wake = wake
        self._value: Any = None
        self._error: BaseException | None = None

    def sent(self, sending: "Future[RemoteFuture]") -> None:
        if sending.cancelled():
            return  # nobody waits any more
        self._error = sending.exception()
        if self._error is None:
            sending.result().add_done_callback(self._answered)
        else:
            self._wake()

    def _answered(self, future: "Future[Any]") -> None:
        try:
            self._value = self._face(future.result())
        except BaseException as error:  # whatever it is, it is the task's to see
            self._error = error
        self._wake()

    def value(self) -> Any:
        """What the request gave; raises what it raised."""
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None
        return self._value


def _wake(loop: asyncio.AbstractEventLoop, waiter: "asyncio.Future[None]") -> None:
    with contextlib.suppress(RuntimeError):  # the loop has been closed, and nobody waits in it
        loop.call_soon_threadsafe(_settle, waiter)


def _settle(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)


def _stop(sending: "Future[RemoteFuture]") -> None:
    if sending.exception() is None:
        sending.result().stop()


class _Sender:
    """Runs what sends, one after the other, in a thread that lives while there is any, and a moment longer."""

    def __init__(self) -> None:
        self._orders: collections.deque[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]] = collections.deque()
        self._changed = threading.Condition()
        self._running = False

    def submit(self, function: Callable[..., Any], *args: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        with self._changed:
            self._orders.append((future, function, args))
            if self._running:
                self._changed.notify()
            else:
                self._running = True
                # A daemon: it may wait for a link that takes nothing, which must not keep the program from its end.
                threading.Thread(target=self._run, name="rproxy aio", daemon=True).start()
        return future

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._orders and not self._changed.wait_for(lambda: self._orders, IDLE):
                    self._running = False
                    return
                future, function, args = self._orders.popleft()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function(*args))
                except BaseException as error:  # it is the task's to see
                    future.set_exception(error)
            del future, function, args  # not to be held until the next comes
