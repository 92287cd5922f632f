"""What the builders make is taken by a real API server, in a namespace that enforces restricted pod security."""

import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.cluster.running import Cluster
from tests.unit.planning.cluster.plans import PLANS

from evallab.kubeapi.interface import CONFIG_MAP, JOB, NETWORK_POLICY, POD, SERVICE, ClusterApi

KINDS = {each.name: each for each in (CONFIG_MAP, JOB, NETWORK_POLICY, SERVICE)}


@pytest.fixture
async def api(nodeless: Cluster) -> AsyncIterator[ClusterApi]:
    """The API server."""
    opened = await nodeless.api()
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
def restricted(nodeless: Cluster) -> str:
    """A namespace that admits restricted pods only."""
    name, labels = f"build-{secrets.token_hex(4)}", {"pod-security.kubernetes.io/enforce": "restricted"}
    nodeless.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    nodeless.kubectl("create", "serviceaccount", "made", namespace=name)  # and the default one by then
    return name


@pytest.mark.parametrize("name", PLANS)
async def test_objects_and_their_pods_are_accepted(name: str, api: ClusterApi, restricted: str) -> None:
    """A dry run of every object and of the pod that the Job would make: pod security refuses pods, not Jobs."""
    for body in PLANS[name]():
        body["metadata"]["namespace"] = restricted
        made = await api.create(KINDS[body["kind"]], restricted, body, dry_run=True)
        assert made["metadata"]["name"] == body["metadata"]["name"]
        if body["kind"] == "Job":
            await api.create(POD, restricted, _pod(body), dry_run=True)


def _pod(job: dict[str, Any]) -> dict[str, Any]:
    """The pod as the Job controller makes it; classes that this cluster does not have are left out."""
    template = job["spec"]["template"]
    spec = {k: v for k, v in template["spec"].items() if k not in {"priorityClassName", "runtimeClassName"}}
    metadata = {key: template["metadata"][key] for key in ("labels", "annotations")}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "x-", **metadata}, "spec": spec}
