"""Providers that tenants make over REST: the operator knows them as soon as the server does, and runs their images."""

from typing import Any

import httpx
import pytest
from tests.cluster.operating import Operators, conditions, evaljob, until
from tests.cluster.server.replicas import (
    IMAGE,
    JOBS,
    PROVIDERS,
    Start,
    Tenant,
    described,
    error,
    made,
    posted,
    request,
)


def images(team: Tenant, uid: str) -> list[str]:
    """Return the images of the adapters of a job's attempts."""
    jobs = team.cluster.list("jobs", namespace=team.name, labels=f"evallab.dev/job={uid}")
    pods = [each["spec"]["template"]["spec"] for each in jobs]
    return [each["image"] for pod in pods for each in pod["containers"] if each["name"] == "adapter"]


@pytest.fixture
def still(team: Tenant, running: Operators) -> None:
    """An operator, and no pod is admitted: Jobs stay for half a minute, to be looked at."""
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    team.cluster.apply(quota, namespace=team.name)


@pytest.mark.usefixtures("still")
def test_a_provider_is_run_at_once_by_its_image_and_changed_by_its_new_one(team: Tenant, asking: httpx.Client) -> None:
    provider = made(asking)
    asked: dict[str, Any] = {"benchmarks": [{"id": "q", "provider_id": provider}]}
    uid, _ = posted(asking, **asked)
    assert until(lambda: images(team, uid), what="a Job") == [IMAGE]
    assert asking.put(f"{PROVIDERS}/{provider}", json=described("registry.example/mine/adapter:4")).status_code == 200

    def newer() -> list[str]:
        return until(lambda: images(team, posted(asking, **asked)[0]), what="a Job")

    until(lambda: newer() == ["registry.example/mine/adapter:4"], what="its new image")


@pytest.mark.usefixtures("still")
def test_an_object_may_name_its_own_tenants_provider_and_nobody_elses(
    team: Tenant, asking: httpx.Client, client: httpx.Client
) -> None:
    mine, theirs = made(asking), made(client)
    spec = evaljob("x")["spec"]
    for name, provider in (("own", mine), ("foreign", theirs)):
        body = evaljob(name) | {"spec": spec | {"benchmarks": [{"providerId": provider, "id": "q"}]}}
        team.cluster.apply(body, namespace=team.name)
    own = team.object("own")
    assert own is not None
    assert until(lambda: images(team, own["metadata"]["uid"]), what="a Job") == [IMAGE]
    team.cluster.wait("ej/foreign", "condition=Finished", namespace=team.name)
    assert conditions(team.object("foreign"))["Accepted"] == "False ProviderNotFound"


def test_images_that_the_cluster_does_not_allow_are_refused(team: Tenant, start: Start) -> None:
    strict = start(installation={"allowedImages": ["registry.example/good"]})
    with team.client(strict) as asking:
        refused = asking.post(PROVIDERS, json=described())
        assert error(refused) == (
            403,
            "not_allowed_over_rest",
            f"runtime.k8s.image: {IMAGE} is not allowed in this cluster; images may come from registry.example/good",
        )
        assert made(asking, image="registry.example/good/adapter:1")
        uid, answer = posted(asking)  # the installation's own provider is not asked about
        assert answer.status_code == 202
        assert asking.get(f"{JOBS}/{uid}").json()["benchmarks"] == request()["benchmarks"]
