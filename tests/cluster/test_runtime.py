"""The Kubernetes runtime against a real API server with simulated nodes, and a real store.

Pods "run" as annotations say; what a sidecar would hand in is put into the store here.
"""

import asyncio
import hashlib
import secrets
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.operating import evaljob
from tests.cluster.running import Cluster

from evallab.api.errors import BenchmarkFailed
from evallab.api.job import Benchmark, EvalJob, Model, Placement, Serve, TestData, WeightsSource
from evallab.api.provider import K8sRuntime, Provider, ProviderRuntime
from evallab.controller.in_pods import ClusterReception, PodData
from evallab.controller.model_servers import ClusterModels
from evallab.engine.launching import launch
from evallab.kubeapi.client import KubernetesApi
from evallab.kubeapi.interface import CONFIG_MAP, JOB, POD, SERVICE, Kind
from evallab.planning.cluster import labels
from evallab.planning.cluster.plan import ClusterConfig
from evallab.planning.conclusion import Cause
from evallab.runtimes.interface import Launch, Observation
from evallab.runtimes.kubernetes.cache import ClusterCache
from evallab.runtimes.kubernetes.runtime import NEVER_MADE, KubernetesRuntime
from evallab.runtimes.kubernetes.scratch import Scratch
from evallab.store import embedded
from evallab.store.connection import open_store
from evallab.store.interface import AttemptRow, BenchmarkRow, JobRow
from evallab.store.postgres import PostgresStore

CRDS = Path(__file__).parents[2] / "crds"
CONFIG = ClusterConfig(
    image="evallab/operator:test",
    server_url="http://evallab.evallab.svc:8080",
    refused_pod_seconds=3,
    unschedulable_seconds=3,
    model_server_images={"reference": "evallab/demo-model-server:test"},
)
PROVIDER = Provider(id="demo", runtime=ProviderRuntime(k8s=K8sRuntime(image="evallab/adapter:test")))
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A real Postgres of these tests."""
    home = Path(tempfile.mkdtemp(prefix="evallab-runtime-"))
    home.chmod(0o755)
    yield embedded.ensure(home)
    embedded.stop(home)
    shutil.rmtree(home)


@pytest.fixture
async def store(url: str, tmp_path: Path) -> AsyncIterator[PostgresStore]:
    """The store; every test has a job of its own in it."""
    async with open_store(url=url, home=tmp_path) as opened:
        yield opened


@pytest.fixture
async def api(nodeless: Cluster) -> AsyncIterator[KubernetesApi]:
    """The API server."""
    opened = await nodeless.api()
    yield opened
    await opened.close()


@pytest.fixture
def place(nodeless: Cluster) -> Iterator[str]:
    """A namespace of this test's own, with evallab's CRD in the cluster."""
    nodeless.kubectl("apply", "--server-side", "--filename", str(CRDS))
    nodeless.wait("crd/evaljobs.evallab.dev", "condition=Established")
    name = f"rt-{secrets.token_hex(4)}"
    metadata = {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}
    nodeless.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    nodeless.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}})
    yield name
    nodeless.kubectl("delete", "namespace", name, "--wait=false")


@dataclass
class Lab:
    """One job in its namespace, and the parts that run it."""

    cluster: Cluster
    api: KubernetesApi
    store: PostgresStore
    runtime: KubernetesRuntime
    models: ClusterModels
    namespace: str
    job: JobRow

    async def launch(self, *, number: int = 1, notes: dict[str, str] | None = None, **job: Any) -> Launch:
        """Plan an attempt, whose row is in the store; `notes` steer what its pod does."""
        placement = Placement(pod_template={"metadata": {"annotations": notes or {}}})
        row = AttemptRow(id=str(uuid.uuid4()), job_id=self.job.id, index=0, number=number, created_at=datetime.now(UTC))
        await self.store.save_attempt(row)
        spec = self.job.spec.model_copy(update={"placement": placement, **job})
        return launch(
            replace(self.job, spec=spec),
            0,
            number=number,
            concurrency=1.0,
            attempt_id=row.id,
            provider=PROVIDER,
            model_url="https://models.example.com/v1",
            callback_url=ClusterReception().callback_url(row.id),
        )

    async def refresh(self) -> None:
        """Do what watches do."""
        cache = self.runtime.cache
        for kind in (JOB, POD):
            found = await self.api.list(kind, self.namespace, labels=labels.of_job(self.job.id))
            there = {each["metadata"]["uid"] for each in found}
            for body in cache.of_job(kind, self.job.id):
                if body["metadata"]["uid"] not in there:
                    cache.drop(kind, body)
            for body in found:
                cache.put(kind, body)

    async def until(self, handle: dict[str, Any], right: Callable[[Observation], bool]) -> Observation:
        """Look until it is as wanted."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                await self.refresh()
                seen = await self.runtime.observe(handle)
                if right(seen):
                    return seen
                await asyncio.sleep(0.2)

    async def remove_pod(self, name: str) -> None:
        """Delete a pod by hand, and end it as the kubelet of a real node does."""
        await self.api.delete(POD, self.namespace, name, grace_seconds=1)
        await self.api.merge(POD, self.namespace, name, {"status": {"phase": "Failed"}}, subresource="status")

    async def empty(self, *kinds: Kind) -> None:
        """Wait until the namespace has nothing of these kinds."""
        async with asyncio.timeout(PATIENCE_S):
            while any([await self.api.list(kind, self.namespace) for kind in kinds]):  # noqa: ASYNC110
                await asyncio.sleep(0.2)

    async def hand_in(self, attempt_id: str, **files: bytes) -> None:
        """Hand in files and seal, as a sidecar does."""
        named = []
        for name, content in files.items():
            area, file = {"result": ("result", "result.json"), "data": ("meta", "test_data.json")}[name]
            await self.store.put_leaving(attempt_id, area, file, 0, content)
            digest = hashlib.sha256(content).hexdigest()
            named.append({"area": area, "name": file, "bytes": len(content), "sha256": digest})
        assert await self.store.seal(attempt_id, {"files": named, "events": 0}, now=datetime.now(UTC)) == []


