"""Postgres that goes away: killed and back, gone for good, never there."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from tests.integration.store.making import attempt, benchmark, event, job, result

from evallab.api.errors import StoreUnavailable
from evallab.store import embedded
from evallab.store.connection import open_store
from evallab.store.postgres import PostgresStore


@pytest.fixture
def own_home(open_home: Path) -> Iterator[Path]:
    """A server of this test's own, to be killed."""
    home = open_home / "to-be-killed"
    yield home
    embedded.stop(home)


def kill_server(home: Path) -> None:
    url = embedded.running(home)
    assert url is not None
    with psycopg.connect(url) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    os.kill(int(Path(row[0], "postmaster.pid").read_text().split()[0]), signal.SIGKILL)


async def test_a_killed_server_costs_no_committed_row(own_home: Path) -> None:
    async with open_store(url=None, home=own_home) as store:
        await store.create_job(job(), [benchmark()], actor="ada")
        await store.save_attempt(attempt())
        for number in range(40):
            if number % 10 == 5:
                kill_server(own_home)
            await store.add_event(event(f"event-{number:02}", body={"status": "failed"}))
        kill_server(own_home)
        await store.record_result(result())

        snapshot = await store.snapshot("job-1")
        assert [each.id for each in snapshot.events] == [f"event-{number:02}" for number in range(40)]
        assert snapshot.results == {"job-1-a1"}
        assert len(await store.samples("job-1", 0)) == 3


async def test_a_stopped_server_is_started_by_the_next_question(own_home: Path) -> None:
    async with open_store(url=None, home=own_home) as store:
        await store.create_job(job(), [benchmark()], actor="ada")
        embedded.stop(own_home)
        assert (await store.snapshot("job-1")).job == job()


async def test_broken_connections_are_replaced(store: PostgresStore, server: psycopg.Connection) -> None:
    await store.create_job(job(), [], actor="ada")
    server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'evallab'")

    assert (await store.snapshot("job-1")).job == job()


async def test_an_absence_is_said_once_and_how_long_it_was(
    store: PostgresStore, server: psycopg.Connection, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    name = sql.Identifier(database_url.rpartition("/")[2].partition("?")[0])
    with caplog.at_level(logging.INFO, logger="evallab.store"):
        server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'evallab'")
        asking = [asyncio.create_task(store.jobs()) for _ in range(8)]
        await asyncio.sleep(1)
        assert [each.getMessage() for each in caplog.records] == ["database away"]
        server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
        assert await asyncio.gather(*asking) == [[]] * 8
    (away, back) = caplog.records
    assert (away.levelname, back.levelname, back.getMessage()) == ("WARNING", "INFO", "database back")
    assert vars(back)["seconds"] >= 1


async def test_why_a_server_does_not_come_back_is_kept(database_url: str, server: psycopg.Connection) -> None:
    urls = [database_url]

    def next_url() -> str:
        if urls:
            return urls.pop()
        raise StoreUnavailable("The disk is full.", remedy="Make room.")

    async with PostgresStore(next_url, patience_s=0.2) as store:
        assert await store.jobs() == []
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'evallab'")
        with pytest.raises(StoreUnavailable, match=r"The disk is full\. Make room\."):
            await store.jobs()


async def test_a_server_that_stays_away_is_said_so(tmp_path: Path) -> None:
    with socket.socket() as taken:  # bound, not listening: nobody answers there
        taken.bind(("127.0.0.1", 0))
        url = f"postgresql://ada:geheim@127.0.0.1:{taken.getsockname()[1]}/evallab"
        with pytest.raises(StoreUnavailable, match=r"refused.*EVALLAB_DATABASE_URL") as caught:
            await open_store(url=url, home=tmp_path, patience_s=0.2)
    assert "geheim" not in str(caught.value)


async def test_a_database_that_is_not_there_is_said_at_once(database_url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match='"nowhere" does not exist'):
        await open_store(url=database_url.rpartition("/")[0] + "/nowhere", home=tmp_path, patience_s=3600)


async def test_a_url_that_is_none_is_not_quoted(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="The URL of the database is not one") as caught:
        await open_store(url="postgresq://ada:geheim@host/db", home=tmp_path)
    assert "geheim" not in str(caught.value)


async def test_a_closed_store_says_so(database_url: str, tmp_path: Path) -> None:
    store = await open_store(url=database_url, home=tmp_path)
    await store.close()
    with pytest.raises(StoreUnavailable, match="The store was closed"):
        await store.jobs()


async def test_prepared_statements_that_went_are_done_without(store: PostgresStore, database_url: str) -> None:
    await store.create_job(job(), [benchmark()], actor="ada")
    before = [await store.snapshot("job-1") for _ in range(7)]
    with psycopg.connect(database_url) as connection:  # as a migration, or a pooler that forgets, would
        view = connection.execute("SELECT pg_get_viewdef('evallab_tables.job_snapshots'::regclass)").fetchone()
        assert view is not None
        changed = view[0].replace("(spec)::text AS spec", "(spec)::varchar AS spec")
        assert changed != view[0]
        connection.execute("DROP VIEW evallab_tables.job_snapshots")
        connection.execute(f"CREATE VIEW evallab_tables.job_snapshots AS {changed}".encode())

    assert [await store.snapshot("job-1") for _ in range(7)] == before
