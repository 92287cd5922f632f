"""One look at one EvalJob: take it in, let the engine act, write what is true into its status, say when to look again.

Level-triggered: it may be called at any time, any number of times. What happens when this process dies in between is
written at `engine.reconcile`; a status that was not written is written by the next look.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from evallab.api.errors import EvallabError, NotFound
from evallab.controller import looking, telling
from evallab.controller.intake import ACTOR, Intake
from evallab.controller.objects import Json, Known, Objects
from evallab.controller.refresh import Refresh
from evallab.engine.observing import Standing
from evallab.engine.ports import Ports
from evallab.engine.reconcile import Engine
from evallab.kubeapi.interface import EVALJOB, ClusterApi, Conflict
from evallab.planning.actions import Settle, StartAttempt, StopAttempt
from evallab.planning.cluster.facts import JobFacts
from evallab.planning.cluster.status import may_wait, patch, status
from evallab.planning.conclusion import Cause
from evallab.planning.views import Plan
from evallab.store.interface import JobRow, JobSnapshot, Store

log = logging.getLogger(__name__)
LEASE_S = 30.0
RENEW_S = 10.0  #: a lease that was renewed since is good enough
RESYNC_S = 120.0  #: so often everything that has not ended is looked at, whatever the watches say
WAITING_S, LONG_WAITING_S = 5.0, 30.0  #: what waits is judged by time as well
PROGRESS_S = 5.0  #: progress and other words are not written more often
SOON_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Reconciler:
    """Reconciles EvalJobs by their uid."""

    engine: Engine
    ports: Ports
    api: ClusterApi
    objects: Objects
    intake: Intake
    refresh: Refresh
    holder: str  #: of leases in the store: the same for all replicas of one installation
    parallel: int
    look: Callable[[JobRow], Awaitable[None]]  #: asks about a model server that should have got further by now
    wrote: Callable[[str, str], None] = lambda *_: None  #: uid and version: the watch must bring it
    _leased: dict[str, float] = field(default_factory=dict)
    _told: dict[str, float] = field(default_factory=dict)  #: when a status was written last
    _taken: dict[str, JobRow | None] = field(default_factory=dict)  #: stored, not refused; rows of those that serve
    _ends: dict[str, datetime] = field(default_factory=dict)  #: of jobs whose objects are to be deleted

    async def reconcile(self, uid: str) -> float | None:
        """Look at a job; return in how many seconds to look again, None when only a change matters."""
        found = self.objects.get(uid)
        known = await self.refresh.look(found) if found and not found.deleting else None
        if known is None:
            return await self._gone(uid)
        if known.ended and uid in self._ends and self._until_ttl(known) == 0.0:
            await self._delete(known)
            return None
        if why := await self._refusal(known):
            await self._tell(known, looking.of_refused(known, why))
            return self._ended(known, self.ports.now())
        if not await self._lease(uid):
            return RENEW_S
        return await self._drive(known)

    async def _refusal(self, known: Known) -> Cause | None:
        """Take a job in when it is seen for the first time; what was refused stays so until somebody resumes it."""
        if known.uid in self._taken:
            return None
        found = await self.intake.take(known)
        if isinstance(found, Cause):
            return found
        self.objects.stored(known.uid)
        serves = found.spec.model.serve is not None
        if serves:  # whether its server runs is seen in the cache alone
            await self.refresh.children(known)
        self._taken[known.uid] = found if serves else None
        return None

    async def _drive(self, known: Known) -> float | None:
        standing = Standing(parallel=self.parallel, suspended=known.suspend)
        if known.cancelled and not known.ended:
            await self.ports.store.request_cancel(known.uid, actor=ACTOR, now=self.ports.now())
        if row := self._taken.get(known.uid):
            await self.look(row)
        snapshot, plan = await self.engine.reconcile(known.uid, standing)
        if known.ended and not plan.finished:
            self.objects.resume(known.uid)
        await self._follow(known, snapshot)
        if not plan.finished and any(isinstance(each, Settle) for each in plan.actions):
            return 0.0  # what follows from that end is seen at once, and told with it
        later = await self._tell(known, await looking.facts(known, snapshot, plan, self.ports))
        if plan.finished and later is None:
            self._forget(known.uid)
            return self._ended(known, snapshot.job.finished_at or self.ports.now())
        return min(self._again(known, snapshot, plan), later or RESYNC_S)

    async def _follow(self, known: Known, snapshot: JobSnapshot) -> None:
        """Bring what may change in a spec into the store."""
        store: Store = self.ports.store
        if snapshot.job.suspended != known.suspend:
            await store.set_suspended(known.uid, known.suspend, actor=ACTOR, now=self.ports.now())
        if snapshot.job.spec.priority != known.priority:
            await store.set_priority(known.uid, known.priority, actor=ACTOR, now=self.ports.now())

    async def _tell(self, known: Known, facts: JobFacts) -> float | None:
        """Write the status where it differs; return in how many seconds to write what may wait until then."""
        before = known.status
        now = self.ports.now().isoformat(timespec="seconds").replace("+00:00", "Z")
        wanted = status(facts, before, now=now)
        change = patch(wanted, before)
        if change is None:
            return None
        waited = time.monotonic() - self._told.get(known.uid, 0.0)
        if may_wait(change, before) and not facts.ended and waited < PROGRESS_S:
            return PROGRESS_S - waited
        await self._write(known, change)
        await telling.tell(self.api, known, before=before, now=wanted, at=self.ports.now())
        return None

    async def _write(self, known: Known, change: Json) -> None:
        """Patch the status of this very object: another one of the same name has another uid."""
        body = {"metadata": {"uid": known.uid}, **change}
        try:
            written = await self.api.merge(EVALJOB, known.namespace, known.name, body, subresource="status")
        except Conflict:
            written = None
        if written is None:
            self.objects.drop(known.uid)
            raise ObjectGone(known)
        self._told[known.uid] = time.monotonic()
        self.objects.wrote(known.uid, written)
        self.wrote(known.uid, written["metadata"]["resourceVersion"])

    def _again(self, known: Known, snapshot: JobSnapshot, plan: Plan) -> float:
        """Return when to look again if nothing is heard of."""
        if plan.actions and not _all_begun(snapshot, plan):
            slow = all(isinstance(each, StartAttempt | StopAttempt) for each in plan.actions)
            return SOON_S if slow else 0.0
        now, known = self.ports.now(), self.objects.get(known.uid) or known
        limits = [RESYNC_S * (1 + int(known.uid[:2], 16) / 256 if _is_hex(known.uid[:2]) else 1)]
        if plan.look_again_at:
            limits.append(max((plan.look_again_at - now).total_seconds(), SOON_S))
        if known.status.get("phase") == "Pending" or self.ports.models.view(snapshot.job).state == "starting":
            limits.append(_waiting(snapshot, now))
        return min(limits)

    async def _gone(self, uid: str) -> float | None:
        """Cancel the job of an object that is gone and bring it to its end; what it measured stays."""
        try:
            row = (await self.ports.store.snapshot(uid, deleted=True)).job
        except NotFound:
            self._forget(uid)
            return None
        if row.finished_at is not None:
            self._forget(uid)
            return None
        if not await self._lease(uid):
            return RENEW_S
        if not row.cancel_requested:
            await self.ports.store.request_cancel(uid, actor=f"{ACTOR}: EvalJob deleted", now=self.ports.now())
        _, plan = await self.engine.reconcile(uid, Standing(admitted=False))
        if plan.finished:
            self._forget(uid)
            return None
        return 0.0 if plan.actions else 1.0

    def _forget(self, uid: str) -> None:
        self.refresh.forget(uid)
        self._leased.pop(uid, None)
        self._told.pop(uid, None)
        self._taken.pop(uid, None)

    def _ended(self, known: Known, at: datetime) -> float | None:
        """Note that a job has ended; return when its object is to be deleted."""
        self.objects.end(known.uid)
        if known.ttl is None:
            return None
        self._ends[known.uid] = at
        return self._until_ttl(known)

    def _until_ttl(self, known: Known) -> float | None:
        if known.ttl is None:
            return None
        due = self._ends[known.uid] + timedelta(seconds=known.ttl)
        return max(0.0, (due - self.ports.now()).total_seconds())

    async def _delete(self, known: Known) -> None:
        """Delete an object whose time after its end is over; its history stays in the store."""
        log.info("ttl", extra={"action": "delete", "job": known.uid})
        await self.api.delete(EVALJOB, known.namespace, known.name, uid=known.uid)
        self.objects.drop(known.uid)
        self._ends.pop(known.uid, None)

    async def _lease(self, uid: str) -> bool:
        now = time.monotonic()
        if now - self._leased.get(uid, -RENEW_S) < RENEW_S:
            return True
        if await self.ports.store.take_lease(uid, self.holder, seconds=LEASE_S):
            self._leased[uid] = now
            return True
        return False


class ObjectGone(EvallabError):
    """An EvalJob was deleted while its status was written."""

    def __init__(self, known: Known) -> None:
        """Name it."""
        super().__init__(f"The EvalJob {known.namespace}/{known.name} was deleted.", remedy="Its job is being ended.")


def _all_begun(snapshot: JobSnapshot, plan: Plan) -> bool:
    """Say whether nothing was done but to start attempts whose Jobs are there now: the watch tells of them."""
    running = {(each.index, each.number) for each in snapshot.attempts if each.state == "running"}
    return all(isinstance(each, StartAttempt) and (each.index, each.number) in running for each in plan.actions)


def _waiting(snapshot: JobSnapshot, now: datetime) -> float:
    newest = max((each.created_at for each in snapshot.attempts), default=now)
    return WAITING_S if now - newest < timedelta(minutes=2) else LONG_WAITING_S


def _is_hex(text: str) -> bool:
    return bool(text) and all(each in "0123456789abcdef" for each in text)