@pytest.fixture
async def lab(nodeless: Cluster, place: str, api: KubernetesApi, store: PostgresStore, tmp_path: Path) -> Lab:
    """Everything that these tests need."""
    nodeless.apply(evaljob("nightly"), namespace=place)
    owner = nodeless.get("evaljobs", "nightly", namespace=place)
    assert owner is not None
    spec = EvalJob(
        name="nightly",
        model=Model(name="tiny", url="https://models.example.com/v1"),
        benchmarks=(Benchmark(provider_id="demo", id="b/1:X"),),
    )
    job = JobRow(
        id=owner["metadata"]["uid"],
        name="nightly",
        spec=spec,
        state="pending",
        runtime="kubernetes",
        attached=False,
        created_at=datetime.now(UTC),
        tenant=place,
        resource="nightly",
    )
    row = BenchmarkRow(job_id=job.id, index=0, provider_id="demo", benchmark_id="b/1:X")
    await store.create_job(job, [row], actor="test")
    cache, scratch = ClusterCache(), Scratch(tmp_path / "scratch")
    runtime = KubernetesRuntime(api=api, cache=cache, store=store, config=CONFIG, scratch=scratch, now=_now)
    models = ClusterModels(api=api, cache=cache, config=CONFIG, now=_now)
    return Lab(nodeless, api, store, runtime, models, place, job)


def _now() -> datetime:
    return datetime.now(UTC)


async def test_from_start_to_end(lab: Lab) -> None:
    """It runs, ends, and what it left is here when its end is said; afterwards nothing but its Job stays."""
    wanted = await lab.launch(notes={"evallab.test/run-for": "3s"})
    before = lab.runtime.handle(wanted)
    handle = await lab.runtime.start(wanted)
    assert await lab.runtime.start(wanted) == handle
    assert handle == before | {"uid": handle["uid"]}
    running = await lab.until(handle, lambda seen: seen.state == "running")
    assert (running.cause, running.exit, running.executed["image"]) == (None, None, "evallab/adapter:test")
    await lab.hand_in(wanted.attempt_id, result=b'{"status": "completed"}', data=b'{"sha256": "00"}')
    over = await lab.until(handle, lambda seen: seen.state != "running")
    assert over.exit is not None
    assert (over.state, over.cause, over.exit.code) == ("exited", None, 0)
    left = lab.runtime.leavings(handle)
    assert left.result_file.read_text() == '{"status": "completed"}'
    with_data = lab.job.spec.benchmarks[0].model_copy(update={"test_data": _data()})
    job = replace(lab.job, spec=lab.job.spec.model_copy(update={"benchmarks": (with_data,)}))
    assert PodData(lab.runtime.scratch).record(job, 0) == {"sha256": "00"}
    await lab.runtime.tidy(lab.job.id)
    assert not left.result_file.exists()
    assert await lab.api.list(CONFIG_MAP, lab.namespace, labels=labels.of_job(lab.job.id)) == []
    assert await lab.store.leavings(wanted.attempt_id) == []
    assert await lab.api.get(JOB, lab.namespace, handle["job"]) is not None


