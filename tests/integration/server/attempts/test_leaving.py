"""What a sidecar hands in over HTTP: pieces, events and seals, each of them twice, late, wrong, or to nobody."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from tests.integration.server.attempts.door import A1, EVENT, EVENTS, NOW, begun, clustered, opened, parts, sealed
from tests.integration.store.making import attempt, job, minutes

from evallab.store.interface import EventRow, LeavingRow
from evallab.store.postgres import PostgresStore

MIB = 1 << 20


@pytest.fixture
async def door(store: PostgresStore, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    await begun(store, attempts=2)
    async with opened(parts(store, tmp_path)) as client:
        yield client


def said(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()["message_code"] if answer.content else None


async def content(store: PostgresStore, area: str, name: str) -> bytes:
    return b"".join([piece async for piece in store.read_leaving(A1, area, name)])


async def test_pieces_come_in_any_order_twice_and_overlapping(door: httpx.AsyncClient, store: PostgresStore) -> None:
    whole = bytes(range(256)) * (MIB // 100)
    borders = [(2 * MIB, len(whole)), (0, MIB), (MIB, 2 * MIB), (0, MIB), (MIB // 2, MIB + MIB // 2)]
    for start, end in borders:
        answer = await door.put(f"/leavings/artifacts/deep/a.bin?start={start}", content=whole[start:end])
        assert (answer.status_code, answer.content) == (204, b"")

    assert await store.leavings(A1) == [LeavingRow(area="artifacts", name="deep/a.bin", bytes=len(whole))]
    assert await content(store, "artifacts", "deep/a.bin") == whole


async def test_sidecars_of_one_pod_may_overlap(door: httpx.AsyncClient, store: PostgresStore) -> None:
    pieces = [(number, f"{number:04}".encode()) for number in range(40)]
    tasks = [door.put(f"/leavings/work/answers.jsonl?start={4 * at}", content=each) for at, each in pieces * 2]
    assert {answer.status_code for answer in await asyncio.gather(*tasks)} == {204}
    assert await content(store, "work", "answers.jsonl") == b"".join(each for _, each in pieces)


async def test_a_seal_names_what_is_missing_until_it_is_there(door: httpx.AsyncClient, store: PostgresStore) -> None:
    body = sealed(
        ("result", "result.json", b"{}"), ("artifacts", "ä/b c.txt", b"text"), ("work", "empty", b""), events=1
    )
    await door.put("/leavings/result/result.json?start=0", content=b"{")

    first = await door.post("/seal", json=body)
    assert (first.status_code, first.json()) == (
        409,
        {"missing": [["result", "result.json"], ["artifacts", "ä/b c.txt"]]},
    )
    await door.put("/leavings/result/result.json?start=1", content=b"}")
    await door.put("/leavings/artifacts/ä/b c.txt?start=0", content=b"other"[:4])
    second = await door.post("/seal", json=body)
    assert (second.status_code, second.json()) == (409, {"missing": [["artifacts", "ä/b c.txt"]]})

    await door.put("/leavings/artifacts/ä/b c.txt?start=0", content=b"text")
    assert [(await door.post("/seal", json=body)).status_code for _ in range(2)] == [204, 204]
    assert await store.sealed(A1) == body
    assert (await door.put("/leavings/work/more?start=0", content=b"more")).status_code == 204
    assert [each.name for each in await store.leavings(A1)] == ["ä/b c.txt", "result.json", "empty"]


async def test_an_event_counts_once(door: httpx.AsyncClient, store: PostgresStore) -> None:
    told = {"X-Evallab-Event-Id": "ab" * 16, "X-Evallab-Received-At": minutes(5).isoformat()}
    answers = [await door.post(EVENTS, json=EVENT, headers=told) for _ in range(3)]

    assert [(each.status_code, each.content) for each in answers] == [(204, b"")] * 3
    body = {"status": "running", "id": "sums", "provider_id": "lm_evaluation_harness", "benchmark_index": 0}
    (event,) = (await store.snapshot("job-1")).events
    assert event == EventRow(id="ab" * 16, attempt_id=A1, received_at=minutes(5), body=event.body)
    assert event.body | body == event.body


@pytest.mark.parametrize(
    ("sent", "kept"), [("", NOW), ("yesterday", NOW), (minutes(-60).isoformat(), minutes(0)), ("9999-01-01", NOW)]
)
async def test_when_an_event_came_is_plausible(
    door: httpx.AsyncClient, store: PostgresStore, sent: str, kept: object
) -> None:
    told = {"X-Evallab-Event-Id": "ab" * 16, "X-Evallab-Received-At": sent}
    assert (await door.post(EVENTS, json=EVENT, headers=told)).status_code == 204
    assert [each.received_at for each in (await store.snapshot("job-1")).events] == [kept]


async def test_an_event_after_the_end_is_late(door: httpx.AsyncClient, store: PostgresStore) -> None:
    await store.save_attempt(attempt(state="failed", finished_at=minutes(9)))
    assert (await door.post(EVENTS, json=EVENT)).status_code == 204
    assert [each.late for each in (await store.snapshot("job-1")).events] == [True]


async def test_whoever_waits_for_the_job_is_told(store: PostgresStore, tmp_path: Path) -> None:
    await begun(store)
    told: list[str] = []
    async with opened(parts(store, tmp_path, stored=told.append)) as door:
        await door.post(EVENTS, json=EVENT)
        await door.post("/seal", json=sealed(("work", "missing", b"1")))
        await door.post("/seal", json=sealed())
    assert told == ["job-1", "job-1"]


@pytest.mark.parametrize(
    ("path", "token"),
    [
        (f"/a/{A1}/work", None),
        (f"/a/{A1}/work", "Bearer"),
        (f"/a/{A1}/work", "Basic token"),
        (f"/a/{A1}/work", "Bearer second"),
        ("/a/job-1-a2/work", "Bearer token"),
        ("/a/nobody/work", "Bearer token"),
        ("/a/local-a1/work", "Bearer local"),
        ("/a/foreign-a1/work", "Bearer foreign"),
    ],
)
async def test_only_the_attempt_itself_may_speak(
    store: PostgresStore, tmp_path: Path, path: str, token: str | None
) -> None:
    await begun(store, attempts=2)
    await begun(store, job("local"))
    await begun(store, clustered(id_="foreign", tenant="others"))
    of = parts(store, tmp_path)
    of.bearers.made.update(local=("local-a1", "team"), foreign=("foreign-a1", "team"))  # type: ignore[attr-defined]
    headers = {"Authorization": token} if token else {}
    async with opened(of) as door, httpx.AsyncClient(headers=headers) as other:
        answer = await other.get(str(door.base_url).partition("/a/")[0] + path)
    assert said(answer) == (401, "invalid_callback_token")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_who_spoke_for_an_attempt_that_is_gone_is_told_so(store: PostgresStore, tmp_path: Path) -> None:
    async with opened(parts(store, tmp_path)) as door:
        answers = [
            await door.post("/seal", json=sealed()),
            await door.put("/leavings/work/a?start=0", content=b"a"),
            await door.get("/work"),
        ]
    assert [said(each) for each in answers] == [(410, "attempt_gone")] * 3


@pytest.mark.parametrize(
    ("method", "path", "body", "refused"),
    [
        ("PUT", "/leavings/work/a", b"", (400, "query_parameter_required")),
        ("PUT", "/leavings/work/a?start=-1", b"", (400, "query_parameter_invalid")),
        ("PUT", "/leavings/work/a?start=1e3", b"", (400, "query_parameter_invalid")),
        ("PUT", "/leavings/work/a?start=9999999999999999", b"", (400, "query_parameter_invalid")),
        ("PUT", "/leavings/elsewhere/a?start=0", b"", (404, "resource_not_found")),
        ("PUT", "/leavings/work/%2e%2e/a?start=0", b"", (400, "request_validation_failed")),
        ("PUT", "/leavings/work//a?start=0", b"", (400, "request_validation_failed")),
        ("PUT", "/leavings/work/a%5cb?start=0", b"", (400, "request_validation_failed")),
        ("PUT", f"/leavings/work/{'a' * 1025}?start=0", b"", (400, "request_validation_failed")),
        ("PUT", "/leavings/work/a?start=0", bytes(MIB + 1), (413, "request_body_too_large")),
        ("POST", "/seal", b"[]", (400, "request_validation_failed")),
        ("POST", "/seal", b'{"files": [{"area": "work"}]}', (400, "request_validation_failed")),
        ("POST", EVENTS.replace("job-1", "job-2"), b"{}", (404, "resource_not_found")),
        ("POST", EVENTS, b"{}", (400, "request_validation_failed")),
        ("POST", EVENTS, b"{", (400, "invalid_json_request")),
        ("GET", "/seal", b"", (405, "method_not_allowed")),
        ("GET", "/work/nothing", b"", (404, "resource_not_found")),
    ],
)
async def test_what_makes_no_sense_is_refused(
    door: httpx.AsyncClient, method: str, path: str, body: bytes, refused: tuple[int, str]
) -> None:
    assert said(await door.request(method, path, content=body)) == refused


async def test_events_of_others_are_refused(door: httpx.AsyncClient, store: PostgresStore) -> None:
    inner = EVENT["benchmark_status_event"]
    for change in ({"id": "other"}, {"provider_id": "other"}, {"benchmark_index": 1}):
        answer = await door.post(EVENTS, json={"benchmark_status_event": {**inner, **change}})
        assert said(answer) == (404, "resource_not_found")
    bad = await door.post(EVENTS, json=EVENT, headers={"X-Evallab-Event-Id": "not hex"})
    assert said(bad) == (400, "request_validation_failed")
    assert (await store.snapshot("job-1")).events == ()


async def test_nowhere_is_nowhere(door: httpx.AsyncClient) -> None:
    for path in ("/", "/elsewhere", "/work/%00", "/seal/more"):
        answer = await door.get(path)
        assert (answer.status_code, answer.text) == (404, "404 page not found\n")


async def test_an_attempt_that_leaves_too_much_is_told(store: PostgresStore, tmp_path: Path) -> None:
    await begun(store)
    async with opened(parts(store, tmp_path, leavings_limit=10)) as door:
        assert (await door.put("/leavings/work/a?start=0", content=b"1234567890")).status_code == 204
        full = await door.put("/leavings/work/a?start=10", content=b"1")
        assert said(full) == (413, "leavings_too_large")
        assert "An attempt may leave 10 bytes" in full.json()["message"]
    assert await content(store, "work", "a") == b"1234567890"


async def test_while_postgres_is_away_the_sidecar_comes_again(
    database_url: str, server: psycopg.Connection, tmp_path: Path
) -> None:
    urls = [database_url]
    async with PostgresStore(lambda: urls[0], patience_s=0.3) as store:
        await begun(store)
        async with opened(parts(store, tmp_path)) as door:

            async def all_three() -> list[httpx.Response]:
                return [
                    await door.post(EVENTS, json=EVENT, headers={"X-Evallab-Event-Id": "cd" * 16}),
                    await door.put("/leavings/result/result.json?start=0", content=b"{}"),
                    await door.post("/seal", json=sealed(("result", "result.json", b"{}"), events=1)),
                ]

            urls[0] = "postgresql://127.0.0.1:1/away"
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'evallab'")
            away = await all_three()
            assert [(said(each), each.headers["retry-after"]) for each in away] == [
                ((503, "service_unavailable"), "5")
            ] * 3

            urls[0] = database_url
            assert [each.status_code for each in await all_three()] == [204, 204, 204]
            assert len((await store.snapshot("job-1")).events) == 1
