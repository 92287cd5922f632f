"""Being told that a job changed."""

from contextlib import aclosing
from dataclasses import replace

import psycopg
from tests.integration.store.making import benchmark, job, minutes

from evallab.store.postgres import PostgresStore


async def test_a_change_by_somebody_else_wakes(store: PostgresStore, database_url: str) -> None:
    await store.create_job(job(), [benchmark()], actor="ada")
    await store.create_job(job("job-2"), [benchmark("job-2")], actor="ada")
    async with PostgresStore(lambda: database_url) as other, aclosing(store.changes("job-1")) as changes:
        await anext(changes)  # it listens
        await other.save_job(job("job-2", state="running"), [])
        await other.save_job(job(message="the same state"), [])
        await other.request_cancel("job-1", actor="bob", now=minutes(1))
        await anext(changes)
        await other.save_job(replace(job(), state="cancelled"), [])
        await anext(changes)
        snapshot = await store.snapshot("job-1")

    assert (snapshot.job.state, snapshot.job.cancel_requested) == ("cancelled", True)


async def test_it_listens_again_when_its_connection_breaks(store: PostgresStore, database_url: str) -> None:
    await store.create_job(job(), [benchmark()], actor="ada")
    async with aclosing(store.changes("job-1")) as changes:
        await anext(changes)
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' "
                "AND datname = current_database()"
            )
        await anext(changes)  # listens again
        await store.request_cancel("job-1", actor="bob", now=minutes(1))
        await anext(changes)
