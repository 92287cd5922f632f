"""A deleted job is nowhere, its results stay in the tables, and its files are free."""

from dataclasses import replace

import psycopg
import pytest
from psycopg import sql
from tests.integration.store.making import QUESTIONS, benchmark, comparison, ended_job, job, minutes

from evallab.api.errors import NotFound
from evallab.store.interface import EndedRow, JobQuery
from evallab.store.postgres import PostgresStore

VIEWS = (
    "artifacts", "attempts", "baselines", "benchmarks", "events", "jobs", "leaderboard", "models", "provenance",
    "samples", "scores",
)  # fmt: skip


@pytest.fixture
async def deleted(store: PostgresStore) -> PostgresStore:
    """A job that ended, was the baseline and pinned, and then was deleted."""
    await ended_job(store, job(idempotency_key="k"))
    await store.set_baseline("tiny", "job-1", actor="ada", now=minutes(2))
    await store.pin("job-1", actor="ada", now=minutes(2))
    for _ in range(2):
        await store.delete_job("job-1", actor="bob", now=minutes(3))
    return store


async def test_a_deleted_job_is_in_no_list(deleted: PostgresStore) -> None:
    assert await deleted.jobs() == []
    assert (await deleted.job_page(JobQuery())).total == 0
    assert await deleted.views(["job-1"]) == []
    assert await deleted.unfinished("local") == []
    assert await deleted.queue("local", first=9, now=minutes(9)) == []
    assert await deleted.queue_position("job-1") is None
    assert await deleted.names() == []
    assert await deleted.baselines() == []
    assert await deleted.latest() == []
    assert await deleted.history("tiny-q4", "sums") == []
    assert await deleted.artifact("job-1-artifact-1") is None
    assert await deleted.job_of_key(None, "k") is None


async def test_a_deleted_job_is_not_found(deleted: PostgresStore) -> None:
    for asked in (
        deleted.snapshot("job-1"),
        deleted.resolve("job-1"),
        deleted.resolve("job-"),
        deleted.resolve("nightly"),
        deleted.request_cancel("job-1", actor="ada", now=minutes(4)),
        deleted.resume_job("job-1", actor="ada", now=minutes(4)),
        deleted.set_baseline("tiny", "job-1", actor="ada", now=minutes(4)),
        deleted.pin("job-1", actor="ada", now=minutes(4)),
        deleted.delete_job("job-9", actor="ada", now=minutes(4)),
    ):
        with pytest.raises(NotFound):
            await asked
    assert (await deleted.snapshot("job-1", deleted=True)).job.deleted_at == minutes(3)


async def test_no_view_shows_it_but_its_results_stay_and_the_trail_says_who(
    deleted: PostgresStore, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        shown = [
            view
            for view in VIEWS
            if connection.execute(sql.SQL("SELECT FROM {}").format(sql.Identifier(view))).fetchall()
        ]
        kept = connection.execute("SELECT count(*) FROM evallab_tables.samples").fetchone()
        trail = connection.execute("SELECT actor, at, job_id FROM audit WHERE action = 'delete_job'").fetchall()
    assert (shown, kept, trail) == ([], (3,), [("bob", minutes(3), "job-1")])


async def test_its_files_are_needed_by_nobody(deleted: PostgresStore) -> None:
    assert await deleted.retained() == []
    assert await deleted.needed_paths() == frozenset()
    assert await deleted.ended(["job-1"]) == [
        EndedRow(id="job-1", state="completed", ended_at=minutes(1), deleted=True)
    ]


async def test_its_key_and_its_name_are_free(deleted: PostgresStore) -> None:
    assert await deleted.create_job(job("job-2", idempotency_key="k"), [], actor="ada") == "job-2"
    assert await deleted.resolve("nightly") == "job-2"


async def test_what_it_displaced_comes_back(store: PostgresStore) -> None:
    await ended_job(store, job("old"))
    await ended_job(store, job("new", created_at=minutes(5)))
    asked = {"question_key": QUESTIONS, "metric": "exact_match", "filter_": "none"}
    await ended_job(store, job("newest", created_at=minutes(9)))
    await store.add_comparisons([comparison("newest", "new")])
    assert [each.job_id for each in await store.latest()] == ["newest"]

    await store.delete_job("new", actor="ada", now=minutes(20))
    assert await store.comparable("newest", **asked) == ("old", 0)
    await store.delete_job("newest", actor="ada", now=minutes(21))
    assert [each.job_id for each in await store.latest()] == ["old"]


async def test_one_that_runs_is_cancelled_and_driven_to_its_end(store: PostgresStore) -> None:
    await store.create_job(job(), [benchmark()], actor="ada")
    running = replace(job(), state="running", started_at=minutes(1))
    await store.save_job(running, [])
    await store.delete_job("job-1", actor="ada", now=minutes(2))

    assert await store.jobs() == []
    hidden = replace(running, cancel_requested=True, updated_at=minutes(2), deleted_at=minutes(2))
    assert (await store.snapshot("job-1", deleted=True)).job == hidden
    assert await store.unfinished("local") == [hidden]
    assert [(each.id, each.cancel_requested) for each in await store.queue("local", first=0, now=minutes(3))] == [
        ("job-1", True)
    ]
    await store.save_job(replace(hidden, state="cancelled", finished_at=minutes(4)), [benchmark(state="cancelled")])
    assert await store.queue("local", first=1, now=minutes(3)) == []
    assert (await store.snapshot("job-1", deleted=True)).job.state == "cancelled"
    assert (await store.job_page(JobQuery())).total == 0
