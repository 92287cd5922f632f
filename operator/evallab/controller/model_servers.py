"""The model servers of jobs in a cluster: a Job and a Service for each, seen through the cache of watches.

Called by the reconciler. One server per job, shared by its benchmarks, gone at the end. How often it died is in the
names and annotations of its Jobs and in the job's row, so that another operator goes on counting.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from evallab.api.errors import BenchmarkFailed, EvallabError, UsageError
from evallab.api.job import Serve
from evallab.api.provider import Provider
from evallab.controller.server_commands import command, identity
from evallab.engine.in_process import Loaded
from evallab.kubeapi.interface import JOB, NETWORK_POLICY, SERVICE, ClusterApi, Json
from evallab.modelserver.interface import ServerCommand
from evallab.modelserver.readiness import remedy_for
from evallab.planning.cluster import labels, names, observed, reading
from evallab.planning.cluster.model_server import CONTAINER, server_image, server_objects
from evallab.planning.cluster.observed import Seen
from evallab.planning.cluster.plan import ClusterConfig, Owner, ServerPlan
from evallab.planning.conclusion import DISRUPTIONS
from evallab.planning.prompting import scores_prompts
from evallab.planning.views import ModelView
from evallab.runtimes.kubernetes import asking
from evallab.runtimes.kubernetes.cache import ClusterCache
from evallab.runtimes.kubernetes.creating import create_all
from evallab.store.interface import BenchmarkRow, JobRow

ASK_S = 2.0  #: between two questions for the events of a server that does not get on
READY_TIMEOUT_S = 600.0  #: since its container runs; weights are read and compiled then
VLLM_READY_S = 3600.0  #: which fetches them from the hub besides
_GONE: frozenset[str] = frozenset({"gone", "over"})


@dataclass
class _Known:
    """What this process knows of a job's server beyond what the cluster shows."""

    deaths: int = 0
    was_ready: bool = False  #: this start
    failure: str = ""
    died: bool = False
    resumed_at: datetime | None = None
    stopped: set[str] = field(default_factory=set)  #: uids of Jobs that were told to end
    events: list[Json] = field(default_factory=list)
    workload: Json | None = None
    asked_at: datetime | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def fail(self, why: str, *, died: bool) -> None:
        """Note that this start is of no use any more; who does not come back after a death has died again."""
        if not self.failure:
            self.failure, self.died = why, died or self.deaths > 0
            self.deaths += self.died


async def _nothing(_job_id: str, _pod: Json) -> None:
    """Keep nothing."""


