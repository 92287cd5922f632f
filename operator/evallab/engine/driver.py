"""Drives one job to its end in this process: lease, turn, reconcile, wait, again. Called by the composition roots.

It wakes early when an adapter's event arrives or the model server changes, and looks by itself several times a second,
because processes end without telling anybody.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from evallab.api.errors import EvallabError
from evallab.engine.observing import Standing
from evallab.engine.reconcile import Engine
from evallab.engine.turns import Place, ahead
from evallab.planning.lifecycle import Plan
from evallab.store.interface import JobRow, JobSnapshot, Store

LEASE_S = 30.0
LOOK_S = 0.25


@dataclass(frozen=True, kw_only=True)
class Driver:
    """Everything needed to drive jobs; `wake` is set by the receiver and the model servers."""

    engine: Engine
    store: Store
    place: Place
    holder: str
    wake: asyncio.Event
    saw: Callable[[JobSnapshot, Plan, int], None]  #: called after each look with the number of jobs ahead

    async def drive(self, job_id: str) -> Plan:
        """Run a job until it has ended. Raises LeaseLost when somebody else drives it."""
        try:
            while True:
                await self._renew(job_id)
                waiting = await self._ahead(job_id)
                admitted = not waiting and self.place.take()
                snapshot, plan = await self.engine.reconcile(job_id, Standing(admitted=admitted))
                self.saw(snapshot, plan, len(waiting))
                if plan.finished:
                    return plan
                await self._wait(busy=bool(plan.actions))
        finally:
            self.place.leave()
            await self.store.drop_lease(job_id, self.holder)

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
            await self.store.drop_lease(job_id, self.holder)

    async def _renew(self, job_id: str) -> None:
        if not await self.store.take_lease(job_id, self.holder, seconds=LEASE_S):
            raise LeaseLost(job_id)

    async def _ahead(self, job_id: str) -> tuple[JobRow, ...]:
        """Return who goes first, and bury those among them whose command died."""
        waiting = ahead(job_id, await self.store.unfinished("local"))
        for row in waiting:
            if row.attached and await self.store.lease_holder(row.id) is None:
                try:
                    await self.bury(row.id)
                except LeaseLost:
                    continue
        return waiting

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
