"""The operator as a process, on an API server without nodes: taking in, refusing, suspending, cancelling, crashing.

Pods run nothing here; the results of attempts are put into the store as a sidecar would hand them in.
"""

import asyncio
import random
import secrets
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from tests.cluster.operating import Json, Operator, Operators, conditions, evaljob, operators, played, until
from tests.cluster.running import Cluster

from evallab.store import embedded
from evallab.store.connection import open_store
from evallab.store.postgres import PostgresStore

CRDS = Path(__file__).parents[2] / "crds"
JOB, ATTEMPT = "evallab.dev/job", "evallab.dev/attempt"


@pytest.fixture(scope="module")
def postgres() -> Iterator[tuple[psycopg.Connection, str]]:
    """A real Postgres of these tests, and its URL."""
    home = Path(tempfile.mkdtemp(prefix="evallab-operator-"))
    home.chmod(0o755)
    url = embedded.ensure(home)
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection, url
    embedded.stop(home)
    shutil.rmtree(home)


@pytest.fixture
def database_url(postgres: tuple[psycopg.Connection, str]) -> Iterator[str]:
    """An empty database of this test's own."""
    connection, url = postgres
    name = f"operator_{secrets.token_hex(4)}"
    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield urlsplit(url)._replace(path=f"/{name}").geturl()
    connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
