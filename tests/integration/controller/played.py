"""An operator's engine in a cluster that is played: objects are remembered, and pods run when the test says so.

The engine, the store and the model server are real; what pods would hand in, `Played` puts into the store.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from tests.integration.engine.drifting import NAME

from evallab.api.job import Benchmark, EvalJob, Model, Serve, WeightsSource
from evallab.api.provider import K8sRuntime, Provider, ProviderRuntime
from evallab.controller import parts
from evallab.controller.model_servers import ClusterModels
from evallab.engine.observing import Standing
from evallab.engine.reconcile import Engine
from evallab.kubeapi.interface import JOB, POD, ClusterApi, Json, Kind
from evallab.planning.cluster import labels
from evallab.planning.cluster.plan import ClusterConfig
from evallab.planning.views import Plan
from evallab.runtimes.kubernetes.cache import ClusterCache
from evallab.store.interface import BenchmarkRow, EventRow, JobRow, JobSnapshot, Store

PROVIDERS = {"demo": Provider(id="demo", runtime=ProviderRuntime(k8s=K8sRuntime(image="evallab/demo:1")))}
CONFIG = ClusterConfig(
    image="evallab/operator:1",
    server_url="http://evallab.evallab.svc:8080",
    model_server_images={"reference": "evallab/demo-model-server:1"},
)
UID = "5f0c2f5e-0d7c-4a3f-9a53-3b1c2b7a9e10"
SERVED = Model(name=NAME, serve=Serve(runtime="reference", source=WeightsSource(bundled="demo-f16")))


@dataclass
class Remembered:
    """An API server that takes everything, and counts what it is asked to change."""

    objects: dict[tuple[str, str, str], Json] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)

    async def create(self, kind: Kind, namespace: str, body: Json, **_: Any) -> Json:
        name = body["metadata"]["name"]
        now = datetime.now(UTC).isoformat()
        metadata = {**body["metadata"], "uid": f"uid-of-{name}", "resourceVersion": "1", "creationTimestamp": now}
        self.writes.append(kind.name)
        return self.objects.setdefault((kind.plural, namespace, name), {**body, "metadata": metadata})

    async def get(self, kind: Kind, namespace: str, name: str) -> Json | None:
        return self.objects.get((kind.plural, namespace, name))

    async def list(self, *_: Any, **__: Any) -> list[Json]:
        return []

    async def delete(self, kind: Kind, namespace: str, name: str, **_: Any) -> None:
        self.objects.pop((kind.plural, namespace, name), None)

    async def log(self, *_: Any, **__: Any) -> bytes:
        return b""


@dataclass
class Played:
    """One operator's parts; its successor has its own."""

    api: Remembered
    store: Store
    made: parts.Parts
    woken: asyncio.Queue[str]

    def __post_init__(self) -> None:
        self.engine = Engine(self.made.ports)
        self.cache = cast("ClusterCache", self.made.cache)

    async def submit(self, **spec: Any) -> None:
        """Take a job in, as `intake` does."""
        benchmarks = (Benchmark(provider_id="demo", id="b"),)
        job = EvalJob(**{"name": "played", "model": SERVED, "benchmarks": benchmarks, "retries": 0, **spec})
        row = JobRow(
            id=UID,
            name=job.name,
            spec=job,
            state="pending",
            created_at=datetime.now(UTC),
            runtime="kubernetes",
            tenant="team",
            resource=job.name,
        )
        benchmark = BenchmarkRow(job_id=UID, index=0, provider_id="demo", benchmark_id="b")
        await self.store.create_job(row, [benchmark], actor="test")

    async def look(self) -> tuple[JobSnapshot, Plan]:
        """Reconcile once."""
        return await self.engine.reconcile(UID, Standing(parallel=9))

    async def until(self, there: Callable[[], Awaitable[bool]]) -> None:
        """Reconcile until something is so; between two looks wait for whoever wakes the job, or a moment."""
        async with asyncio.timeout(120):
            while not await there():
                await self.look()
                await asyncio.sleep(0.02)

    def jobs(self, role: str) -> list[Json]:
        return [
            body for (plural, *_), body in self.api.objects.items()
            if plural == "jobs" and labels.get(body, labels.ROLE) == role
        ]  # fmt: skip

    async def attempt_is_there(self) -> bool:
        return bool(self.jobs(labels.ATTEMPT_ROLE))

    def runs(self, role: str, container: str) -> str:
        """Have the pod of a Job run and answer its probe; return its name."""
        [job] = self.jobs(role)
        now = datetime.now(UTC).isoformat()
        metadata = {
            "name": f"{job['metadata']['name']}-pod",
            "namespace": "team",
            "uid": f"pod-of-{role}",
            "resourceVersion": "2",
            "creationTimestamp": now,
            "labels": job["metadata"]["labels"],
            "ownerReferences": [{"uid": job["metadata"]["uid"]}],
        }
        status = {"name": container, "ready": True, "state": {"running": {"startedAt": now}}}
        body = {"metadata": metadata, "spec": {}, "status": {"phase": "Running", "containerStatuses": [status]}}
        self.cache.put(POD, body)
        return f"team/{metadata['name']}"

    async def reports(self, body: Json) -> None:
        """Post an event of the attempt."""
        [job] = self.jobs(labels.ATTEMPT_ROLE)
        attempt = labels.note(job, labels.ATTEMPT_ID)
        event = EventRow(id=f"{attempt}-{body}"[:60], attempt_id=attempt, received_at=datetime.now(UTC), body=body)
        await self.store.add_event(event)

    async def ends(self) -> None:
        """Have the attempt hand in its result, and its pod and Job be over."""
        metrics = {"acc": 0.75}
        await self.reports({"status": "completed", "metrics": metrics, "results": {"metrics": metrics}})
        [job] = self.jobs(labels.ATTEMPT_ROLE)
        await self.store.seal(labels.note(job, labels.ATTEMPT_ID), {"files": [], "events": 1}, now=datetime.now(UTC))
        done = {**job, "status": {"conditions": [{"type": "Complete", "status": "True"}]}}
        done["metadata"] = {**job["metadata"], "resourceVersion": "3"}
        for pod in self.cache.pods_of(labels.note(job, labels.ATTEMPT_ID)):
            self.cache.drop(POD, pod)
        self.cache.put(JOB, done)


@asynccontextmanager
async def playing(
    store: Store,
    database_url: str,
    scratch: Path,
    *,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    api: Remembered | None = None,
    exporter: str = "",
) -> AsyncIterator[Played]:
    """Run one operator's engine, whose model server answers at `url`; leave like one that is told to end."""
    monkeypatch.setattr(ClusterModels, "url", lambda _, job: url if job.spec.model.serve else job.spec.model.url or "")
    woken: asyncio.Queue[str] = asyncio.Queue()
    api = api or Remembered()
    ground = parts.Ground(
        config=ClusterConfig(**{**_fields(CONFIG), "dcgm_service": exporter}),
        store=store,
        api=cast("ClusterApi", api),
        providers=PROVIDERS,
        scratch=scratch,
        database_url=database_url,
        wake=woken.put_nowait,
    )
    made = parts.of(ground)
    try:
        yield Played(api=api, store=store, made=made, woken=woken)
    finally:
        await made.close()


def _fields(config: ClusterConfig) -> dict[str, Any]:
    return {name: getattr(config, name) for name in config.__dataclass_fields__}
