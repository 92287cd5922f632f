"""What a job found, over HTTP: pages, numbers as they are, texts that may be read, files as downloads."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from tests.integration.cli import seeding
from tests.integration.cli.seeding import BASELINE, BENCHMARKS, CANDIDATE, NOON, PROVIDER, QUESTIONS
from tests.integration.server.about_house import house, serving

from evallab.api.job import TestData
from evallab.server.routes import results
from evallab.store.artifacts import ArtifactFiles
from evallab.store.postgres import PostgresStore

JOBS = "/api/v1/evaluations/jobs"


@pytest.fixture
async def client(store: PostgresStore, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    await seeding.seed(store, tmp_path)
    async with (
        serving(house(store, tmp_path), results.OPERATIONS) as url,
        httpx.AsyncClient(base_url=url + JOBS) as opened,
    ):
        yield opened


async def test_scores_come_in_pages_with_their_intervals(client: httpx.AsyncClient) -> None:
    first = (await client.get(f"/{CANDIDATE}/scores", params={"limit": 1})).json()
    second = (await client.get(first["next"]["href"].removeprefix(JOBS))).json()
    (row,) = first["items"]
    assert {key: value for key, value in first.items() if key != "items"} == {
        "first": {"href": f"{JOBS}/{CANDIDATE}/scores?limit=1"},
        "next": {"href": f"{JOBS}/{CANDIDATE}/scores?limit=1&offset=1"},
        "limit": 1,
        "total_count": 2,
    }
    assert row == {
        "benchmark_index": 0,
        "provider_id": PROVIDER,
        "id": BENCHMARKS[0],
        "metric": "exact_match",
        "filter": "strict-match",
        "value": 0.55,
        "primary": True,
        "ci_low": pytest.approx(0.398, abs=0.001),
        "ci_high": pytest.approx(0.692, abs=0.001),
        "interval_method": "wilson",
        "n": QUESTIONS,
        "n_errors": 0,
        "higher_is_better": True,
        "validity": "valid",
        "validity_reasons": [],
        "question_key": "00" * 32,
        "attempt_id": f"{CANDIDATE}-0",
    }
    assert [each["id"] for each in second["items"]] == [BENCHMARKS[1]]
    assert "next" not in second


async def test_every_question_is_met_once_by_following_the_pages(client: httpx.AsyncClient) -> None:
    address, met = f"/{CANDIDATE}/benchmarks/0/samples?limit=15", []
    while address:
        page = (await client.get(address)).json()
        met += [each["doc_id"] for each in page["items"]]
        address = page.get("next", {}).get("href", "").removeprefix(JOBS)
    assert met == list(range(QUESTIONS))


async def test_texts_come_only_when_they_are_asked_for(client: httpx.AsyncClient) -> None:
    samples = f"/{CANDIDATE}/benchmarks/0/samples?limit=1"
    numbers = (await client.get(samples)).json()["items"][0]
    whole = (await client.get(f"{samples}&texts=true")).json()["items"][0]
    texts = {key: value for key, value in whole.items() if key not in numbers}
    assert texts == {
        "prompt": "0 + 1 =",
        "target": "1",
        "response": "The answer is 1.\nThat was easy.",
        "reasoning": None,
        "filtered": {},
    }
    assert {key: value for key, value in whole.items() if key in numbers} == numbers


async def test_a_page_of_questions_has_a_bound(client: httpx.AsyncClient) -> None:
    page = (await client.get(f"/{CANDIDATE}/benchmarks/0/samples?limit=0")).json()
    assert (page["limit"], len(page["items"])) == (1000, QUESTIONS)


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        (f"/{CANDIDATE}/benchmarks/7/samples", 404, "resource_not_found"),
        (f"/{CANDIDATE}/benchmarks/x/samples", 400, "query_parameter_invalid"),
        (f"/{CANDIDATE}/benchmarks/0/samples?texts=maybe", 400, "query_parameter_invalid"),
        (f"/{CANDIDATE}/scores?limit=-1", 400, "query_parameter_invalid"),
        (f"/{CANDIDATE}/scores?sort=up", 400, "query_bad_parameter"),
        ("/nobody/scores", 404, "resource_not_found"),
        (f"/{CANDIDATE}/artifacts/nothing", 404, "resource_not_found"),
    ],
)
async def test_what_cannot_be_answered_is_refused(
    client: httpx.AsyncClient, address: str, status: int, code: str
) -> None:
    answer = await client.get(address)
    assert (answer.status_code, answer.json()["message_code"]) == (status, code)


async def test_comparisons_say_what_was_compared_with_what(client: httpx.AsyncClient) -> None:
    items = (await client.get(f"/{CANDIDATE}/comparisons")).json()["items"]
    said = [(each["benchmark_index"], each["baseline_job_id"], each["verdict"], each["delta"]) for each in items]
    assert said == [
        (0, BASELINE, "REGRESSION", pytest.approx(-0.4)),
        (1, BASELINE, "INCONCLUSIVE", pytest.approx(-0.025)),
    ]


async def test_provenance_is_the_record(client: httpx.AsyncClient) -> None:
    record = (await client.get(f"/{CANDIDATE}/provenance")).json()
    assert record["job"]["host"]["cpu"] == "a cpu"
    assert [record["benchmarks"][index]["harness"]["name"] for index in ("0", "1")] == ["lm-eval", "lm-eval"]
    assert record["job"]["evallab"]["commit"] is None
    assert record["job"]["unknown"]["evallab.commit"] == "recorded by an earlier evallab, which did not ask"


async def test_a_file_is_downloaded_decompressed_and_never_shown(client: httpx.AsyncClient) -> None:
    kept = (await client.get(f"/{CANDIDATE}/artifacts")).json()["items"]
    log = next(each for each in kept if each["kind"] == "log" and each["benchmark_index"] == 0)
    answer = await client.get(log["href"].removeprefix(JOBS))
    assert answer.text == f"loading {BENCHMARKS[0]}\ndone\n"
    assert hashlib.sha256(answer.content).hexdigest() == log["sha256"]
    assert answer.headers["content-type"] == "application/octet-stream"
    assert (
        answer.headers["content-disposition"]
        == f"attachment; filename=\"{log['name']}\"; filename*=UTF-8''{log['name']}"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = await client.get(log["href"].removeprefix(JOBS), headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_large_file_comes_whole(store: PostgresStore, client: httpx.AsyncClient, tmp_path: Path) -> None:
    content = b"".join(b"line %d of a long log\n" % number for number in range(200_000))
    (tmp_path / "long.log").write_bytes(content)
    owner = seeding.Owner(CANDIDATE, 1, f"{CANDIDATE}-1")
    row = ArtifactFiles(tmp_path / "artifacts").store_file(
        tmp_path / "long.log", kind="log", name='../../é\r\nX-Evil: 1/long"log\n.txt', owner=owner
    )
    await store.add_artifact(row)
    answer = await client.get(f"/{CANDIDATE}/artifacts/{row.id}")
    named = answer.headers["content-disposition"]
    assert (answer.content == content, "x-evil" in answer.headers) == (True, False)
    assert named == "attachment; filename=\"long_log_.txt\"; filename*=UTF-8''long%22log%0A.txt"


async def test_a_file_that_retention_removed_says_so(store: PostgresStore, client: httpx.AsyncClient) -> None:
    row = (await store.artifacts(CANDIDATE))[0]
    await store.expire([row.id], reason="age", actor="test", now=NOON)
    answer = await client.get(f"/{CANDIDATE}/artifacts/{row.id}")
    listed = next(
        each for each in (await client.get(f"/{CANDIDATE}/artifacts")).json()["items"] if each["id"] == row.id
    )
    assert (answer.status_code, answer.json()["message_code"]) == (410, "artifact_gone")
    assert "removed by retention on 2026-11-22 12:00 UTC" in answer.json()["message"]
    assert (listed["expired_at"], "href" in listed) == ("2026-11-22T12:00:00Z", False)


async def test_a_file_of_another_job_is_not_found(store: PostgresStore, client: httpx.AsyncClient) -> None:
    row = (await store.artifacts(BASELINE))[0]
    answer = await client.get(f"/{CANDIDATE}/artifacts/{row.id}")
    assert (answer.status_code, answer.json()["message_code"]) == (404, "resource_not_found")


async def test_texts_of_confidential_data_are_withheld_and_logs_are_not(store: PostgresStore, tmp_path: Path) -> None:
    row = seeding.job(CANDIDATE, "demo-q3")
    secret = row.spec.benchmarks[0].model_copy(update={"test_data": TestData(path="exam", confidential=True)})
    spec = row.spec.model_copy(update={"benchmarks": (secret, row.spec.benchmarks[1])})
    await seeding.finished_job(store, tmp_path, replace(row, spec=spec))
    async with (
        serving(house(store, tmp_path), results.OPERATIONS) as url,
        httpx.AsyncClient(base_url=url + JOBS) as client,
    ):
        page = (await client.get(f"/{CANDIDATE}/benchmarks/0/samples?texts=true&limit=1")).json()
        open_page = (await client.get(f"/{CANDIDATE}/benchmarks/1/samples?texts=true&limit=1")).json()
        kept = (await client.get(f"/{CANDIDATE}/artifacts")).json()["items"]
        statuses = {
            (each["kind"], each["benchmark_index"]): (await client.get(each["href"].removeprefix(JOBS))).status_code
            for each in kept
        }
    assert (page["items"][0]["prompt"], page["items"][0]["score"]) == (None, 1.0)
    assert page["texts_withheld"].startswith("The texts of this benchmark are confidential.")
    assert (open_page["items"][0]["prompt"], "texts_withheld" in open_page) == ("0 + 1 =", False)
    assert statuses == {("samples", 0): 403, ("log", 0): 200, ("samples", 1): 200, ("log", 1): 200}


async def test_results_of_another_tenant_are_not_found(store: PostgresStore, tmp_path: Path) -> None:
    await seeding.finished_job(store, tmp_path, replace(seeding.job(CANDIDATE, "demo-q3"), tenant="ours", owner="ada"))
    paths = ("scores", "benchmarks/0/samples", "comparisons", "provenance", "artifacts")
    async with (
        serving(house(store, tmp_path), results.OPERATIONS) as url,
        httpx.AsyncClient(base_url=url + JOBS) as client,
    ):
        theirs = [
            (await client.get(f"/{CANDIDATE}/{path}", headers={"X-Tenant": "theirs"})).status_code for path in paths
        ]
        ours = [(await client.get(f"/{CANDIDATE}/{path}", headers={"X-Tenant": "ours"})).status_code for path in paths]
    assert (theirs, ours) == ([404] * 5, [200] * 5)
