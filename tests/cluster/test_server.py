"""The server in a cluster: real processes, a real API server with real roles, a real Postgres; no pods are needed."""

import asyncio
import json
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from psycopg import sql
from tests.acceptance.evalhub.sdk_environment import sdk_environment
from tests.cluster.kubelet import kubelet
from tests.cluster.replicas import CRDS, DYING, INSTALLATION, JOBS, SDK, Replica, Tenant, error, request
from tests.cluster.running import Cluster

from evallab.api.v1alpha1 import rest_notes
from evallab.api.v1alpha1.rest_notes import RestNotes
from evallab.catalog import load
from evallab.controller.intake import Intake
from evallab.controller.objects import known as known_object
from evallab.engine.recording import Owner
from evallab.planning.cluster.config import read as read_installation
from evallab.planning.subject import CheckFacts
from evallab.store import embedded
from evallab.store.artifacts import ArtifactFiles
from evallab.store.blobs import Blobs
from evallab.store.connection import open_store
from evallab.store.interface import AttemptRow, EventRow
from evallab.store.postgres import PostgresStore

Start = Callable[..., Replica]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A folder that also the account which runs Postgres may enter."""
    path = Path(tempfile.mkdtemp(prefix="evallab-replicas-"))
    path.chmod(0o755)
    yield path
    embedded.stop(path / "postgres")
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def database(home: Path) -> Iterator[str]:
    """An empty database; the connection keeps the server from leaving."""
    (home / "postgres").mkdir(mode=0o755)
    url = embedded.ensure(home / "postgres")
    name = f"cluster_{secrets.token_hex(4)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield urlsplit(url)._replace(path=f"/{name}").geturl()


@pytest.fixture(scope="module")
def known(nodeless: Cluster) -> Cluster:
    """The cluster, which knows EvalJobs."""
    nodeless.kubectl("apply", "--server-side", "--force-conflicts", "--filename", str(CRDS))
    nodeless.wait("crd/evaljobs.evallab.dev", "condition=Established")
    return nodeless


@pytest.fixture(scope="module")
def start(known: Cluster, home: Path, database: str) -> Iterator[Start]:
    """Start replicas of one server."""
    replicas: list[Replica] = []

    def new(**fields: Any) -> Replica:
        place = home / f"replica-{len(replicas)}"
        place.mkdir()
        replicas.append(Replica(cluster=known, home=place, database_url=database, **fields))
        return replicas[-1].start()

    yield new
    for each in replicas:
        if each.process is not None and each.process.poll() is None:
            each.stop()


@pytest.fixture(scope="module")
def one(start: Start) -> Replica:
    return start()


@pytest.fixture(scope="module")
def two(start: Start, one: Replica) -> Replica:
    return start()


@pytest.fixture(scope="module")
def tenant(known: Cluster) -> Tenant:
    return Tenant.made(known)


@pytest.fixture
def client(tenant: Tenant, one: Replica) -> Iterator[httpx.Client]:
    with tenant.client(one) as asking:
        yield asking


@pytest.fixture
def other(tenant: Tenant, two: Replica) -> Iterator[httpx.Client]:
    """The same user, asking the other replica."""
    with tenant.client(two) as asking:
        yield asking


@pytest.fixture
async def store(database: str, one: Replica, home: Path) -> "Iterator[PostgresStore]":  # type: ignore[misc]
    """The store of the replicas, in the role of the operator."""
    async with open_store(url=database, home=home) as opened:
        yield opened


@dataclass(frozen=True)
class Shared:
    """What replicas and operator share."""

    store: PostgresStore
    files: ArtifactFiles


@pytest.fixture
def shared(store: PostgresStore, database: str, tmp_path: Path) -> Shared:
    return Shared(store, ArtifactFiles(tmp_path / "artifacts", Blobs(database)))


def posted(client: httpx.Client, key: str | None = None, **more: Any) -> tuple[str, httpx.Response]:
    """Post a job and return its id."""
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = client.post(JOBS, json=request(**more), headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json()["resource"]["id"], answer


def test_a_job_is_an_object_whose_uid_is_its_id_and_its_answers_outlive_it(
    tenant: Tenant, client: httpx.Client
) -> None:
    asked = request("Nightly run", tags=["a", "b"], custom={"mine": [1]})
    answer = client.post(JOBS, json=asked)
    made = tenant.object("nightly-run")
    assert made is not None
    resource = answer.json()["resource"]
    del resource["created_at"]
    assert resource == {"id": made["metadata"]["uid"], "tenant": tenant.name, "owner": tenant.user}
    assert made["spec"]["model"] == {"name": "tiny", "url": "http://models.example/v1"}
    assert made["spec"]["benchmarks"] == [{"id": "sums", "providerId": "demo"}]
    notes = rest_notes.read(made["metadata"]["annotations"], made["metadata"]["name"])
    assert (notes.request, notes.key, notes.owner) == (asked, None, tenant.user)

    before = client.get(f"{JOBS}/{resource['id']}").json()
    assert (before["status"]["state"], before["name"], before["tags"]) == ("pending", "Nightly run", ["a", "b"])
    tenant.cluster.kubectl("delete", "ej", "nightly-run", namespace=tenant.name)
    assert client.get(f"{JOBS}/{resource['id']}").json() == before
    assert [each["resource"]["id"] for each in client.get(JOBS).json()["items"]] == [resource["id"]]


def test_a_name_that_is_taken_makes_another_object(tenant: Tenant, client: httpx.Client) -> None:
    first, _ = posted(client, name="Again!")
    second, answer = posted(client, name="Again!")
    names = {each["metadata"]["uid"]: each["metadata"]["name"] for each in tenant.objects()}
    assert first != second
    assert names[first] == "again"
    assert names[second].startswith("again-")
    assert answer.json()["name"] == client.get(f"{JOBS}/{second}").json()["name"] == "Again!"


def test_the_same_key_makes_one_object_here_and_at_another_replica(
    tenant: Tenant, client: httpx.Client, other: httpx.Client
) -> None:
    first, answer = posted(client, key="Deploy 17")
    again, replay = posted(client, key="Deploy 17")
    elsewhere, far = posted(other, key="Deploy 17")
    assert again == elsewhere == first
    assert [each.headers.get("idempotent-replay") for each in (answer, replay, far)] == [None, "true", "true"]
    assert [each["metadata"]["name"][:-10] for each in tenant.objects() if each["metadata"]["uid"] == first] == [
        "deploy-17-"
    ]
    refused = other.post(JOBS, json=request("else"), headers={"Idempotency-Key": "Deploy 17"})
    assert error(refused)[:2] == (422, "idempotency_key_reused")


def test_two_replicas_at_once_make_one_object(tenant: Tenant, client: httpx.Client, other: httpx.Client) -> None:
    for number in range(5):
        together, key = threading.Barrier(2), f"race-{number}"

        def post(asking: httpx.Client, together: threading.Barrier = together, key: str = key) -> str:
            together.wait()
            return posted(asking, key=key)[0]

        with ThreadPoolExecutor(2) as pool:
            ids = list(pool.map(post, (client, other)))
        made = [each for each in tenant.objects() if each["metadata"]["name"].startswith(f"{key}-")]
        assert {*ids} == {each["metadata"]["uid"] for each in made}
        assert len(made) == 1


def test_killed_between_object_and_row_nothing_is_lost_or_doubled(
    tenant: Tenant, start: Start, client: httpx.Client
) -> None:
    made, notes = _orphan(tenant, start, "unlucky")
    again, answer = posted(client, key="unlucky", name="Un lucky")
    assert (again, answer.headers.get("idempotent-replay")) == (made["metadata"]["uid"], "true")
    assert client.get(f"{JOBS}/{again}").json()["name"] == "Un lucky"
    assert (notes.request, notes.key, notes.owner) == (request("Un lucky"), "unlucky", tenant.user)
    refused = client.post(JOBS, json=request("else"), headers={"Idempotency-Key": "unlucky"})
    assert error(refused)[:2] == (422, "idempotency_key_reused")


async def test_the_operator_stores_what_the_server_could_not(
    tenant: Tenant, start: Start, one: Replica, store: PostgresStore
) -> None:
    made, notes = await asyncio.to_thread(_orphan, tenant, start, "taken-in")
    client = tenant.client(one)
    uid = made["metadata"]["uid"]
    config = read_installation(INSTALLATION).cluster
    catalog = load(one.home / "config")
    intake = Intake(store=store, catalog=catalog, config=config, facts=CheckFacts(), now=lambda: NOW)
    await intake.take(known_object(made))
    row = (await store.snapshot(uid)).job
    found = {"request": row.request, "idempotency_key": row.idempotency_key, "request_hash": row.request_hash}
    assert found | {"owner": row.owner} == notes.fields()
    assert (row.name, row.tenant, row.resource) == ("Un lucky", tenant.name, made["metadata"]["name"])

    copied = {**made, "metadata": {**made["metadata"], "uid": f"copy-of-{uid}"}}  # deleted, and applied once more
    await intake.take(known_object(copied))
    copy = (await store.snapshot(f"copy-of-{uid}")).job
    assert (copy.idempotency_key, copy.request, copy.owner) == (None, row.request, row.owner)

    seen = await asyncio.to_thread(client.get, f"{JOBS}/{uid}")
    assert seen.json()["resource"]["owner"] == tenant.user
    again, _ = await asyncio.to_thread(posted, client, "taken-in", name="Un lucky")
    assert again == uid
    assert (await store.snapshot(uid)).job == row
    client.close()


def _orphan(tenant: Tenant, start: Start, key: str) -> tuple[dict[str, Any], RestNotes]:
    """Have a server killed after it made an object; return the object, and what it carries."""
    dying = start(program=(sys.executable, "-c", DYING))
    with tenant.client(dying) as asking, pytest.raises(httpx.HTTPError):
        posted(asking, key=key, name="Un lucky")
    (made,) = [each for each in tenant.objects() if each["metadata"]["name"].startswith(f"{key}-")]
    return made, rest_notes.read(made["metadata"]["annotations"], made["metadata"]["name"])


def test_who_may_not_is_refused(tenant: Tenant, one: Replica, known: Cluster) -> None:
    reader = Tenant.made(known, verbs="get,list", name=tenant.name, account="reader")
    nobody = Tenant(known, tenant.name, "nobody")
    known.kubectl("create", "serviceaccount", "nobody", namespace=tenant.name)
    jobs, said = f"{one.url}{JOBS}", {"X-Tenant": tenant.name}

    def bearer(token: str) -> dict[str, str]:
        return {**said, "Authorization": f"Bearer {token}"}

    assert error(httpx.get(jobs, headers=said))[:2] == (401, "unauthenticated")
    assert error(httpx.get(jobs, headers=bearer("no-token")))[:2] == (401, "unauthenticated")
    attempts = tenant.token("--audience=evallab/attempt/1")
    assert error(httpx.get(jobs, headers=bearer(attempts)))[:2] == (401, "unauthenticated")
    assert error(httpx.get(jobs, headers={"Authorization": f"Bearer {tenant.token()}"}))[:2] == (
        400,
        "missing_tenant_header",
    )
    assert error(httpx.get(jobs, headers=bearer(nobody.token()))) == (
        403,
        "forbidden",
        f'{nobody.user} may not list evaljobs.evallab.dev in namespace "{tenant.name}". '
        "Ask for a Role that allows it, and a RoleBinding.",
    )
    may_read = bearer(reader.token())
    assert httpx.get(jobs, headers=may_read).status_code == 200
    assert error(httpx.post(jobs, json=request(), headers=may_read))[:2] == (403, "forbidden")
    assert error(httpx.get(f"{one.url}/api/v1/evaluations/unknown", headers=said))[:2] == (401, "unauthenticated")
    opened = ("/api/v1/health", "/livez", "/readyz", "/openapi.yaml", "/docs", "/api/v1/version")
    assert {path: httpx.get(f"{one.url}{path}").status_code for path in opened} == dict.fromkeys(opened, 200)
    door = httpx.post(f"{one.url}/a/1/seal", json={}, headers=bearer(tenant.token()))
    assert error(door)[:2] == (401, "invalid_callback_token")


def test_a_tenant_sees_its_own_and_nobody_is_whom_they_say_they_are(
    known: Cluster, tenant: Tenant, client: httpx.Client, one: Replica
) -> None:
    mine, answer = posted(client, name="mine")
    liar = client.post(JOBS, json=request("liar"), headers={"X-User": "system"})
    assert answer.json()["resource"]["owner"] == liar.json()["resource"]["owner"] == tenant.user
    with Tenant.made(known).client(one) as stranger:
        assert error(stranger.get(f"{JOBS}/{mine}"))[:2] == (404, "resource_not_found")
        assert error(stranger.delete(f"{JOBS}/{mine}"))[:2] == (404, "resource_not_found")
        assert stranger.get(JOBS).json()["items"] == []
        theirs = stranger.get(f"{JOBS}/{mine}", headers={"X-Tenant": tenant.name})
        assert error(theirs)[:2] == (403, "forbidden")


def test_cancelling_says_so_in_the_object_and_at_once(tenant: Tenant, client: httpx.Client) -> None:
    job_id, _ = posted(client, name="to-cancel")
    assert client.delete(f"{JOBS}/{job_id}").status_code == 204
    made = tenant.object("to-cancel")
    assert made is not None
    assert made["spec"]["cancelled"] is True
    assert client.get(f"{JOBS}/{job_id}").json()["status"]["state"] == "cancelled"
    assert client.delete(f"{JOBS}/{job_id}").status_code == 204
    refused = client.post(f"{JOBS}/{job_id}/suspend")
    assert error(refused)[:2] == (409, "job_can_not_be_updated")


def test_a_job_whose_object_is_gone_is_cancelled_and_one_of_the_same_name_is_not(
    tenant: Tenant, client: httpx.Client
) -> None:
    first, _ = posted(client, name="reborn")
    tenant.cluster.kubectl("delete", "ej", "reborn", namespace=tenant.name)
    second, _ = posted(client, name="reborn")
    assert client.delete(f"{JOBS}/{first}").status_code == 204
    made = tenant.object("reborn")
    assert made is not None
    assert (made["metadata"]["uid"], made["spec"].get("cancelled", False)) == (second, False)
    assert [client.get(f"{JOBS}/{each}").json()["status"]["state"] for each in (first, second)] == [
        "cancelled",
        "pending",
    ]
    assert client.delete(f"{JOBS}/{first}?hard_delete=true").status_code == 204
    assert tenant.object("reborn") == made


def test_deleting_for_good_deletes_the_object(tenant: Tenant, client: httpx.Client) -> None:
    job_id, _ = posted(client, name="to-delete", key="delete me")
    assert client.delete(f"{JOBS}/{job_id}?hard_delete=true").status_code == 204
    assert error(client.get(f"{JOBS}/{job_id}"))[:2] == (404, "resource_not_found")
    assert [each for each in tenant.objects() if each["metadata"]["uid"] == job_id] == []
    again, _ = posted(client, name="to-delete", key="delete me")
    assert again != job_id


def test_suspended_and_resumed(tenant: Tenant, client: httpx.Client) -> None:
    job_id, _ = posted(client, name="to-wait")
    assert client.post(f"{JOBS}/{job_id}/suspend").status_code == 202
    made = tenant.object("to-wait")
    assert made is not None
    assert made["spec"]["suspend"] is True
    assert client.post(f"{JOBS}/{job_id}/resume").status_code == 202
    made = tenant.object("to-wait")
    assert made is not None
    assert made["spec"]["suspend"] is False
    assert error(client.post(f"{JOBS}/{job_id}/resume"))[:2] == (409, "job_can_not_be_updated")
    tenant.cluster.kubectl("delete", "ej", "to-wait", namespace=tenant.name)
    assert error(client.post(f"{JOBS}/{job_id}/suspend")) == (
        400,
        "not_supported",
        f"The job {job_id} cannot be suspended: its EvalJob object is gone; what was measured stays. "
        "Post the job again.",
    )


def test_what_the_cluster_does_not_take_is_refused_with_its_words(known: Cluster, tenant: Tenant, one: Replica) -> None:
    with tenant.client(one) as client:
        unknown = client.post(JOBS, json=request(benchmarks=[{"id": "none", "provider_id": "demo"}]))
        assert error(unknown)[:2] == (400, "resource_does_not_exist")
        local = request(benchmarks=[{"id": "sums", "provider_id": "demo", "test_data_ref": {"path": "/data"}}])
        assert error(client.post(JOBS, json=local))[1:] == (
            "request_validation_failed",
            "The request validation failed: 'spec.benchmarks[0].testDataRef.path: is a path on one computer, which "
            "pods do not see; use hf, http, git, s3, pvc or bundled'. Please check the request and try again.",
        )
        described = {"name": "mine", "title": "Mine", "benchmarks": [{"id": "q", "name": "Q", "category": "c"}]}
        made = client.post("/api/v1/evaluations/providers", json=described).json()["resource"]["id"]
        mine = request(benchmarks=[{"id": "q", "provider_id": made}])
        assert error(client.post(JOBS, json=mine))[:2] == (400, "not_supported")
        known.kubectl("create", "quota", "none", "--hard=count/evaljobs.evallab.dev=0", namespace=tenant.name)
        try:
            one.until(lambda: _is_over_quota(client), what="the quota to be enforced")
        finally:
            known.kubectl("delete", "quota", "none", namespace=tenant.name)


def _is_over_quota(client: httpx.Client) -> bool:
    answer = client.post(JOBS, json=request("over-quota"))
    return answer.status_code == 403 and error(answer)[1] == "refused_by_cluster"


async def test_a_stream_hears_what_another_process_did(
    tenant: Tenant, client: httpx.Client, two: Replica, store: PostgresStore
) -> None:
    job_id, _ = await asyncio.to_thread(posted, client, name="followed")
    headers = {"Authorization": f"Bearer {tenant.token()}", "X-Tenant": tenant.name}
    async with (
        httpx.AsyncClient(base_url=two.url, headers=headers, timeout=60) as asking,
        asking.stream("GET", f"{JOBS}/{job_id}/stream") as stream,
    ):
        lines = stream.aiter_lines()
        assert await _line(lines, "event: status") == "event: status"
        attempt = await _running(store, job_id)
        body = {
            "provider_id": "demo",
            "id": "sums",
            "benchmark_index": 0,
            "status": "running",
            "phase": "running_evaluation",
        }
        await store.add_event(EventRow(id="e1", attempt_id=attempt.id, received_at=NOW, body=body))
        assert '"phase":"running_evaluation"' in await _line(lines, "data: ", then="running_evaluation")
    by_hand = {"benchmark_status_event": {**body, "status": "completed", "metrics": {"acc": 1.0}}}
    taken = await asyncio.to_thread(lambda: client.post(f"{JOBS}/{job_id}/events", json=by_hand))
    assert taken.status_code == 204, taken.text
    seen = (await asyncio.to_thread(lambda: client.get(f"{JOBS}/{job_id}"))).json()
    assert [each["status"] for each in seen["status"]["benchmarks"]] == ["completed"]


async def _line(lines: Any, begin: str, then: str = "") -> str:
    async with asyncio.timeout(20):
        async for line in lines:
            if line.startswith(begin) and then in line:
                return str(line)
    raise AssertionError(f"no line {begin!r}")


async def _running(store: PostgresStore, job_id: str, number: int = 1, state: Any = "running") -> AttemptRow:
    row = AttemptRow(id=f"{job_id}-{number}", job_id=job_id, index=0, number=number, state=state, created_at=NOW)
    await store.save_attempt(row)
    return row


def pod(attempt: AttemptRow, node: str) -> dict[str, Any]:
    """Return a pod as the runtime makes it, as far as logs need it."""
    container = {"name": "adapter", "image": "docker.io/evallab/demo:1"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"pod-{attempt.number}", "labels": {"evallab.dev/attempt": attempt.id}},
        "spec": {"nodeName": node, "containers": [container], "restartPolicy": "Never"},
    }


async def test_logs_of_pods_and_what_is_kept_of_them(
    tenant: Tenant, client: httpx.Client, other: httpx.Client, shared: Shared, tmp_path: Path
) -> None:
    store, files = shared.store, shared.files
    job_id, _ = await asyncio.to_thread(posted, client, name="logged")
    path, node = f"{JOBS}/{job_id}/logs", f"node-{secrets.token_hex(3)}"

    async def text(asking: httpx.Client, **query: Any) -> str:
        return (await asyncio.to_thread(lambda: asking.get(path, params=query))).text

    head = "=== pod={} container=adapter benchmark_id=sums ===\n"
    assert await text(client) == head.format("unknown")
    first = await _running(store, job_id, state="failed")
    (tmp_path / "jobrun.log").write_text("the first attempt\n")
    kept = files.store_file(
        tmp_path / "jobrun.log", kind="log", name="jobrun.log", owner=Owner(job_id=job_id, index=0, attempt_id=first.id)
    )
    await store.add_artifact(kept)
    second = await _running(store, job_id, 2)
    with kubelet(tenant.cluster, tmp_path, node) as machine:
        tenant.cluster.apply(pod(second, node), namespace=tenant.name)
        machine.write("one", "two", "three")
        assert await text(client) == head.format("pod-2") + "the first attempt\none\ntwo\nthree"
        assert await text(other, tail_lines=2) == head.format("pod-2") + "two\nthree"
        stamped = f"{JOBS}/{job_id}/benchmarks/0/logs?tail_lines=1&timestamps=true"
        assert (await asyncio.to_thread(client.get, stamped)).text == "2026-11-22T12:00:02.5Z three"

        machine.cut_after = [2]  # it is asked again, and sends the last second once more
        following = asyncio.create_task(text(other, follow="true", tail_lines=-1))
        await _until(lambda: len([each for each in machine.asked if "follow" in each]) >= 2)
        machine.write("four", end=True)
        await store.save_attempt(replace(second, state="completed", finished_at=NOW))
        snapshot = await store.snapshot(job_id)
        rows = [replace(each, state="completed", finished_at=NOW) for each in snapshot.benchmarks]
        await store.save_job(replace(snapshot.job, state="completed", finished_at=NOW), rows)
        everything = "the first attempt\none\ntwo\nthree\nfour\n"
        assert (await following).removeprefix(head.format(f"{job_id}-0")) == everything

    (tmp_path / "jobrun.log").write_text("one\ntwo\nthree\nfour\n")
    kept = files.store_file(
        tmp_path / "jobrun.log",
        kind="log",
        name="jobrun.log",
        owner=Owner(job_id=job_id, index=0, attempt_id=second.id),
    )
    await store.add_artifact(kept)
    assert [await text(each) for each in (client, other)] == [head.format("unknown") + everything.rstrip()] * 2


async def _until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not look():  # noqa: ASYNC110 - another thread's doing
            await asyncio.sleep(0.05)


def test_events_by_hand_need_an_attempt(client: httpx.Client) -> None:
    job_id, _ = posted(client, name="by-hand")
    event = {"provider_id": "demo", "id": "sums", "benchmark_index": 0, "status": "running"}
    refused = client.post(f"{JOBS}/{job_id}/events", json={"benchmark_status_event": event})
    assert error(refused)[:2] == (400, "not_supported")


def test_evalhubs_own_client_works_with_a_token_and_a_tenant(tenant: Tenant, one: Replica) -> None:
    asked = json.dumps(request("by the sdk"))
    argv = [str(sdk_environment().python), "-c", SDK, one.url, tenant.token(), tenant.name, asked]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    made = tenant.object("by-the-sdk")
    assert made is not None
    assert json.loads(done.stdout) == [made["metadata"]["uid"], True, "cancelled", tenant.name, True]
    assert made["spec"]["cancelled"] is True


def test_without_authentication_a_default_tenant_will_do(start: Start, tenant: Tenant) -> None:
    settings = {"evallab": {"auth": {"mode": "none", "default_tenant": tenant.name}}}
    open_to_all = start(settings=settings)
    answer = httpx.post(f"{open_to_all.url}{JOBS}", json=request("anybody"), headers={"X-User": "bob"})
    assert (answer.status_code, answer.json()["resource"]["owner"]) == (202, "bob")
    named = {"Host": "evallab.evallab.svc:8080"}
    assert httpx.get(f"{open_to_all.url}{JOBS}", headers=named).status_code == 200
    assert error(httpx.get(f"{open_to_all.url}{JOBS}", headers={"Host": "evil.example"}))[:2] == (
        403,
        "host_not_allowed",
    )
    assert open_to_all.stop() == 0


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("EVALLAB_DATABASE_URL", "A server in a cluster shares a Postgres with the operator, and none is named."),
        ("EVALLAB_CLUSTER_CONFIG", "EVALLAB_CLUSTER_CONFIG does not name the file that describes this installation."),
    ],
)
def test_what_is_missing_is_said(missing: str, sentence: str, one: Replica) -> None:
    environ = {name: value for name, value in one.environ.items() if name != missing}
    argv = [*one.program, "-port", "0", "-host", "127.0.0.1"]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert sentence in done.stderr
