"""Going on with a job that ended: the fact, what it clears, and a record of provenance for each end."""

from dataclasses import replace

import psycopg
import pytest
from tests.integration.store.making import attempt, benchmark, job, minutes, result

from evallab.api.errors import NotFound
from evallab.store.postgres import PostgresStore


@pytest.fixture
async def ended(store: PostgresStore) -> PostgresStore:
    """A cancelled job, one of whose benchmarks had completed."""
    await store.create_job(job(), [benchmark()], actor="ada")
    await store.save_attempt(attempt())
    await store.record_result(result())
    await store.request_cancel("job-1", actor="ada", now=minutes(2))
    server = {"runtime": "custom", "failure": "it died"}
    row = replace(job(), state="cancelled", finished_at=minutes(3), reason="Cancelled", model_server=server)
    await store.save_job(row, [benchmark()])
    await store.add_provenance("job-1", {"evallab": {"commit": "first"}}, now=minutes(3))
    return store


async def test_a_resumed_job_waits_again_and_nothing_ends_it(ended: PostgresStore) -> None:
    assert await ended.resume_job("job-1", actor="ada", now=minutes(4))
    row = (await ended.snapshot("job-1")).job
    assert (row.state, row.finished_at, row.reason, row.cancel_requested) == ("pending", None, None, False)
    assert (row.resumed_at, row.model_server) == (minutes(4), {"runtime": "custom"})
    assert [each.id for each in await ended.unfinished(row.runtime)] == ["job-1"]


async def test_each_end_has_its_record_and_the_newest_counts(ended: PostgresStore, database_url: str) -> None:
    await ended.resume_job("job-1", actor="ada", now=minutes(4))
    assert (await ended.provenance("job-1"))["job"] == {"evallab": {"commit": "first"}}
    for commit in ("second", "third"):  # only the first of an end is kept
        await ended.add_provenance("job-1", {"evallab": {"commit": commit}}, now=minutes(5))
    assert (await ended.provenance("job-1"))["job"] == {"evallab": {"commit": "second"}}
    with psycopg.connect(database_url) as connection:
        kept = connection.execute("SELECT count(*) FROM provenance WHERE attempt_id IS NULL").fetchone()
        shown = connection.execute("SELECT evallab_commit FROM scores").fetchall()
    assert (kept, set(shown)) == ((2,), {("second",)})
    assert len(shown) == len(await ended.scores("job-1"))


async def test_a_completed_job_is_not_resumed_and_an_unknown_one_not_found(ended: PostgresStore) -> None:
    await ended.save_job(replace(job(), state="completed", finished_at=minutes(3)), [benchmark()])
    assert not await ended.resume_job("job-1", actor="ada", now=minutes(4))
    with pytest.raises(NotFound, match="job-9"):
        await ended.resume_job("job-9", actor="ada", now=minutes(4))
