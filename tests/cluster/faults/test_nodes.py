"""Nodes that are gone, and queues of Kueue that are not there: on an API server with simulated nodes."""

import json
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from tests.cluster.operating import Json, Operators, conditions, evaljob, operators, played, until
from tests.cluster.running import Cluster

from evallab.store import embedded
from evallab.store.connection import open_store
from evallab.store.postgres import PostgresStore

CRDS = Path(__file__).parents[3] / "crds"
ATTEMPT = "evallab.dev/attempt"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """An empty database of a Postgres of these tests."""
    home = Path(tempfile.mkdtemp(prefix="evallab-nodes-"))
    home.chmod(0o755)
    url, name = embedded.ensure(home), f"nodes_{secrets.token_hex(4)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
    embedded.stop(home)
    shutil.rmtree(home)


@pytest.fixture
async def store(url: str, tmp_path: Path) -> AsyncIterator[PostgresStore]:
    """The store that the operator uses, too."""
    async with open_store(url=url, home=tmp_path) as opened:
        yield opened


@pytest.fixture
def space(nodeless: Cluster) -> Iterator[str]:
    """A namespace of this test's own."""
    nodeless.kubectl("apply", "--server-side", "--filename", str(CRDS))
    nodeless.wait("crd/evaljobs.evallab.dev", "condition=Established")
    name = f"nodes-{secrets.token_hex(4)}"
    nodeless.kubectl("create", "namespace", name)
    yield name
    nodeless.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def installed(nodeless: Cluster, space: str, store: PostgresStore, url: str, tmp_path: Path) -> Iterator[Operators]:
    """An operator of that namespace."""
    assert store
    with operators(nodeless, space, url, tmp_path) as made:
        started = made.start()
        until(lambda: started.leads, what="leading")
        yield made


def running(installed: Operators) -> Json:
    """Return a pod that runs on a node."""

    def look() -> Json:
        pods = installed.cluster.list("pods", namespace=installed.namespace)
        return next((each for each in pods if each["status"].get("phase") == "Running"), {})

    return until(look, what="a pod that runs")


async def test_a_node_is_gone(installed: Operators, store: PostgresStore) -> None:
    """The node is gone: its Node object was deleted, as clouds do.

    Ends: completed, by another attempt on another node, which is no retry
    Told: nothing; the attempt says `NodeLost` and which node
    Kept: everything that had arrived
    Took: 92
    """
    cluster, space = installed.cluster, installed.namespace
    long = {"metadata": {"annotations": {"evallab.test/run-for": "1h"}}}  # its pod must not end before it is missed
    cluster.apply(evaljob("one", retries=0, podTemplate=long), namespace=space)
    first = running(installed)
    node = first["spec"]["nodeName"]
    manifest = cluster.get("node", node)
    cluster.kubectl("delete", "node", node, "--wait=false")
    try:
        await _finish_elsewhere(installed, store, first)
    finally:
        if manifest:
            cluster.apply({**manifest, "metadata": {"name": node, "labels": manifest["metadata"]["labels"]}})


async def _finish_elsewhere(installed: Operators, store: PostgresStore, first: Json) -> None:
    cluster, space, old = installed.cluster, installed.namespace, first["metadata"]["labels"][ATTEMPT]

    def look() -> str:
        pods = cluster.list("pods", namespace=space)
        return next((a for each in pods if (a := each["metadata"]["labels"][ATTEMPT]) != old), "")

    second = until(look, seconds=240, what="another attempt")
    await played(store, second)
    cluster.kubectl("delete", "pods", "--all", "--wait=false", namespace=space)  # its time is over
    cluster.wait("evaljob/one", "condition=Finished", namespace=space, seconds=120)
    body = cluster.get("evaljob", "one", namespace=space) or {}
    assert conditions(body)["Complete"] == "True Completed"
    snapshot = await store.snapshot(body["metadata"]["uid"])
    (lost, done) = sorted(snapshot.attempts, key=lambda each: each.number)
    assert (lost.id, lost.state, lost.reason) == (old, "failed", "NodeLost")
    assert first["spec"]["nodeName"] in (lost.message or "")
    assert (done.id, done.state, len(snapshot.results)) == (second, "completed", 1)


async def test_a_queue_that_is_missing(installed: Operators, store: PostgresStore) -> None:
    """Kueue is there, and the queue of `hardwareConfig.queue` is not.

    Ends: failed, `QueueNotFound`, after the chart's `attempts.refusedPodSeconds` (here 30)
    Told: the queue and Kueue's words; name a LocalQueue of the namespace: `kubectl get localqueues`
    Kept: nothing ran
    Took: 48
    """
    cluster, space = installed.cluster, installed.namespace
    cluster.apply(_KUEUE)
    cluster.wait("crd/workloads.kueue.x-k8s.io", "condition=Established")
    try:
        cluster.apply(evaljob("one", retries=0, hardwareConfig={"queue": {"name": "not-there"}}), namespace=space)
        (job,) = until(lambda: cluster.list("jobs", namespace=space), what="a Job")
        assert job["spec"]["suspend"]
        _inadmissible(cluster, space, job["metadata"]["uid"])
        cluster.wait("evaljob/one", "condition=Finished", namespace=space, seconds=120)
        body = cluster.get("evaljob", "one", namespace=space) or {}
        assert conditions(body)["Failed"] == "True QueueNotFound"
        message = body["status"]["message"]
        assert [word for word in ("not-there", "doesn't exist", "kubectl get localqueues") if word not in message] == []
        assert [each.reason for each in (await store.snapshot(body["metadata"]["uid"])).attempts] == ["QueueNotFound"]
    finally:
        cluster.kubectl("delete", "crd", "workloads.kueue.x-k8s.io", "--wait=false")


def _inadmissible(cluster: Cluster, space: str, uid: str) -> None:
    """Say of a Job what Kueue says when its queue does not exist."""
    metadata = {"name": "job-one", "labels": {"kueue.x-k8s.io/job-uid": uid}}
    cluster.apply({"apiVersion": "kueue.x-k8s.io/v1beta1", "kind": "Workload", "metadata": metadata}, namespace=space)
    said = {"type": "QuotaReserved", "status": "False", "reason": "Inadmissible", "message": _UNKNOWN}
    patch = json.dumps({"status": {"conditions": [{**said, "lastTransitionTime": "2026-01-01T00:00:00Z"}]}})
    words = ("patch", "workload", "job-one", "--subresource=status", "--type=merge", "--patch", patch)
    cluster.kubectl(*words, namespace=space)


_UNKNOWN = "LocalQueue not-there doesn't exist"
_ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_KUEUE: Json = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "workloads.kueue.x-k8s.io"},
    "spec": {
        "group": "kueue.x-k8s.io",
        "scope": "Namespaced",
        "names": {"kind": "Workload", "plural": "workloads", "singular": "workload"},
        "versions": [
            {
                "name": "v1beta1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": _ANY},
            }
        ],
    },
}
