"""The canary of jobs: fixed prompts are asked before the first attempt and after the last, and what they tell is kept.

Called by the reconciler as it calls `models` and `data`. Each pass is in the store as soon as it was asked, so whoever
goes on with a job asks only what is missing; killed in the middle of a pass, that pass is asked again.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from evallab.engine import canary_asking
from evallab.planning import canary
from evallab.planning.canary_passes import NAMES, Name, Pass
from evallab.planning.views import CanaryState
from evallab.store.canaries import CanaryRow
from evallab.store.interface import JobRow, Store

log = logging.getLogger(__name__)
BEFORE: tuple[Name, ...] = ("alone", "at_once")
AFTER: tuple[Name, ...] = ("again",)
AT_ONCE = 32  #: jobs of one process whose servers are asked; others wait for their turn
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class CanarySource(Protocol):
    """The canaries of jobs."""

    async def state(self, job: JobRow) -> CanaryState:
        """Return what `decide` needs to know of a job's canary."""

    def start(self, job: JobRow, url: str, *, last: bool) -> None:
        """Begin to ask the prompts that come before the first attempt, or after the last."""

    async def judge(self, job: JobRow) -> dict[str, Any]:
        """Say what a job's canary tells, and keep it; the job has its setup key. Safe to repeat."""

    async def stop(self, job_id: str) -> None:
        """Ask no more for a job."""


class NoCanaries:
    """Nobody asks."""

    async def state(self, job: JobRow) -> CanaryState:
        """Have nothing to ask."""
        del job
        return "off"

    def start(self, job: JobRow, url: str, *, last: bool) -> None:
        """Ask nothing."""

    async def judge(self, job: JobRow) -> dict[str, Any]:
        """Say why nothing was asked."""
        return _none(job) or {"outcome": "none", "why": "not run here"}

    async def stop(self, job_id: str) -> None:
        """Have nothing to end."""


@dataclass(frozen=True)
class _Stand:
    """How far the canary of a job is: answers are long, and thousands of jobs may wait."""

    asked_at: Mapping[str, datetime]
    answered: frozenset[str]


class Canaries:
    """Canaries that this process asks, by job."""

    def __init__(
        self,
        store: Store,
        *,
        now: Callable[[], datetime],
        changed: Callable[[str], None] = lambda _: None,
        afar: bool = False,
    ) -> None:
        """`changed(job)` is called when passes were asked. `afar`: as `canary_asking.ask` has it."""
        self._store, self._now, self._changed, self._afar = store, now, changed, afar
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._kept: dict[str, _Stand] = {}
        self._places = asyncio.Semaphore(AT_ONCE)

    async def state(self, job: JobRow) -> CanaryState:
        """Return what `decide` needs to know of a job's canary; the store is asked once per change."""
        if canary.none_because(job.spec, job.runtime):
            return "off"
        task = self._asking.get(job.id)
        if task is not None and not task.done():
            return "asking"
        if task is not None:
            del self._asking[job.id]
            self._kept.pop(job.id, None)
            if error := task.exception():
                log.warning("canary not kept", extra={"action": "canary", "job": job.id, "reason": str(error)})
        if job.id not in self._kept:
            self._kept[job.id] = _stand(await self._store.canary(job.id))
        return _state(job, self._kept[job.id])

    def start(self, job: JobRow, url: str, *, last: bool) -> None:
        """Begin to ask the prompts that come before the first attempt, or after the last, unless that is going on."""
        if job.id not in self._asking:
            self._asking[job.id] = asyncio.create_task(self._ask(job, url, AFTER if last else BEFORE))

    async def _ask(self, job: JobRow, url: str, names: tuple[Name, ...]) -> None:
        try:
            async with self._places:
                await self._ask_now(job, url, names)
        finally:
            self._changed(job.id)

    async def _ask_now(self, job: JobRow, url: str, names: tuple[Name, ...]) -> None:
        row = await self._store.canary(job.id)
        known = _passes(row) if row else {}
        for name in names:
            if name in known and known[name].answered and name in BEFORE:
                continue
            alone = None if name == "alone" else known.get("alone")
            known[name] = await canary_asking.ask(name, job, url, alone, afar=self._afar)
            await self._store.save_canary_pass(job.id, name, known[name].to_json(), now=self._now())

    async def judge(self, job: JobRow) -> dict[str, Any]:
        """Say what a job's canary tells, and keep it; the job has its setup key. Safe to repeat."""
        if none := _none(job):
            return none
        row = await self._store.canary(job.id)
        earlier = await self._earlier(job)
        verdict = asdict(canary.judge(_passes(row) if row else {}, earlier, policy=canary.policy(job.spec)))
        await self._store.save_canary_verdict(job.id, job.setup_key, verdict, now=self._now())
        self._kept.pop(job.id, None)
        return verdict

    async def _earlier(self, job: JobRow) -> tuple[str, Mapping[str, Pass]] | None:
        if job.setup_key is None:
            return None
        version = canary_asking.prompts().version
        row = await self._store.last_valid_canary(job.setup_key, prompts=version, but=job.id)
        return (row.job_id, _passes(row)) if row else None

    async def stop(self, job_id: str) -> None:
        """Ask no more for a job, and wait until nothing is on its way."""
        task = self._asking.pop(job_id, None)
        self._kept.pop(job_id, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def stop_all(self) -> None:
        """Ask no more."""
        for job_id in list(self._asking):
            await self.stop(job_id)


def _none(job: JobRow) -> dict[str, Any]:
    because = canary.none_because(job.spec, job.runtime)
    return {"outcome": "none", "why": because} if because else {}


def _passes(row: CanaryRow) -> dict[str, Pass]:
    return {name: Pass.from_json(row.passes[name]) for name in NAMES if name in row.passes}


def _stand(row: CanaryRow | None) -> _Stand:
    passes = _passes(row) if row else {}
    asked_at = {name: row.asked_at[name] for name in passes} if row else {}
    return _Stand(asked_at, frozenset(name for name, each in passes.items() if each.answered))


def _state(job: JobRow, stand: _Stand) -> CanaryState:
    """Say how far a canary is. What happened to a job before it was resumed counts if something was answered."""
    since = job.resumed_at or _LONG_AGO
    asked = {name for name, at in stand.asked_at.items() if at >= since}
    if not (asked | stand.answered).issuperset(BEFORE):
        return "due"
    return "done" if "again" in asked else "begun"
