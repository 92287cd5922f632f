"""Migrations on real databases: applied once, by one, or refused."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Jsonb

from evallab.api.errors import StoreUnavailable
from evallab.api.evalhub.query import Term
from evallab.store.connection import open_store
from evallab.store.interface import JobQuery
from evallab.store.migrate import Migration, known, migrate
from evallab.store.postgres import PostgresStore

NAMES = [each.name for each in known()]
OLD_JOBS = """
INSERT INTO evallab_tables.jobs (
    id, name, model_id, spec, state, runtime, attached, manifest, created_at, finished_at
)
SELECT
    'job-' || number, 'old', 1, %(spec)s, 'completed', 'local', TRUE, '',
    '2026-01-01Z'::timestamptz + number * interval '1 hour', '2026-02-02Z'
FROM generate_series(1, 3) AS number
"""


def remembered(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM evallab_tables.schema_migrations ORDER BY 1")]


async def test_a_database_is_migrated_once(empty_database_url: str, tmp_path: Path) -> None:
    for _ in range(2):
        async with open_store(url=empty_database_url, home=tmp_path) as store:
            assert await store.jobs() == []

    assert remembered(empty_database_url) == NAMES


async def test_many_processes_may_migrate_at_once(empty_database_url: str, tmp_path: Path) -> None:
    stores = await asyncio.gather(*(open_all(empty_database_url, tmp_path) for _ in range(6)))

    assert stores == [[]] * 6
    assert remembered(empty_database_url) == NAMES


async def open_all(url: str, home: Path) -> list[object]:
    async with open_store(url=url, home=home) as store:
        return list(await store.jobs())


async def test_a_database_of_a_newer_evallab_is_refused(empty_database_url: str, tmp_path: Path) -> None:
    await open_all(empty_database_url, tmp_path)
    change(empty_database_url, "INSERT INTO evallab_tables.schema_migrations VALUES ('0999_future', 'x')")

    for migrate_too in (True, False):
        with pytest.raises(StoreUnavailable, match="newer evallab: it has 0999_future"):
            await open_store(url=empty_database_url, home=tmp_path, migrate=migrate_too)


async def test_a_migration_whose_content_changed_is_refused(empty_database_url: str, tmp_path: Path) -> None:
    await open_all(empty_database_url, tmp_path)
    change(empty_database_url, "UPDATE evallab_tables.schema_migrations SET sha256 = 'x' WHERE name = '0001_tables'")

    with pytest.raises(StoreUnavailable, match="another content of 0001_tables"):
        await open_store(url=empty_database_url, home=tmp_path)


async def test_without_migrating_the_schema_is_only_checked(empty_database_url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="The database lacks 0001_tables"):
        await open_store(url=empty_database_url, home=tmp_path, migrate=False)

    await open_all(empty_database_url, tmp_path)
    async with open_store(url=empty_database_url, home=tmp_path, migrate=False) as store:
        assert await store.jobs() == []


async def test_a_migration_that_fails_leaves_nothing(empty_database_url: str) -> None:
    steps = (
        Migration(name="0001_good", sql="CREATE TABLE public.made (id int)"),
        Migration(name="0002_bad", sql="CREATE TABLE public.made (id int)"),
    )
    async with PostgresStore(lambda: empty_database_url) as store:
        with pytest.raises(StoreUnavailable, match='Migration 0002_bad failed: relation "made" already exists'):
            await store.prepare(lambda connection: migrate(connection, steps))

    with psycopg.connect(empty_database_url) as connection:
        found = connection.execute("SELECT to_regclass('public.made'), to_regnamespace('evallab_tables')").fetchone()
        assert found == (None, None)


async def test_a_new_migration_is_added_to_those_applied(empty_database_url: str) -> None:
    first = Migration(name="0001_first", sql="CREATE TABLE public.made (id int)")
    second = Migration(name="0002_second", sql="ALTER TABLE public.made ADD COLUMN name text")
    async with PostgresStore(lambda: empty_database_url) as store:
        await store.prepare(lambda connection: migrate(connection, (first,)))
        await store.prepare(lambda connection: migrate(connection, (first, second)))

    assert remembered(empty_database_url) == [first.name, second.name]


async def test_jobs_from_before_servers_are_counted_dated_and_listed(empty_database_url: str, tmp_path: Path) -> None:
    before = [each for each in known() if each.name < "0005"]
    async with PostgresStore(lambda: empty_database_url) as store:
        await store.prepare(lambda connection: migrate(connection, before))
    change(empty_database_url, "INSERT INTO evallab_tables.models (name) VALUES ('tiny')")
    spec = {"name": "old", "model": {"name": "tiny"}, "tags": ["a"], "pending_deadline_seconds": 60}
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(OLD_JOBS, {"spec": Jsonb(spec)})

    async with open_store(url=empty_database_url, home=tmp_path) as store:
        page = await store.job_page(JobQuery(limit=1, tags=((Term("a"),),)))
        whole = await store.job_page(JobQuery(limit=1))
    job = page.jobs[0].job
    assert (page.total, whole.total, job.id, job.spec.tags) == (3, 3, "job-3", ("a",))
    assert job.updated_at == job.finished_at == datetime(2026, 2, 2, tzinfo=UTC)


async def test_a_role_named_like_the_program_sees_the_views(empty_database_url: str, tmp_path: Path) -> None:
    await open_all(empty_database_url, tmp_path)
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute(
            "SELECT current_user, 'scores'::regclass::oid = 'public.scores'::regclass"
        ).fetchone() == (
            "evallab",
            True,
        )


def change(url: str, statement: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode())
