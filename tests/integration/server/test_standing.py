"""How models stand, over HTTP: regressions, series, provenance against another job's, repetitions; tenants apart."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from tests.integration.cli import seeding
from tests.integration.cli.seeding import BASELINE, BENCHMARKS, CANDIDATE, PROVIDER
from tests.integration.server.about_house import house, serving

from evallab.server.openapi_standing import EXAMPLES
from evallab.server.routes import standing
from evallab.store.postgres import PostgresStore

API = "/api/v1/evaluations"
ARITH = f"{PROVIDER}/{BENCHMARKS[0]}"


@pytest.fixture
async def client(store: PostgresStore, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    await seeding.seed(store, tmp_path)
    async with (
        serving(house(store, tmp_path), standing.OPERATIONS) as url,
        httpx.AsyncClient(base_url=url + API) as opened,
    ):
        yield opened


async def test_what_got_worse_comes_first(client: httpx.AsyncClient) -> None:
    found = (await client.get("/regressions")).json()
    said = [(each["model"], each["benchmark"]) for each in found["standings"]]
    assert (found["schema"], said[0], len(said)) == ("evallab.regressions/1", ("demo-q3", ARITH), 4)
    assert found["standings"][0]["comparison"]["verdict"] == "REGRESSION"
    one = (await client.get("/regressions", params={"model": "demo-f16"})).json()["standings"]
    assert [each["comparison"] for each in one] == [None, None]


async def test_a_series_of_a_family(client: httpx.AsyncClient) -> None:
    asked = {"model": "demo", "benchmark": ARITH, "family": "true"}
    found = (await client.get("/history", params=asked)).json()
    assert sorted(EXAMPLES["History"]) == sorted(set(found) & set(EXAMPLES["History"]))
    assert [(each["job"], each["score"]) for each in found["points"]] == [(BASELINE, 0.95), (CANDIDATE, 0.55)]
    newest = (await client.get("/history", params={**asked, "limit": 1})).json()
    assert [each["job"] for each in newest["points"]] == [CANDIDATE]


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("/history", 400, "query_parameter_required"),
        ("/history?model=demo-f16", 400, "query_parameter_required"),
        ("/history?model=nobody&benchmark=demo_arith", 404, "resource_not_found"),
        ("/history?model=demo-f16&benchmark=demo_arith&limit=x", 400, "query_parameter_invalid"),
        ("/history?model=demo-f16&benchmark=demo_arith&family=maybe", 400, "query_parameter_invalid"),
        ("/regressions?sort=up", 400, "query_bad_parameter"),
        (f"/jobs/{CANDIDATE}/provenance/difference", 400, "query_parameter_required"),
        (f"/jobs/{CANDIDATE}/provenance/difference?against=nobody", 404, "resource_not_found"),
        (f"/jobs/{CANDIDATE}/reproductions/nobody", 404, "resource_not_found"),
    ],
)
async def test_what_cannot_be_answered_is_refused(
    client: httpx.AsyncClient, address: str, status: int, code: str
) -> None:
    answer = await client.get(address)
    assert (answer.status_code, answer.json()["message_code"]) == (status, code)


async def test_provenance_against_another_job(client: httpx.AsyncClient) -> None:
    found = (await client.get(f"/jobs/{CANDIDATE}/provenance/difference", params={"against": BASELINE})).json()
    assert sorted(found) == sorted(EXAMPLES["ProvenanceDifference"])
    assert (found["job"], found["other"], found["setup"]["equal"]) == (CANDIDATE, BASELINE, None)


async def test_a_repetition_benchmark_by_benchmark(client: httpx.AsyncClient) -> None:
    found = (await client.get(f"/jobs/{BASELINE}/reproductions/{CANDIDATE}")).json()
    assert sorted(found) == sorted(EXAMPLES["Reproduction"])
    assert found["benchmarks"][0]["found"].keys() == EXAMPLES["Reproduction"]["benchmarks"][0]["found"].keys()
    assert [each["found"]["verdict"] for each in found["benchmarks"]] == ["non-reproducible", "within"]


async def test_tenants_see_their_own(store: PostgresStore, tmp_path: Path) -> None:
    await seeding.finished_job(store, tmp_path, replace(seeding.job(CANDIDATE, "demo-q3"), tenant="ours", owner="ada"))
    addresses = ("/history?model=demo-q3&benchmark=demo_arith", f"/jobs/{CANDIDATE}/reproductions/{CANDIDATE}")
    async with (
        serving(house(store, tmp_path), standing.OPERATIONS) as url,
        httpx.AsyncClient(base_url=url + API) as client,
    ):
        seen = {}
        for tenant in ("ours", "theirs"):
            sent = {"X-Tenant": tenant}
            seen[tenant] = [
                len((await client.get("/regressions", headers=sent)).json()["standings"]),
                *[(await client.get(each, headers=sent)).status_code for each in addresses],
            ]
    assert seen == {"ours": [2, 200, 200], "theirs": [0, 404, 404]}


async def test_a_job_that_still_runs_is_not_reproduced(store: PostgresStore, tmp_path: Path) -> None:
    row = seeding.job(CANDIDATE, "demo-q3")
    await store.create_job(row, seeding.benchmarks(row, state="pending"), actor="test")
    async with (
        serving(house(store, tmp_path), standing.OPERATIONS) as url,
        httpx.AsyncClient(base_url=url + API) as client,
    ):
        answer = await client.post(f"/jobs/{CANDIDATE}/reproductions")
    assert (answer.status_code, answer.json()["message_code"]) == (400, "not_supported")
    assert "is still pending; there is nothing to reproduce yet" in answer.json()["message"]
