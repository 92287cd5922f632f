"""Postgres is killed, goes away for a while, or stays away, in the middle of a job."""

import asyncio
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from tests.integration.faults.jobs import CATALOG, environ, job, until, values

from evallab.api.errors import StoreUnavailable
from evallab.local import lab as root
from evallab.local.lab import Lab, open_lab
from evallab.settings import Settings
from evallab.store import embedded
from evallab.store.connection import open_store

EVENTS = 12
TELLING = f"""
for number in range({EVENTS}):
    post(status="running", progress={{"done": number, "total": {EVENTS}}})
    time.sleep(0.25)
write_result([1, 0, 1])
"""


@pytest.fixture
def postgres(home: Path) -> Iterator[Path]:
    """The home of a Postgres of the test's own."""
    path = home / "postgres-of-the-test"
    embedded.ensure(path)
    yield path
    embedded.stop(path)


@pytest.fixture
def settings(home: Path, postgres: Path) -> Settings:
    url = embedded.ensure(postgres)
    return Settings(home=home / "lab", jobs_dir=home / "jobs-dir", config_dir=home, database_url=url)


async def started(lab: Lab, script: str = TELLING, seconds: float = 0.0) -> tuple[str, "asyncio.Task[object]"]:
    """Start a job and wait until its adapter has said something; then it may first take its time."""
    spec = job(f"post(status='running'); time.sleep({seconds}); {script}" if seconds else script)
    job_id = await lab.submit(spec, manifest="", manifest_dir=None)
    running: asyncio.Task[object] = asyncio.create_task(lab.run(job_id))

    async def told() -> bool:
        return bool((await lab.store.snapshot(job_id)).events)

    await until(told)
    return job_id, running


async def nothing_lost(lab: Lab, job_id: str, url: str | None) -> None:
    """Every event and every sample is there once, and the job is completed at the first attempt."""
    done = await lab.store.snapshot(job_id)
    assert (done.job.state, len(done.attempts)) == ("completed", 1)
    told = ask(url, "SELECT (body->'progress'->>'done')::int FROM evallab_tables.events ORDER BY received_at")
    assert told == [(number,) for number in range(EVENTS)]
    assert await values(lab, done) == [1.0, 0.0, 1.0]


def ask(url: str | None, query: LiteralString) -> list[tuple[Any, ...]]:
    """Ask the database itself."""
    with psycopg.connect(url or "", autocommit=True) as connection:
        return connection.execute(query).fetchall()


async def test_postgres_is_killed(lab: Lab, settings: Settings) -> None:
    """Postgres is killed (`kill -9`) in the middle of a job.

    Ends: completed; Postgres is restarted by its supervisor, the transaction is repeated
    Told: nothing
    Kept: every event and every sample, once
    """
    job_id, running = await started(lab)
    [[folder]] = ask(settings.database_url, "SHOW data_directory")
    os.kill(int(Path(folder, "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    await running
    await nothing_lost(lab, job_id, settings.database_url)


@pytest.mark.parametrize("seconds", [3, pytest.param(62, marks=pytest.mark.slow)])
async def test_postgres_is_away_for_a_minute(lab: Lab, settings: Settings, postgres: Path, seconds: int) -> None:
    """Postgres is away for a minute in the middle of a job.

    Ends: completed; it is waited for, for two minutes at most
    Told: nothing
    Kept: every event (on disk meanwhile) and every sample, once
    """
    job_id, running = await started(lab)
    await asyncio.to_thread(embedded.stop, postgres)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(embedded.ensure, postgres)
    await running
    await nothing_lost(lab, job_id, settings.database_url)


async def test_postgres_stays_away(settings: Settings, postgres: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Postgres goes away in the middle of a job and does not come back.

    Ends: the command with 70 after two minutes, its attempts with it; the next command buries the job, or resumes it
    Told: that Postgres cannot be reached, and why; check that it runs, then repeat
    Kept: what was committed, events and results on disk; they are recorded when Postgres is back
    """
    monkeypatch.setattr(root, "open_store", partial(open_store, patience_s=2))
    async with open_lab(settings, CATALOG, environ=environ()) as lab:
        job_id, running = await started(lab)
        await asyncio.to_thread(embedded.stop, postgres)
        with pytest.raises(StoreUnavailable, match=r"cannot be reached.*Check that Postgres runs"):
            await running
    back = replace(settings, database_url=await asyncio.to_thread(embedded.ensure, postgres))
    ask(back.database_url, "DELETE FROM evallab_tables.leases RETURNING job_id")  # as if half a minute had gone by
    async with open_lab(back, CATALOG, environ=environ()) as lab:
        await lab.run(job_id)
        done = await lab.store.snapshot(job_id)
        assert (done.job.state, len(done.attempts)) == ("completed", 1)
        assert await values(lab, done) == [1.0, 0.0, 1.0]
