"""The operator as running parts: watches, arrivals, queue, sweep, Postgres' notifications, leadership, probes.

`house` puts the parts together. The first part that fails ends the process: whoever started it starts it again, and
nothing is remembered that the store or the cluster does not know.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from evallab.api.errors import EvallabError
from evallab.controller import host
from evallab.controller.arrivals import Arrivals
from evallab.controller.elect import Election
from evallab.controller.figures import Figures
from evallab.controller.health import STUCK_S, Health
from evallab.controller.objects import Json, Objects
from evallab.controller.reconciler import Reconciler
from evallab.controller.watchdog import Watchdog
from evallab.controller.workqueue import WorkQueue
from evallab.kubeapi.interface import EVALJOB, ClusterApi, Kind
from evallab.planning.cluster import labels
from evallab.store.interface import Store

log = logging.getLogger(__name__)
SWEEP_S = 300.0
SWEEP_BLOBS_S = 3600.0  #: files that no row needs any more stay so long
CANARY_S = 20.0
SETTLE_S = 0.1  #: changes of Jobs and pods come in bursts
TOLD_S = 0.5  #: events of adapters come one after the other
RUNTIME = "kubernetes"


class Cache(Protocol):
    """What is known of Jobs and pods; the runtime observes it."""

    def put(self, kind: Kind, body: Json) -> bool:
        """Remember an object; return whether it says anything new."""

    def drop(self, kind: Kind, body: Json) -> None:
        """Forget an object that is gone."""

    def of_job(self, kind: Kind, job_id: str) -> list[Json]:
        """Return what is known of a job's objects."""


