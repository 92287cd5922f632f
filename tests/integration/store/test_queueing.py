"""The queue as light rows: who runs, who is next, who waits no longer; and who is told of it."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta

from tests.integration.store.making import benchmark, job, minutes

from evallab.api.job import Serve
from evallab.store.interface import QueueRow
from evallab.store.postgres import PostgresStore

DAY = timedelta(days=1)


def row(id_: str, at: float, **changes: object) -> QueueRow:
    found = QueueRow(
        id=id_,
        running=False,
        shares=True,
        attached=True,
        cancel_requested=False,
        created_at=minutes(at),
        deadline=minutes(at) + DAY,
    )
    return replace(found, **changes)  # type: ignore[arg-type]


async def test_the_queue_is_what_somebody_must_look_at(store: PostgresStore) -> None:
    serving = job("serving", created_at=minutes(2), attached=False)
    model = serving.spec.model.model_copy(update={"url": None, "serve": Serve(runtime="vllm")})
    hurried = job("hurried", created_at=minutes(8))
    for each in (
        job("running", created_at=minutes(9), state="running"),
        replace(serving, spec=serving.spec.model_copy(update={"model": model})),
        job("urgent", created_at=minutes(7), priority=5),
        *(job(f"waits-{number}", created_at=minutes(3 + number)) for number in range(3)),
        job("cancelled", created_at=minutes(6)),
        replace(hurried, spec=hurried.spec.model_copy(update={"pending_deadline_seconds": 60})),
        job("elsewhere", runtime="kubernetes"),
        job("done", state="completed"),
    ):
        await store.create_job(each, [], actor="ada")
    await store.request_cancel("cancelled", actor="ada", now=minutes(8))

    assert await store.queue("local", first=2, now=minutes(8.5)) == [
        row("urgent", 7),
        row("serving", 2, shares=False, attached=False),
        row("cancelled", 6, cancel_requested=True),
        row("running", 9, running=True),
    ]
    late = await store.queue("local", first=0, now=minutes(9))
    assert late == [
        row("cancelled", 6, cancel_requested=True),
        row("hurried", 8, deadline=minutes(9)),
        row("running", 9, running=True),
    ]
    everything = [each.id for each in await store.queue("local", first=99, now=minutes(0))]
    assert everything == [each.id for each in await store.unfinished("local")]


async def test_a_waiting_job_has_a_place(store: PostgresStore) -> None:
    await store.create_job(job("running", state="running"), [], actor="ada")
    for number, priority in enumerate((0, 0, 3)):
        await store.create_job(job(f"job-{number}", created_at=minutes(number), priority=priority), [], actor="ada")
    await store.create_job(job("elsewhere", runtime="kubernetes"), [], actor="ada")

    asked = ("job-2", "job-0", "job-1", "elsewhere", "running", "nobody")
    assert [await store.queue_position(each) for each in asked] == [1, 2, 3, 1, None, None]


async def test_a_resumed_job_has_a_new_deadline(store: PostgresStore) -> None:
    await store.create_job(job(), [benchmark()], actor="ada")
    await store.save_job(job(state="failed", finished_at=minutes(1)), [])
    await store.resume_job("job-1", actor="ada", now=minutes(90))

    assert await store.queue("local", first=1, now=minutes(91)) == [row("job-1", 0, deadline=minutes(90) + DAY)]


async def test_whoever_drives_jobs_is_told_of_new_work(store: PostgresStore, database_url: str) -> None:
    async with PostgresStore(lambda: database_url) as other, aclosing(store.queue_changes()) as changes:
        assert await anext(changes) == ""  # it listens
        await other.create_job(job("imported", state="completed", runtime="imported"), [], actor="ada")
        await other.create_job(job(), [], actor="ada")
        await other.save_job(job(state="running"), [])
        await other.request_cancel("job-1", actor="ada", now=minutes(1))
        await other.save_job(job(state="cancelled"), [])
        await other.resume_job("job-1", actor="ada", now=minutes(2))
        await other.create_job(job("job-2"), [], actor="ada")
        await other.delete_job("job-2", actor="ada", now=minutes(3))
        async with asyncio.timeout(60):
            told = [await anext(changes) for _ in range(5)]
    assert told == ["job-1", "job-1", "job-1", "job-2", "job-2"]
