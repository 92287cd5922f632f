"""What the background process does: drive the detached jobs of its home in the queue's order until none is left.

Called by `background`. Told to end (TERM) it goes at once and leaves what runs to its successor.
"""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from evallab.api.errors import NotFound, StoreUnavailable
from evallab.catalog import load
from evallab.engine.driver import LOOK_S, LeaseLost
from evallab.local.background import Turnstile
from evallab.local.detached import Detached
from evallab.local.lab import Lab, open_lab
from evallab.planning.views import Plan
from evallab.settings import Settings
from evallab.store.interface import QueueRow

log = logging.getLogger("evallab.background")
FORGET_S = 3600.0  #: a mark without a job: who set it died before the job was stored


async def attend(settings: Settings, turnstile: Turnstile) -> None:
    """Drive until nothing is left, the home is gone, or a signal comes."""
    told = asyncio.Event()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, told.set)
    catalog, detached = load(settings.catalog_dir), Detached(settings.home)
    async with open_lab(settings, catalog, environ=os.environ, detached=True) as lab:
        attendant = Attendant(lab, detached)
        try:
            while turnstile.in_place() and not told.is_set():
                if not await attendant.look() and await _left(attendant, turnstile):
                    return
                await _until(told)
        finally:
            await attendant.leave()


async def _left(attendant: "Attendant", turnstile: Turnstile) -> bool:
    """Let go of the lock, look once more, and say whether we may go: see `background`."""
    turnstile.open()
    return not await attendant.look() or not turnstile.close()


async def _until(told: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(LOOK_S):
            await told.wait()
    except TimeoutError:
        return


@dataclass
class Attendant:
    """The jobs that are driven now, and those given up until the next start."""

    lab: Lab
    detached: Detached
    _driven: dict[str, asyncio.Task[Plan]] = field(default_factory=dict)
    _given_up: set[str] = field(default_factory=set)

    async def look(self) -> bool:
        """Start to drive whoever is due; say whether anything is left to do."""
        self._collect()
        marked, width, now = self.detached.ids(), self.detached.parallel, datetime.now(UTC)
        queue = await self.lab.store.queue("local", first=width + len(self._given_up), now=now)
        rows = [row for row in queue if row.id in marked and not row.attached]
        if len(marked) > len(rows):
            await self._forget(marked - {row.id for row in rows})
        left = [row for row in rows if row.id not in self._given_up]
        for job_id in due(left, width=width, now=now):
            self.drive(job_id)
        return bool(left or self._driven or self.detached.ids() - self._given_up)

    def drive(self, job_id: str) -> None:
        """See to a job from now on, wherever it stands in the queue."""
        if job_id not in self._driven:
            self._driven[job_id] = asyncio.create_task(self.lab.run(job_id))

    def _collect(self) -> None:
        for job_id, task in list(self._driven.items()):
            if task.done():
                del self._driven[job_id]
                self._judge(job_id, task.exception())

    def _judge(self, job_id: str, error: BaseException | None) -> None:
        """Another process may hold a job, or Postgres be away, for a while; other failures wait for the next start."""
        if error is None:
            log.info("action=ended job=%s", job_id)
        elif not isinstance(error, LeaseLost | StoreUnavailable):
            log.error("action=give_up job=%s", job_id, exc_info=error)
            self._given_up.add(job_id)

    async def _forget(self, job_ids: frozenset[str]) -> None:
        """Remove marks of jobs that ended, were taken over by a command (`resume`), or were never stored."""
        idle = job_ids - self._driven.keys()
        over = await self.lab.store.not_detached(tuple(idle))
        for job_id in idle:
            if job_id in over:  # whoever drove it may have been killed before it let go
                await self.lab.store.drop_lease(job_id, self.lab.driver.holder)
            if job_id in over or (self.detached.age(job_id, time.time()) > FORGET_S and not await self._known(job_id)):
                self.detached.remove(job_id)

    async def _known(self, job_id: str) -> bool:
        try:
            await self.lab.store.snapshot(job_id, deleted=True)
        except NotFound:
            return False
        return True

    def drives(self, job_id: str) -> bool:
        """Say whether a job is driven now."""
        return job_id in self._driven

    def has_room(self) -> bool:
        """Say whether a job that comes now need not wait for those that are driven."""
        return len(self._driven) < self.detached.parallel

    async def leave(self) -> None:
        """Stop driving; what runs goes on."""
        for task in self._driven.values():
            task.cancel()
        await asyncio.gather(*self._driven.values(), return_exceptions=True)


def due(rows: Sequence[QueueRow], *, width: int, now: datetime) -> tuple[str, ...]:
    """Return which jobs need a driver: the first `width` in the queue's order, and who runs or is to end (pure)."""
    return tuple(row.id for place, row in enumerate(rows) if place < width or _must_be_seen(row, now))


def _must_be_seen(row: QueueRow, now: datetime) -> bool:
    return row.running or row.cancel_requested or now >= row.deadline
