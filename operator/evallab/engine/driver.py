"""Drives one job to its end in this process: lease, turn, reconcile, wait, again. Called by the composition roots.

It wakes early when an adapter's event arrives or the model server changes, and looks by itself several times a second,
because processes end without telling anybody.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from evallab.api.errors import EvallabError, StoreUnavailable
from evallab.engine.observing import Standing
from evallab.engine.reconcile import Engine
from evallab.engine.turns import Place, ahead
from evallab.planning.views import TERMINAL, Plan
from evallab.store.interface import JobSnapshot, QueueRow, Store

LEASE_S = 30.0
LOOK_S = 0.25
FORSAKEN_S = 5.0  #: a job that nobody drives for so long has lost its command; one that was just made has not
LET_GO_S = 5.0
QUEUE_SEEN = 200  #: so many waiting jobs are looked at


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Whether a job may start: how many go first, else what it waits for ("" when it may), and how wide it may run."""

    ahead: int = 0
    waits_for: str = ""
    parallel: int = 1
    row: QueueRow | None = None  #: of a job that holds its place

    @property
    def come(self) -> bool:
        """Say whether the job may start."""
        return not self.ahead and not self.waits_for


class Leases(Protocol):
    """The GPUs of this machine, reserved for the model servers of jobs."""

    def take(self, job_id: str, count: int) -> str:
        """Reserve GPUs unless the job has them; return "", else what it waits for. Never waits itself."""

    def free(self, job_id: str) -> None:
        """Give them back; they stay reserved as long as a model server runs on them."""


@dataclass(frozen=True, kw_only=True)
class Driver:
    """Everything needed to drive jobs; `wake` is set by the receiver and the model servers."""

    engine: Engine
    store: Store
    home: Path  #: of the places
    gpus: Leases
    holder: str
    wake: asyncio.Event
    saw: Callable[[JobSnapshot, Plan, Turn], None]  #: called after each look
    parallel: Callable[[], int] = lambda: 1  #: how many benchmarks may ask endpoints at once
    revive: Callable[[], None] = lambda: None  #: called while a detached job that nobody drives keeps ours waiting
    _alone: dict[str, float] = field(default_factory=dict, repr=False)  #: since when nobody drives the jobs in front

    async def drive(self, job_id: str) -> Plan:
        """Run a job until it has ended. Raises LeaseLost when somebody else drives it."""
        place, unfinished, began = Place(self.home), 1, time.monotonic()
        row: QueueRow | None = None  #: once it runs it waits for nobody, and the queue is not asked again
        try:
            while True:
                if row:
                    await self._renew(job_id)
                    turn = self._placed(row, place, unfinished)
                else:
                    _, queue = await asyncio.gather(self._renew(job_id), self._queue())
                    turn = await self._turn(job_id, queue, place, unfinished)
                waited = timedelta(seconds=time.monotonic() - began)
                standing = Standing(admitted=turn.come, parallel=turn.parallel, waited=waited)
                snapshot, plan = await self.engine.reconcile(job_id, standing)
                self.saw(snapshot, plan, turn)
                if plan.finished:
                    return plan
                unfinished = sum(status.state not in TERMINAL for status in plan.benchmarks)
                row = row or (turn.row if plan.state == "running" else None)
                await self._wait(busy=bool(plan.actions))
        finally:
            place.leave()
            self.gpus.free(job_id)
            await self._let_go(job_id)

    async def bury(self, job_id: str) -> Plan:
        """Bring a job whose command died to its end: record what it left, start nothing."""
        await self._renew(job_id)
        try:
            while True:
                _, plan = await self.engine.reconcile(job_id, Standing(admitted=False, abandoned=True))
                if plan.finished:
                    return plan
                await self._wait(busy=bool(plan.actions))
        finally:
            await self._let_go(job_id)

    async def _renew(self, job_id: str) -> None:
        if not await self.store.take_lease(job_id, self.holder, seconds=LEASE_S):
            raise LeaseLost(job_id)

    async def _let_go(self, job_id: str) -> None:
        """Give the lease back; where the database is away it expires by itself, and nobody waits for that twice."""
        with contextlib.suppress(StoreUnavailable, TimeoutError):
            async with asyncio.timeout(LET_GO_S):
                await self.store.drop_lease(job_id, self.holder)

    async def _queue(self) -> list[QueueRow]:
        return await self.store.queue("local", first=QUEUE_SEEN, now=datetime.now(UTC))

    async def _turn(self, job_id: str, rows: list[QueueRow], place: Place, unfinished: int) -> Turn:
        """Return whether the job may start, and hold its place and its GPUs if it may."""
        waiting = ahead(job_id, rows, parallel=self.parallel())
        await self._look_after(waiting)
        row = next((each for each in rows if each.id == job_id), None)
        if waiting or row is None:
            return Turn(ahead=len(waiting), waits_for="its turn")
        return self._placed(row, place, unfinished)

    def _placed(self, row: QueueRow, place: Place, unfinished: int) -> Turn:
        if row.shares:
            wanted = max(1, min(unfinished, self.parallel()))
            held = place.share(wanted=wanted, parallel=self.parallel())
            return Turn(parallel=held, row=row) if held else Turn(waits_for="a place")
        if not place.take():
            return Turn(waits_for="its turn")
        return Turn(waits_for=self.gpus.take(row.id, row.gpus) if row.gpus else "", row=row)

    async def _look_after(self, waiting: tuple[QueueRow, ...]) -> None:
        """Bury those in front of us whose command died, and let detached ones go on that nobody drives."""
        for row in waiting:
            if await self.store.lease_holder(row.id) is not None:
                self._alone.pop(row.id, None)
            elif not row.attached:
                self.revive()
            elif self._forsaken(row.id):
                with suppress(LeaseLost):
                    await self.bury(row.id)

    def _forsaken(self, job_id: str) -> bool:
        now = asyncio.get_running_loop().time()
        return now - self._alone.setdefault(job_id, now) >= FORSAKEN_S

    async def _wait(self, *, busy: bool) -> None:
        if busy:
            return
        try:
            async with asyncio.timeout(LOOK_S):
                await self.wake.wait()
        except TimeoutError:
            pass
        self.wake.clear()


class LeaseLost(EvallabError):
    """Another evallab process drives this job."""

    code = "lease_lost"

    def __init__(self, job_id: str) -> None:
        """Name the job."""
        super().__init__(f"Another evallab process drives job {job_id}.", remedy="Look at it: evallab show " + job_id)