@dataclass(kw_only=True)
class ClusterModels:
    """Model servers by job."""

    api: ClusterApi
    cache: ClusterCache
    config: ClusterConfig
    now: Callable[[], datetime]
    providers: Mapping[str, Provider] = field(default_factory=dict)
    keep: Callable[[str, Json], Awaitable[None]] = _nothing  #: keeps the log of a job's pod that is to end
    _known: dict[str, _Known] = field(default_factory=dict)

    def view(self, job: JobRow) -> ModelView:
        """Return what `decide` needs to know of the job's server."""
        serve = job.spec.model.serve
        if serve is None:
            return ModelView()
        known, found = self._of(job), self._job(job)
        if found is None:
            return _absent(known)
        seen = self._seen(job, found, known)
        known.was_ready = known.was_ready or seen.ready
        if seen.executed:
            known.facts["executed"] = seen.executed
        self._judge(job, serve, seen, known)
        if known.failure:
            return ModelView(state=_end(known), message=known.failure, up=True, deaths=known.deaths)
        state: Literal["ready", "starting"] = "ready" if seen.ready else "starting"
        return ModelView(state=state, message=seen.why, up=True, deaths=known.deaths)

    def _of(self, job: JobRow) -> _Known:
        known = self._known.get(job.id)
        if known is None or (known.resumed_at != job.resumed_at and self._job(job) is None):
            known = _remembered(job, fresh=known is not None)
            self._known[job.id] = known
        return known

    def _job(self, job: JobRow) -> Json | None:
        """Return the newest Job of the server that nobody has told to end."""
        stopped = self._known[job.id].stopped if job.id in self._known else set()
        going = [
            each
            for each in self.cache.servers_of(job.id)
            if not reading.deleted(each) and each["metadata"].get("uid") not in stopped
        ]
        return max(going, key=_start, default=None)

    def _seen(self, job: JobRow, found: Json, known: _Known) -> Seen:
        return observed.seen(
            found,
            self._pods(job, found),
            known.events,
            now=self.now(),
            config=self.config,
            workload=known.workload,
            container=CONTAINER,
        )

    def _judge(self, job: JobRow, serve: Serve, seen: Seen, known: _Known) -> None:
        """Note what ends this start: it ended by itself, cannot run here, or is not ready in time."""
        if seen.state in _GONE:
            disrupted = seen.cause is not None and seen.cause.reason in DISRUPTIONS
            known.fail(_how_it_ended(seen), died=known.was_ready or disrupted)
        elif seen.cause:
            known.fail(f"The model server cannot run. {seen.cause.sentence}", died=seen.cause.reason in DISRUPTIONS)
        elif not known.was_ready and (late := self._late(job, serve, seen)):
            known.fail(late, died=False)

    def _late(self, job: JobRow, serve: Serve, seen: Seen) -> str:
        limit = serve.ready_timeout_seconds or (VLLM_READY_S if serve.runtime == "vllm" else READY_TIMEOUT_S)
        if seen.state == "running":
            if reading.seconds(seen.started_at, self.now()) < limit:
                return ""
            return f"The model server was not ready within {limit:g} s. See its log: kubectl logs {seen.pod}."
        found = self._job(job)
        if reading.seconds(reading.created(found or {}), self.now()) < job.spec.pending_deadline_seconds:
            return ""
        return f"The model server waited for a place longer than pendingDeadlineSeconds. {seen.why}".strip()

    async def look(self, job: JobRow) -> None:
        """Ask why a server does not get on, unless it was asked just now; called before `view`, which cannot wait."""
        found = self._job(job) if job.spec.model.serve else None
        if found is None:
            return
        known, now = self._of(job), self.now()
        pods = self._pods(job, found)
        waits = observed.quiet(found, pods, now) or bool(found.get("spec", {}).get("suspend"))
        if waits and (known.asked_at is None or reading.seconds(known.asked_at, now) >= ASK_S):
            known.asked_at = now
            known.events = await asking.events(self.api, found, pods)
            known.workload = await asking.workload(self.api, found)

    def _pods(self, job: JobRow, found: Json) -> list[Json]:
        uid = found["metadata"].get("uid")
        return [each for each in self.cache.server_pods_of(job.id) if _of_job(each, uid)]

    def url(self, job: JobRow) -> str:
        """Return the base URL (ending in /v1) that sidecars ask."""
        if job.spec.model.serve is None:
            return job.spec.model.url or ""
        told = command(job.spec.model.serve, job.spec.model.name)
        owner = _owner(job)
        return f"http://{names.server_service(owner)}.{owner.namespace}.svc:{told.port}{told.base_path}"

    def record(self, job: JobRow) -> dict[str, Any] | None:
        """Return what is worth keeping: how the server was started, its weights' fingerprint, the image that ran."""
        known, serve = self._known.get(job.id), job.spec.model.serve
        if known is None or serve is None:
            return job.model_server
        record: dict[str, Any] = {"runtime": serve.runtime, "served_name": job.spec.model.name, **known.facts}
        said = {"failure": known.failure, "deaths": known.deaths, "died": known.died, "was_ready": known.was_ready}
        return (job.model_server or {}) | record | {name: value for name, value in said.items() if value}

    def loaded(self, job: JobRow) -> Loaded | None:
        """Return nothing: in a cluster no adapter loads a model."""

    def told(self, job: JobRow, row: BenchmarkRow) -> str | None:
        """Say nothing: what a server waits for in a cluster is in its view."""

    async def start(self, job: JobRow) -> None:
        """Start the job's server, or again if it died. A failure shows in `view`. Raises KubernetesUnavailable."""
        serve = job.spec.model.serve
        if serve is None or self._job(job) is not None:
            return
        known = self._of(job)
        known.failure, known.died, known.was_ready, known.events, known.workload = "", False, False, [], None
        try:
            told = command(serve, job.spec.model.name, scores_prompts=scores_prompts(job.spec, self.providers))
            known.facts |= {"argv": list(told.argv), **({"env": dict(told.env)} if told.passes else {})}
            known.facts |= await asyncio.to_thread(identity, serve)
            plan = self._plan(job, serve, told, known.deaths)
            await create_all(self.api, self.cache, server_objects(plan, self.config), job.id)
        except (UsageError, BenchmarkFailed, OSError) as error:
            known.fail(f"The model server could not be started. {error}", died=False)

    def _plan(self, job: JobRow, serve: Serve, told: ServerCommand, start: int) -> ServerPlan:
        image = server_image(serve, self.config.model_server_images)
        if not image:
            raise UsageError(
                f"This installation names no image for {serve.runtime}.", remedy="Give one in serve.image."
            )
        return ServerPlan(
            owner=_owner(job),
            job=job.spec,
            image=image,
            argv=told.argv,
            env=told.env,
            port=told.port,
            health_path=told.health_path,
            start=start,
        )

    async def stop(self, job_id: str) -> None:
        """End the job's server, if there is one. Raises KubernetesUnavailable."""
        known = self._known.setdefault(job_id, _Known())
        for body in self.cache.servers_of(job_id):
            metadata = body["metadata"]
            namespace, uid = metadata["namespace"], metadata.get("uid", "")
            owner = Owner(namespace=namespace, name=labels.note(body, labels.EVALJOB), uid=job_id)
            if uid not in known.stopped:
                for pod in (each for each in self.cache.server_pods_of(job_id) if _of_job(each, uid)):
                    await self.keep(job_id, pod)
            for kind, name in (
                (SERVICE, names.server_service(owner)),
                (NETWORK_POLICY, names.server_policy(owner)),
            ):
                await self._delete(kind, namespace, name)
            await self.api.delete(JOB, namespace, metadata["name"], propagation="Foreground", uid=uid or None)
            known.stopped.add(uid)

    async def _delete(self, kind: Any, namespace: str, name: str) -> None:
        try:
            await self.api.delete(kind, namespace, name)
        except EvallabError as error:
            if error.code == "kubernetes_unavailable":
                raise

    def forget(self, job_id: str) -> None:
        """Forget a job that has ended."""
        self._known.pop(job_id, None)


