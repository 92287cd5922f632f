"""The receiver over real HTTP: what was answered 204 is on disk, fenced, and reaches the store exactly once."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from evallab.api.contract import JobSpec, JobSpecModel, StatusEvent
from evallab.api.errors import StoreUnavailable
from evallab.receiver.segments import Spooled
from evallab.receiver.server import Receiver, receiving
from evallab.receiver.spool import Spool
from evallab.store.interface import EventRow

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Events:
    """The narrow face of a store: keeps each event once by id; can be away."""

    def __init__(self) -> None:
        self.rows: dict[str, EventRow] = {}
        self.away = False

    async def add_events(self, events: Sequence[EventRow]) -> frozenset[str]:
        if self.away:
            raise StoreUnavailable
        for event in events:
            self.rows.setdefault(event.id, event)
        return frozenset()

    @property
    def statuses(self) -> list[str]:
        return [row.body["status"] for row in self.rows.values()]


def spec(callback_url: str = "") -> JobSpec:
    return JobSpec(
        id="job-1",
        provider_id="p",
        benchmark_id="b",
        benchmark_index=0,
        model=JobSpecModel(name="m"),
        parameters={},
        callback_url=callback_url,
    )


def event(status: str = "running", **fields: Any) -> dict[str, Any]:
    return {"benchmark_status_event": {"provider_id": "p", "id": "b", "benchmark_index": 0, "status": status, **fields}}


@pytest.fixture
def store() -> Events:
    return Events()


@pytest.fixture
async def receiver(store: Events, tmp_path: Path) -> AsyncIterator[Receiver]:
    async with receiving(tmp_path / "spool", store, stored=lambda _: None, now=lambda: NOW) as receiver:
        receiver.expect("a1", spec())
        yield receiver


async def post(
    receiver: Receiver, body: Any, *, attempt: str = "a1", job: str = "job-1", token: str = ""
) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient() as client:
        url = f"{receiver.callback_url(attempt)}/api/v1/evaluations/jobs/{job}/events"
        return await client.post(url, content=content, headers=headers)


async def test_events_reach_the_store_in_order(receiver: Receiver, store: Events) -> None:
    for status in ("running", "running", "completed"):
        assert (await post(receiver, event(status))).status_code == 204
    await receiver.settle()
    assert store.statuses == ["running", "running", "completed"]


async def test_an_attempt_speaks_for_itself_only(receiver: Receiver, store: Events) -> None:
    strangers = [
        await post(receiver, event(), attempt="a2"),
        await post(receiver, event(), job="job-2"),
        await post(receiver, event() | {"benchmark_status_event": event()["benchmark_status_event"] | {"id": "other"}}),
    ]
    assert [(each.status_code, each.json()["message_code"]) for each in strangers] == [(404, "resource_not_found")] * 3
    await receiver.settle()
    assert store.rows == {}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "invalid_json_request"),
        (b"[" * 100_000, 400, "invalid_json_request"),
        (b"\xff", 400, "invalid_json_request"),
        (b"[]", 400, "invalid_json_request"),
        ({}, 400, "request_validation_failed"),
        (event("cancelled"), 400, "request_validation_failed"),
        (event(phase="dreaming"), 400, "request_validation_failed"),
        (b" " * (10 * 1024 * 1024 + 1), 413, "request_body_too_large"),
    ],
)
async def test_what_is_not_an_event_is_refused(receiver: Receiver, body: Any, status: int, code: str) -> None:
    answer = await post(receiver, body)
    assert (answer.status_code, answer.json()["message_code"]) == (status, code)
    assert set(answer.json()) == {"message_code", "message", "trace"}


async def test_events_wait_on_disk_while_the_store_is_away(receiver: Receiver, store: Events) -> None:
    store.away = True
    assert (await post(receiver, event("completed", metrics={"acc": 0.5}))).status_code == 204
    with pytest.raises(StoreUnavailable):
        await receiver.settle()
    store.away = False
    await receiver.settle()
    assert store.statuses == ["completed"]


async def test_an_acknowledged_event_survives_the_receiver(store: Events, tmp_path: Path) -> None:
    store.away = True
    async with receiving(tmp_path, store, stored=lambda _: None, now=lambda: NOW) as receiver:
        receiver.expect("a1", spec())
        assert (await post(receiver, event("completed"))).status_code == 204
    store.away = False
    arrived = asyncio.Event()
    async with receiving(tmp_path, store, stored=lambda _: arrived.set(), now=lambda: NOW):
        await asyncio.wait_for(arrived.wait(), timeout=10)
    assert store.statuses == ["completed"]


async def test_killed_between_store_and_disk_an_event_is_still_stored_once(store: Events, tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    await spool.put(Spooled(id="e1", attempt_id="a1", received_at=NOW, body=event()["benchmark_status_event"]))
    await store.add_events([EventRow(id="e1", attempt_id="a1", received_at=NOW, body={"status": "running"})])
    async with receiving(tmp_path, store, stored=lambda _: None, now=lambda: NOW) as receiver:
        await receiver.settle()
    assert list(store.rows) == ["e1"]
    assert not spool.pending()


async def test_the_token_is_the_attempts_own(receiver: Receiver, store: Events) -> None:
    first, second = receiver.expect("a1", spec()), receiver.expect("a2", spec())
    answers = [
        await post(receiver, event(), token=first),
        await post(receiver, event(), token=second),
        await post(receiver, event(), attempt="a2", token=second),
        await post(receiver, event(), attempt="a2"),
    ]
    assert [each.status_code for each in answers] == [204, 401, 204, 204]
    await receiver.settle()
    assert [row.attempt_id for row in store.rows.values()] == ["a1", "a2", "a2"]


async def test_an_event_without_a_fence_is_taken_by_hand(receiver: Receiver, store: Events) -> None:
    attempt_id = receiver.attempt_of("job-1", "p", "b", 0)
    assert attempt_id == "a1"
    said = StatusEvent(provider_id="p", id="b", status="completed", metrics={"acc": 0.5})
    await receiver.post(attempt_id, said)
    await receiver.settle()
    assert [row.body for row in store.rows.values()] == [said.model_dump(mode="json", exclude_none=True)]
    assert not receiver.pending()


async def test_what_is_forgotten_is_not_taken(receiver: Receiver) -> None:
    receiver.forget_job("job-1")
    assert (await post(receiver, event())).status_code == 404
    assert receiver.expected_jobs() == frozenset()


async def test_whoever_posts_together_is_kept_together(receiver: Receiver, store: Events, tmp_path: Path) -> None:
    store.away = True
    answers = await asyncio.gather(*(post(receiver, event()) for _ in range(8)))
    assert [each.status_code for each in answers] == [204] * 8
    kept = [len(segment.events) for segment in Spool(tmp_path / "spool").segments()]
    assert sum(kept) == 8
    store.away = False
    await receiver.settle()
    assert store.statuses == ["running"] * 8
