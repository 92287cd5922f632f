"""A job as it goes, over real HTTP: in order, resumable without loss or doubling, and gone when the client is."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.server.about_house import house, serving
from tests.integration.store import making
from tests.integration.store.making import minutes

from evallab.server import stream, stream_following
from evallab.server.house import House
from evallab.server.routes import stream as route
from evallab.store.interface import BenchmarkRow, JobRow
from evallab.store.postgres import PostgresStore

PATIENCE_S = 20.0
STREAM = "/api/v1/evaluations/jobs/job-1/stream"


@dataclass
class Message:
    """One message of a stream."""

    kind: str = ""
    id: str = ""
    data: Any = None

    @property
    def number(self) -> int | None:
        """Return the number that the test gave to an event."""
        return None if self.kind != "event" else int(self.data["benchmark_status_event"]["number"])


@dataclass
class Client:
    """Reads a stream message by message."""

    response: httpx.Response
    lines: AsyncIterator[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = self.response.aiter_lines()

    async def message(self) -> Message:
        """Return the next message; one without a kind at the end."""
        found = Message()
        async with asyncio.timeout(PATIENCE_S):
            async for line in self.lines:
                name, _, value = line.partition(": ")
                if name == "event":
                    found.kind = value
                elif name == "id":
                    found.id = value
                elif name == "data":
                    found.data = json.loads(value)
                elif not line and found.kind:
                    return found
        return found

    async def rest(self) -> list[Message]:
        """Return all messages until the stream ends."""
        found = []
        while (message := await self.message()).kind:
            found.append(message)
        return found


@pytest.fixture
def parts(store: PostgresStore, tmp_path: Path) -> House:
    return house(store, tmp_path)


@pytest.fixture
async def url(parts: House) -> AsyncIterator[str]:
    async with serving(parts, route.OPERATIONS) as address:
        yield address


@pytest.fixture
async def running(store: PostgresStore) -> JobRow:
    job = making.job()
    await store.create_job(job, [making.benchmark()], actor="test")
    await store.save_attempt(making.attempt())
    job = replace(job, state="running", started_at=minutes(1))
    await store.save_job(job, [making.benchmark(state="running", started_at=minutes(1))])
    return job


async def post(store: PostgresStore, *numbers: int) -> None:
    """Store events as the receiver does."""
    for number in numbers:
        body = {"provider_id": "lm_evaluation_harness", "id": "sums", "status": "running", "number": number}
        await store.add_event(making.event(f"event-{number}", body=body))


async def finish(store: PostgresStore, job: JobRow) -> None:
    await store.save_attempt(making.attempt(state="completed", finished_at=minutes(3)))
    ended = BenchmarkRow(**vars(making.benchmark(state="completed", finished_at=minutes(3))))
    await store.save_job(replace(job, state="completed", finished_at=minutes(3)), [ended])


async def follow(url: str, last: str | None = None) -> list[Message]:
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
        headers = {"Last-Event-ID": last} if last else {}
        async with http.stream("GET", url + STREAM, headers=headers) as response:
            return await Client(response).rest()


async def test_a_finished_job_is_told_whole_and_the_stream_ends(
    store: PostgresStore, url: str, running: JobRow
) -> None:
    await post(store, *range(250))
    await finish(store, running)
    messages = await follow(url)
    assert [each.number for each in messages[:250]] == list(range(250))
    assert [(each.kind, each.id.partition("-")[0]) for each in messages[250:]] == [("status", "250"), ("end", "250")]
    assert messages[250].data["status"]["state"] == "completed"
    assert messages[251].data == {"state": "completed"}


async def test_an_event_is_told_as_it_was_posted(store: PostgresStore, url: str, running: JobRow) -> None:
    await post(store, 7)
    await finish(store, running)
    (event, *_) = await follow(url)
    assert event.data == {
        "attempt_id": "job-1-a1",
        "benchmark_index": 0,
        "received_at": "2026-11-22T12:02:00Z",
        "late": False,
        "benchmark_status_event": {
            "provider_id": "lm_evaluation_harness",
            "id": "sums",
            "status": "running",
            "number": 7,
        },
    }


async def test_what_happens_while_somebody_follows_is_told_in_order(
    store: PostgresStore, url: str, running: JobRow
) -> None:
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http, http.stream("GET", url + STREAM) as response:
        client = Client(response)
        first = await client.message()
        await post(store, 0, 1)
        told = [await client.message(), await client.message()]
        await finish(store, running)
        rest = await client.rest()
    assert response.headers["content-type"].startswith("text/event-stream")
    assert (first.kind, first.data["status"]["state"]) == ("status", "running")
    assert [each.number for each in told] == [0, 1]
    assert (rest[-2].data["status"]["state"], rest[-1].kind) == ("completed", "end")


@pytest.mark.parametrize("cut", [1, 2, 60, 130])
async def test_a_client_that_was_cut_off_goes_on_without_loss_or_doubling(
    store: PostgresStore, url: str, running: JobRow, cut: int
) -> None:
    await post(store, *range(120))
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http, http.stream("GET", url + STREAM) as response:
        client = Client(response)
        before = [await client.message() for _ in range(min(cut, 121))]
    await post(store, *range(120, 140))
    await finish(store, running)
    after = await follow(url, before[-1].id)
    numbers = [each.number for each in before + after if each.kind == "event"]
    assert numbers == list(range(140))
    assert len({each.id for each in before + after}) == len(before + after)
    assert [each.kind for each in after[-2:]] == ["status", "end"]


async def test_events_that_many_store_at_once_all_reach_a_client_that_reads_meanwhile(
    store: PostgresStore, url: str, running: JobRow
) -> None:
    async def write(start: int) -> None:
        for number in range(start, 200, 4):
            await post(store, number)

    following = asyncio.create_task(follow(url))
    await asyncio.gather(*(write(start) for start in range(4)))
    await finish(store, running)
    numbers = [each.number for each in await following if each.kind == "event"]
    assert (sorted(each for each in numbers if each is not None), len(numbers)) == (list(range(200)), 200)


async def test_who_has_read_the_end_is_told_not_to_come_back(store: PostgresStore, url: str, running: JobRow) -> None:
    await finish(store, running)
    last = (await follow(url))[-1]
    async with httpx.AsyncClient() as http:
        again = await http.get(url + STREAM, params={"last_event_id": last.id})
    assert (again.status_code, again.content) == (204, b"")


async def test_a_client_that_goes_away_ends_its_stream_at_once(
    parts: House, url: str, running: JobRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_following, "LOOK_S", 3600.0)  # it is not the next look that notices
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http, http.stream("GET", url + STREAM) as response:
        await Client(response).message()
        assert len(parts.streams) == 1
    async with asyncio.timeout(PATIENCE_S):
        while len(parts.streams):  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.01)


async def test_a_ring_makes_a_stream_look_at_once(
    store: PostgresStore, parts: House, url: str, running: JobRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_following, "LOOK_S", 3600.0)
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http, http.stream("GET", url + STREAM) as response:
        client = Client(response)
        await client.message()
        await post(store, 5)
        parts.streams.ring("job-1")
        assert (await client.message()).number == 5


async def test_a_quiet_stream_says_that_it_is_alive(url: str, running: JobRow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_following, "LOOK_S", 0.01)
    monkeypatch.setattr(stream_following, "ALIVE_S", 0.02)
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http, http.stream("GET", url + STREAM) as response:
        async for line in response.aiter_lines():
            if line == ": alive":
                break


async def test_a_server_that_is_told_to_end_ends_its_streams(parts: House, running: JobRow) -> None:
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
        async with serving(parts, route.OPERATIONS) as url:
            following = asyncio.create_task(http.get(url + STREAM))
            while not len(parts.streams):  # noqa: ASYNC110 - the server has no event for it
                await asyncio.sleep(0.01)
        answer = await following
    assert "event: status" in answer.text
    assert "event: end" not in answer.text


async def test_a_job_that_is_deleted_meanwhile_ends_the_stream(store: PostgresStore, url: str, running: JobRow) -> None:
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http, http.stream("GET", url + STREAM) as response:
        client = Client(response)
        await client.message()
        await store.delete_job("job-1", actor="test", now=minutes(2))
        assert [(each.kind, each.data) for each in await client.rest()] == [("end", {"state": "deleted"})]


async def test_a_client_that_does_not_read_is_waited_for(
    store: PostgresStore, parts: House, url: str, running: JobRow
) -> None:
    padding = "x" * 20_000
    for number in range(400):
        body = {"provider_id": "lm_evaluation_harness", "id": "sums", "status": "running", "number": number}
        await store.add_event(making.event(f"event-{number}", body=body | {"padding": padding}))
    await finish(store, running)
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 16)
    writer.write(f"GET {STREAM} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    await asyncio.sleep(1.5)
    assert len(parts.streams) == 1  # 8 MB do not fit between us: what is not taken is not read from the store
    async with asyncio.timeout(PATIENCE_S):
        received = await reader.read(-1)
    writer.close()
    assert received.count(b'"number":') == 400


@pytest.mark.parametrize("last", ["nonsense", "1", "-1-new", "1-zz", "99999999999999999999-new"])
async def test_a_place_that_is_none_is_refused(url: str, running: JobRow, last: str) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.get(url + STREAM, headers={"Last-Event-ID": last})
    assert (answer.status_code, answer.json()["message_code"]) == (400, "query_parameter_invalid")


async def test_a_job_of_another_tenant_is_not_followed(store: PostgresStore, url: str) -> None:
    await store.create_job(making.job(tenant="ours", owner="ada"), [making.benchmark()], actor="test")
    async with httpx.AsyncClient() as http:
        answer = await http.get(url + STREAM, headers={"X-Tenant": "theirs"})
    assert (answer.status_code, answer.json()["message_code"]) == (404, "resource_not_found")


async def test_one_stream_too_many_is_refused(
    parts: House, url: str, running: JobRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MOST", 0)
    async with httpx.AsyncClient() as http:
        answer = await http.get(url + STREAM)
    assert (answer.status_code, answer.json()["message_code"]) == (503, "service_unavailable")