def _owner(job: JobRow) -> Owner:
    return Owner(namespace=job.tenant or "default", name=job.resource or job.name, uid=job.id)


def _remembered(job: JobRow, *, fresh: bool) -> _Known:
    """What an operator before this one wrote down; what was before the job was resumed is forgotten."""
    said = {} if fresh else job.model_server or {}
    return _Known(
        deaths=int(said.get("deaths") or 0),
        was_ready=bool(said.get("was_ready")),
        failure=str(said.get("failure") or ""),
        died=bool(said.get("died")),
        resumed_at=job.resumed_at,
        facts={name: said[name] for name in ("argv", "env", "fingerprint", "weights", "executed") if name in said},
    )


def _absent(known: _Known) -> ModelView:
    """Without a Job: never started, ended on purpose, or gone before anybody saw how."""
    if known.failure:
        return ModelView(state=_end(known), message=known.failure, deaths=known.deaths)
    if known.was_ready and not known.stopped:
        known.fail("The Job of the model server was deleted while it was needed.", died=True)
        return ModelView(state="died", message=known.failure, deaths=known.deaths)
    return ModelView(state="absent", deaths=known.deaths)


def _end(known: _Known) -> Literal["died", "failed"]:
    return "died" if known.died else "failed"


def _start(body: Json) -> int:
    said = labels.note(body, labels.START)
    return int(said) if said.isdecimal() else 0


def _of_job(pod: Json, uid: str | None) -> bool:
    return any(each.get("uid") == uid for each in pod["metadata"].get("ownerReferences") or ())


def _how_it_ended(seen: Seen) -> str:
    last = f" Its last words:\n{seen.message}\n{remedy_for(seen.message)}" if seen.message else ""
    if seen.cause:
        return f"The model server ended. {seen.cause.sentence}{last}"
    code = "" if seen.code is None else f" with code {seen.code}"
    return f"The model server ended{code}.{last}"