async def store(database_url: str, tmp_path: Path) -> AsyncIterator[PostgresStore]:
    """The store that the operator uses, too."""
    async with open_store(url=database_url, home=tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def ready(nodeless: Cluster) -> Cluster:
    """The cluster, with evallab's CRD."""
    nodeless.kubectl("apply", "--server-side", "--filename", str(CRDS))
    nodeless.wait("crd/evaljobs.evallab.dev", "condition=Established")
    return nodeless


@pytest.fixture
def namespace(ready: Cluster) -> Iterator[str]:
    """A namespace of this test's own."""
    name = f"op-{secrets.token_hex(4)}"
    ready.kubectl("create", "namespace", name)
    yield name
    ready.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def installed(
    ready: Cluster, namespace: str, store: PostgresStore, database_url: str, tmp_path: Path
) -> Iterator[Operators]:
    """Operators to be started."""
    with operators(ready, namespace, database_url, tmp_path) as made:
        yield made


@pytest.fixture
def lab(installed: Operators) -> "Lab":
    """The test's hand on everything."""
    return Lab(installed)


class Lab:
    """One installation: create, look, wait."""

    def __init__(self, installed: Operators) -> None:
        self.operators, self.cluster, self.namespace = installed, installed.cluster, installed.namespace

    def start(self) -> Operator:
        started = self.operators.start()
        until(lambda: started.leads, what="leading")
        return started

    def create(self, *bodies: Json) -> list[str]:
        """Create EvalJobs and return their uids."""
        self.cluster.apply(*bodies, namespace=self.namespace)
        return [self.evaljob(each["metadata"]["name"])["metadata"]["uid"] for each in bodies]

    def evaljob(self, name: str) -> Json:
        found = self.cluster.get("evaljobs", name, namespace=self.namespace)
        assert found is not None
        return found

    def jobs(self, uid: str = "") -> list[Json]:
        return self.cluster.list("jobs", namespace=self.namespace, labels=f"{JOB}={uid}" if uid else "")

    def patch(self, name: str, **spec: object) -> None:
        said = ", ".join(f'"{field}": {str(value).lower()}' for field, value in spec.items())
        self.cluster.kubectl(
            "patch", "evaljob", name, "--type=merge", "--patch", f'{{"spec": {{{said}}}}}', namespace=self.namespace
        )

    def wait(self, name: str, condition: str, *, seconds: int = 60) -> None:
        self.cluster.wait(f"evaljob/{name}", f"condition={condition}", namespace=self.namespace, seconds=seconds)

    def attempts(self, uid: str, *, at_least: int = 1) -> list[str]:
        """Wait for Jobs of attempts, and return the attempts' ids."""
        found = until(lambda: jobs if len(jobs := self.jobs(uid)) >= at_least else [], what="a Job")
        return [each["metadata"]["labels"][ATTEMPT] for each in found]


async def test_from_an_object_to_scores_and_back_into_its_status(lab: Lab, store: PostgresStore) -> None:
    operator = lab.start()
    (uid,) = lab.create(evaljob("one", benchmarks=("b1", "b2")))
    for attempt in lab.attempts(uid, at_least=2):
        await played(store, attempt)
    lab.cluster.kubectl("delete", "pods", "--all", "--wait=false", namespace=lab.namespace)  # their time is over
    lab.wait("one", "Finished")
    body = lab.evaljob("one")
    status, row = body["status"], (await store.snapshot(uid)).job
    assert conditions(body) == {
        "Accepted": "True Accepted",
        "DatasetsReady": "True NoTestData",
        "ModelReady": "True External",
        "Running": "False Completed",
        "ResultsRecorded": "True Recorded",
        "Suspended": "False NotSuspended",
        "Complete": "True Completed",
        "Failed": "False Completed",
        "Finished": "True Completed",
    }
    assert (status["phase"], status["score"], status["jobId"], status["observedGeneration"]) == (
        "Completed",
        "0.75",
        uid,
        1,
    )
    assert (row.state, row.runtime, row.tenant, row.resource) == ("completed", "kubernetes", lab.namespace, "one")
    assert operator.asked("/readyz") == (200, "ok")
    assert operator.asked("/healthz") == (200, "ok")


async def test_bad_jobs_are_refused_with_reasons_and_delay_nobody(lab: Lab, store: PostgresStore) -> None:
    lab.start()
    bad = {
        "no-benchmark": (evaljob("no-benchmark", benchmarks=("nope",)), "BenchmarkNotFound"),
        "no-provider": (
            evaljob("no-provider") | {"spec": evaljob("x")["spec"] | {"benchmarks": [{"providerId": "q", "id": "b"}]}},
            "ProviderNotFound",
        ),
        "host": (
            evaljob("host", podTemplate={"spec": {"hostNetwork": True}}),
            "PodTemplateDenied",
        ),
        "sandbox": (evaljob("sandbox", codeExecution="Sandboxed"), "SandboxMissing"),
    }
    (*uids, good) = lab.create(*(body for body, _ in bad.values()), evaljob("good"))
    for name in bad:
        lab.wait(name, "Finished", seconds=30)
    assert max(refused_after_s(lab.evaljob(name)) for name in bad) <= 5
    found = {name: conditions(lab.evaljob(name)) for name in bad}
    assert found == {
        name: {
            "Accepted": f"False {reason}",
            "Complete": f"False {reason}",
            "Failed": f"True {reason}",
            "Finished": "True Failed",
        }
        for name, (_, reason) in bad.items()
    }
    assert lab.attempts(good)
    assert [lab.jobs(uid) for uid in uids] == [[], [], [], []]
    assert [(await store.snapshot(uid)).job.reason for uid in uids] == [reason for _, reason in bad.values()]


def refused_after_s(body: Json) -> float:
    """Return how long after an object was made it was said that it is refused, by the clock of its stamps."""
    (said,) = [each for each in body["status"]["conditions"] if each["type"] == "Accepted"]
    began, ended = (body["metadata"]["creationTimestamp"], said["lastTransitionTime"])
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()


async def test_what_was_refused_stays_refused_after_a_restart(lab: Lab) -> None:
    first = lab.start()
    (uid,) = lab.create(evaljob("bad", benchmarks=("nope",)))
    lab.wait("bad", "Finished")
    before = lab.evaljob("bad")
    first.kill()
    second = lab.start()
    (good,) = lab.create(evaljob("good"))
    assert lab.attempts(good)
    assert (lab.evaljob("bad"), lab.jobs(uid)) == (before, [])
    assert second.end() == 0


async def test_suspend_and_resume(lab: Lab, store: PostgresStore) -> None:
    lab.start()
    (uid,) = lab.create(evaljob("one"))
    (first,) = lab.attempts(uid)
    lab.patch("one", suspend=True)
    lab.wait("one", "Suspended")
    assert lab.jobs(uid) == []
    lab.patch("one", suspend=False)
    (second,) = lab.attempts(uid)
    ends = {each.id: each.reason for each in (await store.snapshot(uid)).attempts}
    assert (first != second, ends[first]) == (True, "Suspended")


async def test_a_job_that_is_suspended_from_the_start_waits(lab: Lab) -> None:
    lab.start()
    (uid,) = lab.create(evaljob("one", suspend=True))
    lab.wait("one", "Suspended")
    assert lab.jobs(uid) == []
    lab.patch("one", suspend=False)
    assert lab.attempts(uid)


async def test_cancelled(lab: Lab, store: PostgresStore) -> None:
    lab.start()
    (uid,) = lab.create(evaljob("one"))
    lab.attempts(uid)
    lab.patch("one", cancelled=True)
    lab.wait("one", "Finished")
    assert conditions(lab.evaljob("one"))["Failed"] == "True Cancelled"
    assert (lab.jobs(uid), (await store.snapshot(uid)).job.state) == ([], "cancelled")


async def test_deleting_the_object_cancels_its_job_also_while_no_operator_runs(lab: Lab, store: PostgresStore) -> None:
    first = lab.start()
    uids = lab.create(evaljob("seen"), evaljob("missed"))
    for uid in uids:
        lab.attempts(uid)
    lab.cluster.kubectl("delete", "evaljob", "seen", namespace=lab.namespace)
    await _state(store, uids[0], "cancelled")
    first.kill()
    lab.cluster.kubectl("delete", "evaljob", "missed", namespace=lab.namespace)
    lab.start()
    await _state(store, uids[1], "cancelled")


async def test_ttl_deletes_the_object_and_keeps_history(lab: Lab, store: PostgresStore) -> None:
    lab.start()
    (uid,) = lab.create(evaljob("one", ttlSecondsAfterFinished=10, cancelled=True))
    lab.cluster.wait("evaljob/one", "delete", namespace=lab.namespace, seconds=60)
    assert (await store.snapshot(uid)).job.state == "cancelled"


async def test_killed_at_any_moment_it_makes_one_job_per_attempt(lab: Lab, store: PostgresStore) -> None:
    chance = random.Random(7)  # noqa: S311 - a test that can be repeated
    names = [f"job-{number}" for number in range(12)]
    operator = lab.start()
    uids = lab.create(*(evaljob(each) for each in names))
    for _ in range(5):
        await asyncio.sleep(chance.uniform(0.0, 1.5))
        operator.kill()
        operator = lab.operators.start()
    attempts = {uid: lab.attempts(uid) for uid in uids}
    made = Counter(each["metadata"]["labels"][ATTEMPT] for each in lab.jobs())
    assert set(made.values()) == {1}
    for found in attempts.values():
        for attempt in found:
            await played(store, attempt)
    lab.cluster.kubectl("delete", "pods", "--all", "--wait=false", namespace=lab.namespace)
    for name in names:
        lab.wait(name, "Complete", seconds=90)
    for uid in uids:
        snapshot = await store.snapshot(uid)
        assert (snapshot.job.state, len(snapshot.results)) == ("completed", 1)


async def test_one_of_two_works_and_the_other_takes_over(lab: Lab) -> None:
    first = lab.start()
    second = lab.operators.start()
    until(lambda: second.asked("/readyz")[0] == 200, what="a standby that answers")
    assert (first.leads, second.leads) == (True, False)
    (before,) = lab.create(evaljob("before"))
    lab.attempts(before)
    first.kill()
    until(lambda: second.leads, seconds=60, what="the second leading")
    (after,) = lab.create(evaljob("after"))
    assert (len(lab.attempts(before)), len(lab.attempts(after))) == (1, 1)


async def test_an_operator_that_cannot_renew_its_lease_ends(lab: Lab) -> None:
    operator = lab.start()
    lab.cluster.kubectl(
        "patch", "lease", "evallab-operator", "--type=merge", "--patch", '{"spec": {"holderIdentity": "other"}}',
        namespace=lab.namespace,
    )  # fmt: skip
    assert await asyncio.to_thread(operator.process.wait, 30) != 0


async def test_without_postgres_it_lives_is_not_ready_and_goes_on_afterwards(
    lab: Lab, postgres: tuple[psycopg.Connection, str], store: PostgresStore, database_url: str
) -> None:
    operator = lab.start()
    connection, name = postgres[0], urlsplit(database_url).path[1:]
    connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
    connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
    lab.create(evaljob("one"))
    until(lambda: operator.asked("/readyz") == (503, "Postgres does not answer"), what="not ready")
    assert operator.asked("/healthz") == (200, "ok")
    connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(name)))
    assert lab.attempts(lab.evaljob("one")["metadata"]["uid"])


async def test_a_forged_status_is_put_right_and_nothing_is_written_without_need(lab: Lab) -> None:
    operator = lab.start()
    (uid,) = lab.create(evaljob("one"))
    lab.attempts(uid)
    lab.wait("one", "Running")
    quiet = _quiet(operator)
    lab.cluster.kubectl(
        "patch", "evaljob", "one", "--subresource=status", "--type=merge", "--patch", '{"status": {"phase": "Great"}}',
        namespace=lab.namespace,
    )  # fmt: skip
    until(lambda: lab.evaljob("one")["status"]["phase"] == "Running", what="the true phase")
    assert _quiet(operator) == quiet + 1


def _quiet(operator: Operator) -> float:
    """Wait until nothing is written for three seconds, and return how much was."""

    def still() -> float:
        before = operator.writes()
        time.sleep(3)
        return before if operator.writes() == before else 0.0

    return until(still, what="a quiet operator")


async def _state(store: PostgresStore, uid: str, state: str) -> None:
    async with asyncio.timeout(60):
        while (await store.snapshot(uid)).job.state != state:  # noqa: ASYNC110 - another process changes it
            await asyncio.sleep(0.2)
