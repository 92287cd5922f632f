"""Attempts as Jobs of a cluster: what the engine calls in the operator.

It remembers nothing that it could not find again: names follow from ids, what runs is in the cluster, what was left in
the store. Whatever may come right (an API server that is away) is raised, and the caller looks again.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from evallab.api.errors import BenchmarkFailed
from evallab.kubeapi.interface import JOB, POD, ClusterApi, Json, KubernetesUnavailable, Refused
from evallab.planning.cluster import labels, observed, reading
from evallab.planning.cluster.attempt import attempt_objects, job_name
from evallab.planning.cluster.observed import Seen
from evallab.planning.cluster.plan import AttemptPlan, ClusterConfig
from evallab.planning.conclusion import Cause
from evallab.runtimes.interface import Exit, Launch, Leavings, Observation
from evallab.runtimes.kubernetes import asking
from evallab.runtimes.kubernetes.cache import ClusterCache
from evallab.runtimes.kubernetes.creating import create_all, delete_labelled
from evallab.runtimes.kubernetes.scratch import Leftover, Scratch
from evallab.runtimes.kubernetes.stamped import ASKED

log = logging.getLogger(__name__)
CONTAINER = "adapter"
LOG_LIMIT = 16 << 20  #: bytes of a log that are kept
OVERDUE_S = 10.0  #: past its grace period a pod is not waited for any longer
PATIENCE = 3  #: after this part of the time that a refused pod is given, events are asked why there is none
FOLLOW_S = 30.0  #: so long after an attempt was told to end its last words are waited for
NEVER_MADE = Cause(
    reason="StartLost",
    message="Its Kubernetes Job was never made: the operator was interrupted while it started it.",
    remedy="It is started again.",
)


class Kept(Leftover, Protocol):
    """The part of the store that the runtime reads."""

    async def sealed(self, attempt_id: str) -> Json | None:
        """Return what an attempt was sealed with, or None."""

    async def drop_leavings(self, job_id: str) -> None:
        """Forget what the attempts of a job left."""

    async def snapshot(self, job_id: str, *, deleted: bool = False) -> Any:
        """Read one job whole; its `job.tenant` is the namespace."""


@dataclass(kw_only=True)
class KubernetesRuntime:
    """Runs attempts in pods."""

    api: ClusterApi
    cache: ClusterCache
    store: Kept
    config: ClusterConfig
    scratch: Scratch
    now: Callable[[], datetime]
    _following: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)
    _questions: asking.Asked = field(default_factory=asking.Asked)

    def handle(self, launch: Launch) -> dict[str, Any]:
        """Return how any process finds the attempt, before it is started. Raises BenchmarkFailed."""
        plan = _plan(launch)
        attempt_objects(plan, self.config)  # what cannot be built is not started
        return _handle(plan)

    async def start(self, launch: Launch) -> dict[str, Any]:
        """Make the attempt's objects, or find that they are there; return its handle, now with the Job's uid."""
        plan = _plan(launch)
        made = await create_all(self.api, self.cache, attempt_objects(plan, self.config), plan.owner.uid)
        log.info("attempt's job created", extra={"job": plan.owner.uid, "attempt": plan.attempt_id})
        return _handle(plan) | {"uid": made["metadata"]["uid"]}

    async def observe(self, handle: Mapping[str, Any]) -> Observation:
        """Look at an attempt; what it left is here when it is said to have ended."""
        seen, sealed = await self._seen(handle)
        self.scratch.note(handle, seen.executed)
        executed = seen.executed or self.scratch.noted(handle)
        if seen.state in {"waiting", "running"}:
            await self._hasten(handle)
            return Observation(
                state="waiting" if seen.state == "waiting" else "running",
                why=seen.why,
                cause=seen.cause,
                executed=executed,
                started_at=seen.started_at,
                running_s=reading.seconds(seen.started_at, self.now()) if seen.started_at else None,
            )
        await self._bring(handle, seen)
        ended = Exit(code=seen.code, finished_at=seen.finished_at)
        return Observation(
            state="exited" if seen.state == "over" or sealed else "vanished",
            cause=_cause(seen, handle, sealed=sealed),
            executed=executed,
            started_at=seen.started_at,
            exit=ended,
        )

    async def _seen(self, handle: Mapping[str, Any]) -> tuple[Seen, bool]:
        now = self.now()
        job = await self._job(handle)
        pods = self.cache.pods_of(handle["attempt_id"])
        events: list[Json] = []
        if job and observed.quiet(job, pods, now, patience=self.config.refused_pod_seconds / PATIENCE):
            pods, events = await self._asked(handle, job, pods)
        ended = job is None or observed.finished(job) or any(reading.over(pod) for pod in pods)
        sealed = bool(ended and await self.store.sealed(handle["attempt_id"]))
        workload = await asking.workload(self.api, job) if job else None
        seen = observed.seen(
            job, pods, events, now=now, config=self.config, sealed=sealed, workload=workload, container=CONTAINER
        )
        return seen, sealed

    async def _asked(self, handle: Mapping[str, Any], job: Json, pods: list[Json]) -> tuple[list[Json], list[Json]]:
        """Return pods and events of an attempt that does not get on, asked for now unless that was done lately."""
        lately = self._questions.lately(handle["attempt_id"])
        if lately is not None:
            return pods, lately
        pods = pods or await self._pods(handle)
        return pods, self._questions.note(handle["attempt_id"], await asking.events(self.api, job, pods))

    async def _job(self, handle: Mapping[str, Any]) -> Json | None:
        namespace, name = handle["namespace"], handle["job"]
        known = self.cache.job(namespace, name)
        if known is None and (known := await self.api.get(JOB, namespace, name)):
            self.cache.put(JOB, known)
        return known

    async def _pods(self, handle: Mapping[str, Any]) -> list[Json]:
        """Ask for the pods where the watch brought none for a while."""
        selector = labels.selector({labels.ATTEMPT: labels.value(handle["attempt_id"])})
        for body in await self.api.list(POD, handle["namespace"], labels=selector):
            self.cache.put(POD, body)
        return self.cache.pods_of(handle["attempt_id"])

    async def _bring(self, handle: Mapping[str, Any], seen: Seen) -> None:
        """Bring what an ended attempt left, once."""
        if self.scratch.is_complete(handle):
            return
        if task := self._following.pop(handle["attempt_id"], None):
            await asyncio.wait([task], timeout=FOLLOW_S)
        if seen.pod:
            await self._keep_log(handle, seen.pod)
        await self.scratch.bring(handle, self.store)

    async def _keep_log(self, handle: Mapping[str, Any], pod: str) -> None:
        """Keep the log of a pod; a node that does not answer any more costs the log, not the attempt."""
        try:
            content = await self.api.log(handle["namespace"], pod, CONTAINER, {"limitBytes": LOG_LIMIT, **ASKED})
        except (KubernetesUnavailable, Refused) as error:
            log.warning("log not read", extra={"attempt": handle["attempt_id"], "reason": str(error)})
            return
        if content:
            await asyncio.to_thread(self.scratch.write_log, handle, content)

    async def stop(self, handle: Mapping[str, Any], *, grace_seconds: float) -> None:
        """Delete the pods with a grace period, then the Job; the last words are read meanwhile."""
        namespace = handle["namespace"]
        job = await self._job(handle)
        for pod in self.cache.pods_of(handle["attempt_id"]) or await self._pods(handle):
            lost = reading.deleted(pod) and not reading.over(pod)
            if not reading.over(pod) and not lost:
                self._follow(handle, pod["metadata"]["name"])
            grace = 0 if lost and self._overdue(pod) else int(grace_seconds)
            await self.api.delete(
                POD, namespace, pod["metadata"]["name"], grace_seconds=grace, uid=pod["metadata"]["uid"]
            )
        if job:
            await self.api.delete(
                JOB, namespace, handle["job"], propagation="Foreground", uid=job["metadata"].get("uid")
            )

    async def _hasten(self, handle: Mapping[str, Any]) -> None:
        """Have the API server forget pods that should long be gone: their attempt is fenced, so nothing counts twice.

        A lost node never confirms an end, and a kubelet that began with a long grace period may not see a shorter one.
        """
        for pod in self.cache.pods_of(handle["attempt_id"]):
            if reading.deleted(pod) and not reading.over(pod) and self._overdue(pod, OVERDUE_S):
                name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
                await self.api.delete(POD, handle["namespace"], name, grace_seconds=0, uid=uid)

    def _overdue(self, pod: Json, seconds: float = 0.0) -> bool:
        """Say whether a pod should be gone: its node is lost, only the API server can forget it."""
        due = reading.moment(pod["metadata"].get("deletionTimestamp"))
        return reading.seconds(due, self.now()) > seconds

    def _follow(self, handle: Mapping[str, Any], pod: str) -> None:
        if handle["attempt_id"] not in self._following:
            self._following[handle["attempt_id"]] = asyncio.create_task(self._followed(dict(handle), pod))

    async def _followed(self, handle: Mapping[str, Any], pod: str) -> None:
        """Write the log while the pod ends: afterwards it is gone."""
        content = bytearray()
        query: dict[str, str | int] = {"limitBytes": LOG_LIMIT, **ASKED}
        try:
            async with asyncio.timeout(self.config.sidecar_grace_seconds + FOLLOW_S):
                async for piece in self.api.follow_log(handle["namespace"], pod, CONTAINER, query):
                    content += piece
        except (KubernetesUnavailable, Refused, TimeoutError) as error:
            log.warning("log not followed", extra={"attempt": handle["attempt_id"], "reason": str(error)})
        if content:
            await asyncio.to_thread(self.scratch.write_log, handle, bytes(content))

    def leavings(self, handle: Mapping[str, Any]) -> Leavings:
        """Name the files an attempt leaves."""
        return self.scratch.leavings(handle)

    def log_tail(self, handle: Mapping[str, Any], *, lines: int) -> str:
        """Return the last lines of the log that was kept ("" while it runs: the server follows it)."""
        try:
            text = self.scratch.leavings(handle).log_file.read_text(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    async def tidy(self, job_id: str) -> None:
        """Remove what only brought a job to its end. Its Jobs stay for a while, for people; their TTL ends that."""
        await self.scratch.remove(job_id)
        snapshot = await self.store.snapshot(job_id, deleted=True)
        if snapshot.job.tenant:
            selector = labels.of_job(job_id)
            await delete_labelled(self.api, snapshot.job.tenant, selector, ("ConfigMap", "NetworkPolicy"))
        await self.store.drop_leavings(job_id)


def _plan(launch: Launch) -> AttemptPlan:
    if launch.plan is None:
        raise BenchmarkFailed("This attempt was not planned for a cluster.")
    return launch.plan


def _handle(plan: AttemptPlan) -> dict[str, Any]:
    return {
        "attempt_id": plan.attempt_id,
        "namespace": plan.owner.namespace,
        "job": job_name(plan),
        "job_id": plan.owner.uid,
        "index": plan.index,
        "number": plan.number,
    }


def _cause(seen: Seen, handle: Mapping[str, Any], *, sealed: bool) -> Cause | None:
    """Who has no Job, and never had one, did not lose it."""
    if seen.state == "gone" and "uid" not in handle and seen.cause == observed.JOB_DELETED:
        return NEVER_MADE
    return None if sealed and seen.cause == observed.JOB_DELETED else seen.cause
