"""Attempts and events: fenced, kept, never changed afterwards."""

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
