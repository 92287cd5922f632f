"""Jobs over REST in a cluster: each is one EvalJob, whoever is asked, however often, whatever dies in between."""

import asyncio
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from tests.cluster.server.replicas import (
    DYING,
    INSTALLATION,
    JOBS,
    NOW,
    Replica,
    Start,
    Tenant,
    error,
    posted,
    request,
)

from evallab.api.v1alpha1 import rest_notes
from evallab.api.v1alpha1.rest_notes import RestNotes
from evallab.controller.intake import Intake
from evallab.controller.objects import known as known_object
from evallab.planning.cluster.config import read as read_installation
from evallab.planning.subject import CheckFacts
from evallab.server.live_catalog import LiveCatalog
from evallab.store.postgres import PostgresStore


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
    assert [each["resource"]["id"] for each in client.get(f"{JOBS}?limit=1").json()["items"]] == [resource["id"]]


def test_its_place_in_the_queue_and_its_start_are_asked_for_as_on_one_computer(
    tenant: Tenant, client: httpx.Client
) -> None:
    posted(client, name="urgent", custom={"evallab": {"priority": 7, "suspend": True}})
    made = tenant.object("urgent")
    assert made is not None
    assert (made["spec"]["priority"], made["spec"]["suspend"]) == (7, True)
    too_much = client.post(JOBS, json=request("greedy", custom={"evallab": {"priority": 1_000_000_001}}))
    assert error(too_much) == (
        400,
        "request_validation_failed",
        "The request validation failed: 'custom.evallab.priority: must be from -1,000,000,000 to 1,000,000,000'. "
        "Please check the request and try again.",
    )


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
    catalogue = LiveCatalog(one.home / "config", store)
    await catalogue.load()
    intake = Intake(store=store, catalogue=catalogue, config=config, facts=CheckFacts(), now=lambda: NOW)
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
