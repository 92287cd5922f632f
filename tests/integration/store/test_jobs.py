"""Jobs: made once, read whole, listed, cancelled, projected."""

import asyncio
from dataclasses import replace

import psycopg
import pytest
from tests.integration.store.making import attempt, benchmark, ended_job, event, job, minutes, result

from evallab.api.errors import EvallabError, NotFound
from evallab.store.interface import JobSnapshot, Store
from evallab.store.postgres import PostgresStore
from evallab.store.queries import PREPARED, QUERIES


def test_the_store_keeps_the_interface(store: PostgresStore) -> None:
    kept: Store = store  # what mypy checks
    assert kept is store


async def test_a_snapshot_is_what_was_stored(store: PostgresStore) -> None:
    made = job(setup_key="0f" * 32, model_server={"url": "http://127.0.0.1:9/v1"}, reason="Queued", manifest_dir="/tmp")
    parts = [benchmark(), benchmark(index=1, benchmark_id="words", done=1, total=3, samples_per_minute=12.5)]
    await store.create_job(made, parts, actor="ada")
    first, second = (
        attempt(),
        attempt(number=2, state="failed", exit_signal=9, reason="Killed", message="by the kernel"),
    )
    for each in (second, first):
        await store.save_attempt(each)
    later = event("event-2")
    earlier = event("event-1", received_at=minutes(1), body={"status": "running", "phase": "loading_data"})
    await store.add_event(later)
    await store.add_event(earlier)
    await store.add_event(event("event-0", received_at=minutes(0)))  # progress that newer progress replaced
    await store.record_result(result())

    assert await store.snapshot("job-1") == JobSnapshot(
        job=made,
        benchmarks=tuple(parts),
        attempts=(first, second),
        events=(earlier, later),
        results=frozenset({first.id}),
        metrics={first.id: {"exact_match": 2 / 3}},
    )


async def test_creating_a_job_again_changes_nothing(store: PostgresStore, database_url: str) -> None:
    made = job()
    await store.create_job(made, [benchmark()], actor="ada")
    await store.create_job(replace(made, name="other", state="failed"), [benchmark(), benchmark(index=1)], actor="bob")

    snapshot = await store.snapshot("job-1")
    assert (snapshot.job, snapshot.benchmarks) == (made, (benchmark(),))
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT actor, action, job_id FROM audit").fetchall() == [
            ("ada", "create_job", "job-1")
        ]


async def test_many_processes_may_create_the_same_job(store: PostgresStore) -> None:
    await asyncio.gather(*(store.create_job(job(), [benchmark()], actor="ada") for _ in range(8)))

    assert [each.id for each in await store.jobs()] == ["job-1"]


async def test_an_unknown_job_is_not_found(store: PostgresStore) -> None:
    for asked in (
        store.snapshot("job-9"),
        store.request_cancel("job-9", actor="ada", now=minutes(1)),
        store.save_job(job("job-9"), []),
        store.take_lease("job-9", "me", seconds=1),
        store.save_attempt(attempt("job-9")),
        store.add_provenance("job-9", {}, now=minutes(1)),
    ):
        with pytest.raises(NotFound, match="job-9"):
            await asked


async def test_jobs_are_listed_newest_first_and_filtered(store: PostgresStore) -> None:
    for number in range(4):
        made = job(f"job-{number}", created_at=minutes(number), name="odd" if number % 2 else "even")
        await store.create_job(made, [], actor="ada")
    await store.save_job(replace(job("job-1"), state="failed"), [])

    async def ids(**asked: object) -> list[str]:
        return [each.id for each in await store.jobs(**asked)]  # type: ignore[arg-type]

    assert await ids() == ["job-3", "job-2", "job-1", "job-0"]
    assert await ids(limit=2, offset=1) == ["job-2", "job-1"]
    assert await ids(name="odd") == ["job-3", "job-1"]
    assert await ids(state="failed") == ["job-1"]


async def test_the_queue_is_ordered_by_priority_then_age(store: PostgresStore) -> None:
    await store.create_job(job("second", created_at=minutes(1)), [], actor="ada")
    await store.create_job(job("first", created_at=minutes(0)), [], actor="ada")
    await store.create_job(job("urgent", created_at=minutes(2), priority=5), [], actor="ada")
    await store.create_job(job("elsewhere", runtime="kubernetes"), [], actor="ada")
    await ended_job(store, job("done"))

    assert [each.id for each in await store.unfinished("local")] == ["urgent", "first", "second"]


async def test_a_cancellation_is_kept_whatever_is_projected(store: PostgresStore, database_url: str) -> None:
    await store.create_job(job(), [benchmark()], actor="ada")
    for _ in range(2):
        await store.request_cancel("job-1", actor="bob", now=minutes(1))
    running = replace(job(), state="running", started_at=minutes(2), reason="Started", setup_key="aa" * 32)
    await store.save_job(running, [benchmark(state="running", phase="loading_data")])

    snapshot = await store.snapshot("job-1")
    assert snapshot.job == replace(running, cancel_requested=True, updated_at=minutes(2))
    assert snapshot.benchmarks == (benchmark(state="running", phase="loading_data"),)
    with psycopg.connect(database_url) as connection:
        found = connection.execute("SELECT actor, at FROM audit WHERE action = 'request_cancel'").fetchall()
        assert found == [("bob", minutes(1))]


async def test_an_unknown_state_is_refused_with_the_reason(store: PostgresStore) -> None:
    with pytest.raises(EvallabError, match="jobs_state"):
        await store.create_job(job(state="finished"), [], actor="ada")


async def test_what_postgres_cannot_hold_is_replaced(store: PostgresStore) -> None:
    await store.create_job(job(message="nul \0 byte"), [benchmark()], actor="ada")
    await store.save_attempt(attempt())
    await store.add_event(event(body={"metrics": {"acc": float("nan")}, "text": "a\0b\ud800"}))

    snapshot = await store.snapshot("job-1")
    assert snapshot.job.message == "nul \ufffd byte"
    assert snapshot.events[0].body["metrics"] == {"acc": None}
    assert snapshot.events[0].body["text"].startswith("a\ufffdb\ufffd")


def test_what_is_prepared_exists_and_is_planned_alike_whatever_is_asked() -> None:
    assert [name for name in sorted(PREPARED) if "IS NULL OR" in QUERIES[name]] == []