def _data() -> TestData:
    return TestData(http="https://example.com/x.jsonl")


async def test_what_did_not_arrive_is_missing(lab: Lab) -> None:
    """An adapter that ended well and handed nothing in has not succeeded."""
    handle = await lab.runtime.start(await lab.launch())
    over = await lab.until(handle, lambda seen: seen.state == "exited")
    assert over.cause is not None
    assert over.cause.reason == "ResultsMissing"


async def test_an_exit_code_is_told(lab: Lab) -> None:
    """The code of the adapter, without a cause from outside."""
    handle = await lab.runtime.start(await lab.launch(notes={"evallab.test/exit-code": "3"}))
    over = await lab.until(handle, lambda seen: seen.state == "exited")
    assert over.exit is not None
    assert (over.exit.code, over.cause) == (3, None)


async def test_stopped(lab: Lab) -> None:
    """Pod and Job go, and nobody waits for the grace period of the sidecar."""
    handle = await lab.runtime.start(await lab.launch(notes={"evallab.test/run-for": "600s"}))
    await lab.until(handle, lambda seen: seen.state == "running")
    await lab.runtime.stop(handle, grace_seconds=1)
    gone = await lab.until(handle, lambda seen: seen.state != "running")
    assert gone.state in {"exited", "vanished"}
    await lab.empty(JOB)
    assert await lab.api.list(POD, lab.namespace) == []


async def test_a_job_that_was_deleted_by_hand(lab: Lab) -> None:
    """Another attempt is made; one whose Job was never made did not lose it."""
    wanted = await lab.launch(notes={"evallab.test/run-for": "600s"})
    assert (await lab.runtime.observe(lab.runtime.handle(wanted))).cause == NEVER_MADE
    handle = await lab.runtime.start(wanted)
    await lab.until(handle, lambda seen: seen.state == "running")
    lab.cluster.kubectl("delete", "job", handle["job"], "--grace-period=1", namespace=lab.namespace)
    gone = await lab.until(handle, lambda seen: seen.state == "vanished")
    assert gone.cause is not None
    assert gone.cause.reason == "JobDeleted"


async def test_a_pod_that_was_deleted_by_hand(lab: Lab) -> None:
    """No second pod is made in its place: that is a new attempt's business."""
    handle = await lab.runtime.start(await lab.launch(notes={"evallab.test/run-for": "600s"}))
    seen = await lab.until(handle, lambda seen: seen.state == "running")
    await lab.remove_pod(seen.executed["pod"])
    gone = await lab.until(handle, lambda seen: seen.state in {"vanished", "exited"})
    assert gone.cause is not None
    assert gone.cause.reason == "PodDeleted"
    there = await lab.api.list(POD, lab.namespace, labels=labels.of_job(lab.job.id))
    assert {each["metadata"]["name"] for each in there} <= {seen.executed["pod"]}


def _found(cause: Cause | None) -> tuple[str, str]:
    assert cause is not None
    return cause.reason, cause.message


async def test_pods_that_a_quota_refuses(lab: Lab) -> None:
    """The Job would stay as it is for ever; its event tells."""
    spec = {"hard": {"pods": "0"}}
    lab.cluster.apply(
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": spec},
        namespace=lab.namespace,
    )
    await asyncio.sleep(1)  # the quota is counted
    handle = await lab.runtime.start(await lab.launch())
    seen = await lab.until(handle, lambda seen: seen.cause is not None)
    reason, message = _found(seen.cause)
    assert (seen.state, reason) == ("waiting", "PodsRejected")
    assert "exceeded quota: none" in message


