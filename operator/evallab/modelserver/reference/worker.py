"""The one thread that computes: requests queue here, and none keeps computing for a client that has gone.

One request at a time is a promise, not a shortage: answers do not depend on what else runs.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from evallab.modelserver.reference.errors import Refused

_T = TypeVar("_T")
Check = Callable[[], None]


class Abandoned(Exception):
    """Raised inside a computation whose answer nobody wants any more."""


@dataclass
class Load:
    """What GET /metrics counts; each counter is written by one thread only."""

    accepted: int = 0
    dropped: int = 0
    started: int = 0
    ended: int = 0
    busy_seconds: float = 0.0
    answered: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0

    @property
    def waiting(self) -> int:
        """Requests that queue for the computing thread."""
        return self.accepted - self.dropped - self.started

    @property
    def running(self) -> int:
        """Requests that compute: 0 or 1."""
        return self.started - self.ended


@dataclass
class _Ticket:
    gone: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        if self.gone.is_set():
            raise Abandoned


class Worker:
    """A single computing thread with a queue in front of it."""

    def __init__(self, request_timeout_s: float) -> None:
        """Allow each request `request_timeout_s`, waiting included."""
        self._timeout_s = request_timeout_s
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="compute")
        self.load = Load()

    async def collect(self, work: Callable[[Check], Iterator[_T]]) -> list[_T]:
        """Return everything that `work` yields, computed in the thread."""
        ticket = _Ticket()
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.wrap_future(self._submit(lambda: list(work(ticket.check))))
        except TimeoutError:
            raise self._late() from None
        finally:
            ticket.gone.set()

    async def stream(self, work: Callable[[Check], Iterator[_T]]) -> AsyncIterator[_T]:
        """Yield what `work` yields, as it comes; a slow reader does not keep others waiting."""
        ticket, loop = _Ticket(), asyncio.get_running_loop()
        items: asyncio.Queue[_T | None] = asyncio.Queue()
        deadline = loop.time() + self._timeout_s

        def compute() -> None:
            for item in work(ticket.check):
                loop.call_soon_threadsafe(items.put_nowait, item)

        done = asyncio.wrap_future(self._submit(compute))
        done.add_done_callback(lambda _: items.put_nowait(None))
        try:
            while (item := await self._by(deadline, items)) is not None:
                yield item
            await done
        finally:
            ticket.gone.set()
            done.cancel()

    async def _by(self, deadline: float, items: asyncio.Queue[_T | None]) -> _T | None:
        try:
            async with asyncio.timeout_at(deadline):
                return await items.get()
        except TimeoutError:
            raise self._late() from None

    def close(self) -> None:
        """Drop what waits; what computes ends at its next token, because its request has ended."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _submit(self, compute: Callable[[], _T]) -> Future[_T]:
        try:
            future = self._thread.submit(self._timed, compute)
        except RuntimeError:
            raise Refused("The server is shutting down.", status=503) from None
        self.load.accepted += 1
        future.add_done_callback(self._left)
        return future

    def _timed(self, compute: Callable[[], _T]) -> _T:
        self.load.started += 1
        start = time.perf_counter()
        try:
            return compute()
        finally:
            self.load.ended += 1
            self.load.busy_seconds += time.perf_counter() - start

    def _left(self, future: Future[_T]) -> None:
        if future.cancelled():  # it never ran
            self.load.dropped += 1

    def _late(self) -> Refused:
        return Refused(f"The request did not finish within {self._timeout_s:g} s.", status=504)
