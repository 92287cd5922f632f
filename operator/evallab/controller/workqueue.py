"""The work queue: keys in, at most one worker per key, many workers at once. `schedule` has the rules.

A key is a job's id, or something of the operator's own (a resync). What a worker raises is logged and costs that key a
pause that grows; no other key waits for it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from evallab.api.errors import EvallabError
from evallab.controller.schedule import Outcome, Schedule

log = logging.getLogger(__name__)
WORKERS = 16
Work = Callable[[str], Awaitable[float | None]]
Ended = Callable[[str, Outcome, float], None]


class WorkQueue:
    """Keys that are worked on by `run`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing waits yet."""
        self._schedule, self._clock = Schedule(), clock
        self._wake = asyncio.Event()
        self._since: dict[str, float] = {}  #: since when each key is worked on

    def add(self, key: str, *, after: float = 0.0, fresh: bool = False) -> None:
        """Have a key worked on, at the latest after so many seconds; `fresh`: also if it failed just now."""
        self._schedule.add(key, self._clock() + after, fresh=fresh)
        self._wake.set()

    @property
    def depth(self) -> int:
        """How many keys are due and wait for a worker."""
        return self._schedule.waiting(self._clock())

    @property
    def longest_s(self) -> float:
        """For how long the slowest key has been worked on."""
        return self._clock() - min(self._since.values(), default=self._clock())

    async def run(self, work: Work, *, workers: int = WORKERS, ended: Ended = lambda *_: None) -> None:
        """Work for ever: `work(key)` returns in how many seconds to come back, None when only a change matters."""
        places, tasks = asyncio.Semaphore(workers), set[asyncio.Task[None]]()
        try:
            while True:
                await places.acquire()
                key = await self._next()
                task = asyncio.create_task(self._one(key, work, ended), name=f"reconcile {key}")
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                task.add_done_callback(lambda _: places.release())
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _next(self) -> str:
        while True:
            self._wake.clear()
            if (key := self._schedule.take(self._clock())) is not None:
                return key
            at = self._schedule.next_at()
            try:
                async with asyncio.timeout(None if at is None else max(0.0, at - self._clock())):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _one(self, key: str, work: Work, ended: Ended) -> None:
        began = self._since[key] = self._clock()
        again: float | None = None
        outcome: Outcome = "failed"
        try:
            again = await work(key)
            outcome = "done"
        except EvallabError as error:
            log.warning("not reconciled", extra={"action": "reconcile", "job": key, "reason": str(error)})
        except Exception:  # whatever it is, it is this key's alone
            log.exception("not reconciled", extra={"action": "reconcile", "job": key})
        finally:
            del self._since[key]
            self._schedule.done(key, self._clock(), outcome, again_in=again)
            self._wake.set()
            ended(key, outcome, self._clock() - began)