@dataclass(kw_only=True)
class Operator:
    """One operator process that may lead."""

    api: ClusterApi
    configuration: Any  #: of the official client
    namespaces: Sequence[str]
    store: Store
    objects: Objects
    cache: Cache
    queue: WorkQueue
    reconciler: Reconciler
    watchdog: Watchdog
    election: Election
    figures: Figures
    workers: int
    arrivals: Arrivals = field(init=False)
    _postgres: bool = False

    def __post_init__(self) -> None:
        """Connect what arrives with the queue."""
        self.arrivals = Arrivals(self.store, self.objects, self.queue.add)

    def saw(self, kind: Kind, change: str | None, body: Json) -> None:
        """Take what a watch brings: into a cache, and a key into the queue."""
        if kind == EVALJOB:
            self._saw_evaljob(change, body)
            return
        if change == "DELETED":
            self.cache.drop(kind, body)
        elif not self.cache.put(kind, body):
            return
        uid = labels.get(body, labels.JOB)
        if uid and change is not None and not self._ended(uid):
            self.queue.add(uid, after=SETTLE_S)

    def _ended(self, uid: str) -> bool:
        """Say whether a job has ended, so that what becomes of its Jobs and pods changes nothing."""
        known = self.objects.get(uid)
        return known is not None and known.ended

    def _saw_evaljob(self, change: str | None, body: Json) -> None:
        uid = body["metadata"]["uid"]
        if change == "DELETED":
            self.watchdog.arrived(uid, "")
            self.objects.drop(uid)
            self.queue.add(uid, fresh=True)
            return
        self.watchdog.arrived(uid, body["metadata"]["resourceVersion"])
        if not self.objects.put(body):
            return
        if change is None:
            self.arrivals.put(uid)
        else:
            self.queue.add(uid, fresh=True)

    async def run(self) -> None:
        """Lead when it is our turn, and operate until something fails or this is cancelled."""
        try:
            await _first_failure(self.election_lost_or_led(), self._canary(), self._postgres_answers())
        finally:
            await self.election.leave()

    async def election_lost_or_led(self) -> None:
        """Wait for the Lease, then run everything that only one operator may do."""
        await self.election.win()
        await _first_failure(
            self.election.hold(),
            self._lead(),
        )

    async def _lead(self) -> None:
        await _first_failure(
            host.watch(self.saw, self.configuration, self.namespaces),
            self.arrivals.run(),
            self.queue.run(self.reconciler.reconcile, workers=self.workers, ended=self.figures.ended),
            self._listen(),
            self._sweep(),
        )

    async def _listen(self) -> None:
        """Look at what Postgres says has changed: events, sealed attempts, cancellations."""
        async for uid in self.store.listen():
            if uid:
                self.queue.add(uid, after=TOLD_S)
            else:
                for known in self.objects:
                    if not known.ended:
                        self.queue.add(known.uid, after=TOLD_S)

    async def _sweep(self) -> None:
        """Now and then end jobs whose objects are gone without anybody having seen it, and remove what no row needs."""
        swept = time.monotonic()
        while True:
            await asyncio.sleep(2.0)
            try:
                swept = await without_unneeded_files(self.store, swept, time.monotonic())
                for row in await self.store.unfinished(RUNTIME):
                    if self._ours(row.tenant) and self.objects.get(row.id) is None:
                        await self._miss(row.id, row.tenant, row.resource or "")
            except EvallabError as error:
                log.warning("not swept", extra={"action": "sweep", "reason": str(error)})
                continue
            await asyncio.sleep(SWEEP_S)

    async def _miss(self, uid: str, namespace: str | None, name: str) -> None:
        """Look at a job whose object is not known: it was just made, or is gone."""
        body = await self.api.get(EVALJOB, namespace, name) if namespace and name else None
        if body and body["metadata"]["uid"] == uid:
            if self.objects.put(body):
                self.queue.add(uid)
        else:
            log.info("the EvalJob is gone", extra={"action": "sweep", "job": uid})
            self.queue.add(uid)

    def _ours(self, namespace: str | None) -> bool:
        return not self.namespaces or namespace in self.namespaces

    async def _canary(self) -> None:
        """Ask the API server for something small, so that the probes know whether it answers."""
        namespace = self.namespaces[0] if self.namespaces else None
        while True:
            try:
                await self.api.list(EVALJOB, namespace, limit=1)
                self.watchdog.answered(time.monotonic())
            except EvallabError as error:
                log.warning("no answer", extra={"action": "canary", "reason": str(error)})
            await asyncio.sleep(CANARY_S)

    async def _postgres_answers(self) -> None:
        while True:
            try:
                await self.store.ended(())
                self._postgres = True
            except EvallabError as error:
                if self._postgres:  # the store says when it is back, and how long it was away
                    log.warning("no Postgres", extra={"action": "canary", "reason": str(error)})
                self._postgres = False
            await asyncio.sleep(5.0)

    def health(self) -> Health:
        """Return what the probes ask."""
        return Health(alive=self._sick, ready=self._not_ready, figures=self.figures, measure=self._measure)

    def _sick(self) -> str:
        if not self.election.leads:
            return ""
        stuck = self.queue.longest_s
        if stuck > STUCK_S:
            return f"one look has taken {stuck:.0f} s"
        return self.watchdog.dead(time.monotonic())

    def _not_ready(self) -> str:
        if not self._postgres:
            return "Postgres does not answer"
        if time.monotonic() - self.watchdog.answered_at > 3 * CANARY_S:
            return "the API server does not answer"
        return ""

    def _measure(self) -> None:
        self.figures.depth.set(self.queue.depth)
        self.figures.known.set(len(self.objects))
        self.figures.leads.set(self.election.leads)


async def without_unneeded_files(store: Store, last: float, now: float) -> float:
    """Remove shared files that no row needs, now and then; return when that was last."""
    if now - last < SWEEP_BLOBS_S:
        return last
    await store.sweep_blobs()
    return now


async def _first_failure(*parts: Coroutine[Any, Any, None]) -> None:
    """Run parts together; the first that ends, ends the others."""
    tasks = [asyncio.ensure_future(each) for each in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
