"""Attempts and events: fenced, kept, never changed afterwards."""

import asyncio
from dataclasses import replace

import pytest
from tests.integration.store.making import attempt, benchmark, event, job, minutes

from evallab.api.errors import EvallabError, NotFound
from evallab.store.postgres import PostgresStore


@pytest.fixture
async def running(store: PostgresStore) -> PostgresStore:
    await store.create_job(job(), [benchmark()], actor="ada")
    await store.save_attempt(attempt(state="starting", started_at=None))
    return store


async def test_an_attempt_is_replaced_until_it_ends(running: PostgresStore) -> None:
    ended = attempt(state="failed", exit_code=3, finished_at=minutes(4), reason="AdapterFailed")
    for each in (attempt(), ended, attempt(state="running"), replace(ended, state="completed", exit_code=0)):
        await running.save_attempt(each)

    assert (await running.snapshot("job-1")).attempts == (ended,)


async def test_a_number_is_given_once(running: PostgresStore) -> None:
    with pytest.raises(EvallabError, match="attempts_numbered"):
        await running.save_attempt(attempt(id="another"))


async def test_an_event_is_kept_once(running: PostgresStore) -> None:
    for body in ({"status": "running"}, {"status": "completed"}):
        await running.add_event(event(body=body))

    assert (await running.snapshot("job-1")).events == (event(body={"status": "running"}),)


async def test_an_event_after_the_end_is_late(running: PostgresStore) -> None:
    await running.add_event(event("in-time"))
    await running.save_attempt(attempt(state="failed"))
    await running.add_event(event("in-time"))
    await running.add_event(event("too-late"))

    events = (await running.snapshot("job-1")).events
    assert [(each.id, each.late) for each in events] == [("in-time", False), ("too-late", True)]


async def test_an_event_of_nobody_is_not_found(running: PostgresStore) -> None:
    with pytest.raises(NotFound, match="job-9-a1"):
        await running.add_event(event(attempt_id="job-9-a1"))


async def test_many_events_are_one_batch(running: PostgresStore) -> None:
    await running.create_job(job("job-2"), [benchmark("job-2")], actor="ada")
    await running.save_attempt(attempt("job-2", state="failed"))
    end = {"status": "failed"}
    batch = [
        event("first", body=end),
        event("nobody's", "job-9-a1"),
        event("late", "job-2-a1", body=end),
        event("second", body=end),
        event("first", body={"status": "running"}),
    ]
    for _ in range(2):
        assert await running.add_events(batch) == {"nobody's"}

    assert (await running.snapshot("job-1")).events == (batch[0], batch[3])
    assert (await running.snapshot("job-2")).events == (replace(batch[2], late=True),)
    assert await running.add_events([]) == frozenset()


async def test_a_batch_that_postgres_refuses_leaves_nothing(running: PostgresStore) -> None:
    with pytest.raises(EvallabError):
        await running.add_events([event("good"), event("bad", received_at=None)])

    assert (await running.snapshot("job-1")).events == ()


async def test_batches_from_many_at_once_are_kept_whole(running: PostgresStore, database_url: str) -> None:
    async with PostgresStore(lambda: database_url) as other:
        batches = [[event(f"{name}-{number:02}", body={"status": "failed"}) for number in range(50)] for name in "abcd"]
        await asyncio.gather(*((running, other)[number % 2].add_events(each) for number, each in enumerate(batches)))

    found = [each.id for each in (await running.snapshot("job-1")).events]
    assert len(found) == 200
    for name in "abcd":
        assert [each for each in found if each[0] == name] == [f"{name}-{number:02}" for number in range(50)]
