"""What the server says about itself, over HTTP: alive, ready or why not, its version, its description, its numbers."""

import asyncio
import platform
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from tests.integration.server.about_house import house, serving
from tests.integration.store import making

from evallab import __version__
from evallab.server.house import House
from evallab.server.routes import about, metrics
from evallab.store.postgres import PostgresStore

OPERATIONS = (*about.OPERATIONS, *metrics.OPERATIONS)


async def ask(parts: House, path: str, **headers: str) -> httpx.Response:
    async with serving(parts, OPERATIONS) as url, httpx.AsyncClient() as http:
        return await http.get(url + path, headers=headers)


async def test_health_is_evalhubs_text_and_nothing_else(store: PostgresStore, tmp_path: Path) -> None:
    answer = await ask(house(store, tmp_path), "/api/v1/health")
    assert answer.text == '{"status":"healthy","timestamp":"2026-11-22T12:00:00.123456Z"}'
    assert answer.headers["content-type"] == "application/json"


async def test_a_server_that_can_serve_is_ready_and_tells_problems_of_the_catalogue(
    store: PostgresStore, tmp_path: Path
) -> None:
    problem = "providers/broken.yaml: name: missing"
    answer = await ask(house(store, tmp_path, problems=(problem,)), "/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "reasons": [], "problems": [problem]})


async def test_without_postgres_it_lives_but_is_not_ready(tmp_path: Path) -> None:
    async with PostgresStore(lambda: "postgresql://127.0.0.1:1/none", patience_s=0.1) as away:
        parts = house(away, tmp_path)
        lives, ready = await ask(parts, "/livez"), await ask(parts, "/readyz")
        numbers = await ask(parts, "/metrics")
    assert (lives.status_code, lives.json()) == (200, {"status": "alive"})
    assert (ready.status_code, ready.json()["status"], len(ready.json()["reasons"])) == (503, "not ready", 1)
    assert values(numbers)["evallab_store_up"] == 0


async def test_a_postgres_that_does_not_answer_in_time_is_a_reason(
    store: PostgresStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never() -> None:
        await asyncio.sleep(3600)

    monkeypatch.setattr(about, "PATIENCE_S", 0.05)
    monkeypatch.setattr(store, "activity", never)
    answer = await ask(house(store, tmp_path), "/readyz")
    assert (answer.status_code, answer.json()["reasons"]) == (503, ["Postgres did not answer within 0.05 seconds."])


async def test_the_version_says_what_it_is_and_whose_api_it_speaks(store: PostgresStore, tmp_path: Path) -> None:
    body = (await ask(house(store, tmp_path), "/api/v1/version")).json()
    assert set(body) == {"version", "compatible_with", "commit", "python"}
    assert (body["version"], body["compatible_with"]) == (__version__, "eval-hub 1.0.2")
    assert body["python"] == platform.python_version()


async def test_the_description_is_the_same_as_yaml_and_as_json(store: PostgresStore, tmp_path: Path) -> None:
    parts = house(store, tmp_path)
    as_yaml, as_json = await ask(parts, "/openapi.yaml"), await ask(parts, "/openapi.yaml", accept="application/json")
    assert (as_yaml.headers["content-type"], as_json.headers["content-type"]) == (
        "application/yaml",
        "application/json",
    )
    assert yaml.safe_load(as_yaml.text) == as_json.json()
    assert as_json.json()["openapi"] == "3.1.1"


async def test_the_page_comes_with_a_policy_that_forbids_scripts(store: PostgresStore, tmp_path: Path) -> None:
    answer = await ask(house(store, tmp_path), "/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "<title>evallab" in answer.text


async def test_metrics_count_what_waits_and_runs_and_the_requests_before(store: PostgresStore, tmp_path: Path) -> None:
    for number in range(3):
        await store.create_job(making.job(f"job-{number}"), [making.benchmark(f"job-{number}")], actor="test")
    await store.save_attempt(making.attempt("job-0"))
    running = making.job("job-0", state="running", started_at=making.NOON)
    await store.save_job(running, [making.benchmark("job-0", state="running")])
    async with serving(house(store, tmp_path), OPERATIONS) as url, httpx.AsyncClient() as http:
        await http.get(url + "/api/v1/health")
        await http.get(url + "/no/such/path")
        answer = await http.get(url + "/metrics")
    found = values(answer)
    assert {name: found[name] for name in found if name.startswith(("evalhub_evaluation", "evallab_"))} == {
        "evalhub_evaluation_jobs_active": 3,
        "evalhub_evaluation_queue_depth": 2,
        "evallab_queue_length": 2,
        "evallab_attempts_running": 1,
        "evallab_events_spooled": 0,
        "evallab_streams_open": 0,
        "evallab_catalog_problems": 0,
        "evallab_store_up": 1,
        "evallab_build_info": 1,
    }
    assert 'http_route="/api/v1/health"' in answer.text
    assert "/no/such/path" not in answer.text


def values(answer: httpx.Response) -> dict[str, Any]:
    """Return the value of each sample by its name."""
    return {each.name: each.value for family in text_string_to_metric_families(answer.text) for each in family.samples}
