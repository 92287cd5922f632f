"""Leases: one holder at a time, by the database's clock."""

import asyncio

import psycopg
import pytest
from tests.integration.store.making import job

from evallab.store.postgres import PostgresStore


@pytest.fixture
async def leased(store: PostgresStore) -> PostgresStore:
    await store.create_job(job(), [], actor="ada")
    assert await store.take_lease("job-1", "first", seconds=600)
    return store


async def test_a_live_lease_keeps_others_out_and_its_holder_in(leased: PostgresStore) -> None:
    assert not await leased.take_lease("job-1", "second", seconds=600)
    assert await leased.take_lease("job-1", "first", seconds=600)
    assert await leased.lease_holder("job-1") == "first"


async def test_an_expired_lease_is_taken_over_once(leased: PostgresStore, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE evallab_tables.leases SET expires_at = clock_timestamp() - interval '1 second'")
    assert await leased.lease_holder("job-1") is None

    taken = await asyncio.gather(*(leased.take_lease("job-1", f"holder-{n}", seconds=600) for n in range(6)))
    assert sum(taken) == 1
    assert await leased.lease_holder("job-1") == f"holder-{taken.index(True)}"


async def test_only_its_holder_gives_a_lease_back(leased: PostgresStore) -> None:
    await leased.drop_lease("job-1", "second")
    assert await leased.lease_holder("job-1") == "first"
    await leased.drop_lease("job-1", "first")
    assert await leased.take_lease("job-1", "second", seconds=600)