async def test_a_service_account_that_is_not_there(lab: Lab) -> None:
    """Named, with what to do."""
    lab.runtime.config = replace(CONFIG, service_account="nobody")
    handle = await lab.runtime.start(await lab.launch())
    seen = await lab.until(handle, lambda seen: seen.cause is not None)
    reason, message = _found(seen.cause)
    assert (seen.state, reason) == ("waiting", "PodsRejected")
    assert 'serviceaccount "nobody" not found' in message
    await lab.runtime.stop(handle, grace_seconds=0)
    assert (await lab.until(handle, lambda seen: seen.state == "vanished")).exit is not None


async def test_a_node_that_there_is_not(lab: Lab) -> None:
    """In the words of the scheduler."""
    placement = Placement(node_selector={"no": "where"})
    handle = await lab.runtime.start(await lab.launch(placement=placement))
    seen = await lab.until(handle, lambda seen: seen.cause is not None)
    assert _found(seen.cause)[0] == "Unschedulable"
    assert "node" in seen.why


async def test_objects_that_the_cluster_refuses(lab: Lab) -> None:
    """In the API server's words."""
    placement = Placement(tolerations=({"operator": "Sometimes"},))
    with pytest.raises(BenchmarkFailed, match="Sometimes"):
        await lab.runtime.start(await lab.launch(placement=placement))


async def test_a_name_that_somebody_else_has(lab: Lab) -> None:
    """What belongs to another EvalJob is not taken for ours."""
    wanted = await lab.launch()
    name = lab.runtime.handle(wanted)["job"]
    lab.cluster.kubectl("create", "configmap", name, namespace=lab.namespace)
    with pytest.raises(BenchmarkFailed, match="not of this EvalJob"):
        await lab.runtime.start(wanted)


async def test_a_model_server_lives_and_dies(lab: Lab) -> None:
    """Starting, ready, killed, started again under another name with its deaths counted, stopped."""
    serve = Serve(runtime="reference", source=WeightsSource(bundled="demo-f16"))
    note = {"metadata": {"annotations": {"evallab.test/run-for": "600s"}}}
    spec = lab.job.spec.model_copy(
        update={"model": Model(name="tiny", serve=serve), "placement": Placement(pod_template=note)}
    )
    job = replace(lab.job, spec=spec)
    assert lab.models.view(job).state == "absent"
    kept = list[str]()
    lab.models.keep = _noting(kept)
    await lab.models.start(job)
    assert (await _server(lab, job, "ready")).deaths == 0
    assert lab.models.url(job).endswith(f".{lab.namespace}.svc:8000/v1")
    pod = lab.runtime.cache.server_pods_of(job.id)[0]["metadata"]["name"]
    await lab.remove_pod(pod)
    died = await _server(lab, job, "died")
    assert (died.up, died.deaths) == (True, 1)
    await lab.models.stop(job.id)
    await lab.models.stop(job.id)
    assert (kept, lab.models.view(job).up) == ([pod], False)
    job = replace(job, model_server=lab.models.record(job))
    await lab.refresh()
    other = replace(lab.models, _known={})  # another operator goes on
    assert (other.view(job).state, other.view(job).deaths) == ("died", 1)
    lab.models = other
    await lab.models.start(job)
    assert (await _server(lab, job, "ready")).deaths == 1
    record = lab.models.record(job) or {}
    assert record["fingerprint"]["sha256"]
    assert record["argv"][:4] == ["python", "-m", "evallab.modelserver.reference", "bundled:demo-f16.gguf"]
    await lab.models.stop(job.id)
    await lab.empty(JOB, SERVICE)


def _noting(kept: list[str]) -> Callable[[str, dict[str, Any]], Awaitable[None]]:
    """Return what notes whose log is kept."""

    async def keep(_job_id: str, pod: dict[str, Any]) -> None:
        kept.append(pod["metadata"]["name"])

    return keep


async def _server(lab: Lab, job: JobRow, state: str) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            await lab.refresh()
            await lab.models.look(job)
            if (view := lab.models.view(job)).state == state:
                return view
            await asyncio.sleep(0.2)


async def test_a_model_server_that_nobody_has_an_image_for(lab: Lab) -> None:
    """The reason is told, and nothing is tried again."""
    lab.models.config = replace(CONFIG, model_server_images={})
    serve = Serve(runtime="reference", source=WeightsSource(bundled="demo-f16"))
    job = replace(lab.job, spec=lab.job.spec.model_copy(update={"model": Model(name="tiny", serve=serve)}))
    await lab.models.start(job)
    view = lab.models.view(job)
    assert (view.state, view.up) == ("failed", False)
    assert "names no image for reference" in view.message
