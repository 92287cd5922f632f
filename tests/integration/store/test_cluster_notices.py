"""Who drives jobs of a cluster hears of what happens to them; suspending and hurrying are rows with a trail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

import psycopg
import pytest
from tests.integration.store.making import attempt, benchmark, event, job, minutes

from evallab.api.errors import NotFound
from evallab.store.interface import JobRow
from evallab.store.postgres import PostgresStore

LONG = 30


def clustered(id_: str = "job-1") -> JobRow:
    return job(id_, runtime="kubernetes", tenant="team", resource="mine")


async def begun(store: PostgresStore, *jobs: JobRow) -> None:
    for each in jobs:
        await store.create_job(each, [benchmark(each.id)], actor="ada")
        await store.save_attempt(attempt(each.id))


async def heard(notices: AsyncIterator[str], count: int) -> list[str]:
    async with asyncio.timeout(LONG):
        return [await anext(notices) for _ in range(count)]


async def test_events_seals_and_wishes_are_announced_once_a_statement(store: PostgresStore) -> None:
    await begun(store, clustered("job-1"), clustered("job-2"), job("local"))
    async with aclosing(store.listen()) as notices:
        assert await heard(notices, 1) == [""]
        await store.add_events([event(f"e{number}") for number in range(50)])
        await store.add_events([event("elsewhere", "local-a1")])
        await store.add_events([event("again", "job-2-a1"), event("e0")])
        await store.seal("job-1-a1", {"files": [], "events": 0}, now=minutes(1))
        await store.seal("job-1-a1", {"files": [], "events": 0}, now=minutes(2))
        await store.set_suspended("job-2", True, actor="ada", now=minutes(3))
        await store.set_suspended("job-2", True, actor="ada", now=minutes(4))
        await store.set_priority("job-1", 7, actor="ada", now=minutes(5))
        await store.request_cancel("job-2", actor="ada", now=minutes(6))
        await store.request_cancel("local", actor="ada", now=minutes(6))
        await store.delete_job("job-1", actor="ada", now=minutes(7))
        assert await heard(notices, 7) == ["job-1", "job-2", "job-1", "job-2", "job-1", "job-2", "job-1"]


async def test_listening_begins_anew_when_the_connection_breaks(store: PostgresStore, database_url: str) -> None:
    await begun(store, clustered())
    async with aclosing(store.listen()) as notices:
        assert await heard(notices, 1) == [""]
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as other:
            await other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND query = 'LISTEN evallab_jobs'"
            )
        assert await heard(notices, 1) == [""]
        await store.add_events([event()])
        assert await heard(notices, 1) == ["job-1"]


async def test_suspending_and_hurrying_leave_a_trail(store: PostgresStore, database_url: str) -> None:
    await begun(store, clustered())
    await store.set_suspended("job-1", True, actor="ada", now=minutes(1))
    await store.set_priority("job-1", 7, actor="eve", now=minutes(2))
    await store.save_job(replace(clustered(), state="running", updated_at=minutes(2)), [])

    found = (await store.snapshot("job-1")).job
    spec = clustered().spec.model_copy(update={"priority": 7})
    assert found == replace(clustered(), spec=spec, state="running", suspended=True, updated_at=minutes(2))

    await store.set_suspended("job-1", False, actor="ada", now=minutes(3))
    assert not (await store.snapshot("job-1")).job.suspended
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        trail = await connection.execute("SELECT actor, action, detail FROM audit WHERE job_id = 'job-1' ORDER BY at")
        assert await trail.fetchall() == [
            ("ada", "create_job", {}),
            ("ada", "suspend_job", {}),
            ("eve", "set_priority", {"priority": 7}),
            ("ada", "unsuspend_job", {}),
        ]


async def test_nobody_is_suspended_or_hurried(store: PostgresStore) -> None:
    with pytest.raises(NotFound, match="There is no job 'nobody'"):
        await store.set_suspended("nobody", True, actor="ada", now=minutes(1))
    with pytest.raises(NotFound, match="There is no job 'nobody'"):
        await store.set_priority("nobody", 1, actor="ada", now=minutes(1))
