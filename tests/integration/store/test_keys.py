"""What a job keeps of how it was asked for, and asking twice with one idempotency key."""

import asyncio

from tests.integration.store.making import benchmark, job, minutes

from evallab.store.interface import JobQuery
from evallab.store.postgres import PostgresStore

HASH = "0a" * 32


async def test_how_a_job_was_asked_for_is_kept(store: PostgresStore) -> None:
    request = {"z": 1.10, "a": [0.1, 12345678901234567890], "name": "π"}
    made = job(
        tenant="red", owner="ada", request=request, idempotency_key="k", request_hash=HASH, updated_at=minutes(3)
    )
    assert await store.create_job(made, [benchmark()], actor="ada") == "job-1"

    kept = (await store.snapshot("job-1")).job
    assert kept == made
    assert kept.request is not None
    assert list(kept.request) == ["z", "a", "name"]
    assert [each.updated_at for each in await store.jobs()] == [minutes(3)]


async def test_a_key_belongs_to_one_job_of_a_tenant(store: PostgresStore) -> None:
    for id_, tenant in (("first", None), ("second", None), ("red", "red")):
        made = job(id_, tenant=tenant, idempotency_key="k", request_hash=HASH)
        assert await store.create_job(made, [benchmark(id_)], actor="ada") == ("first" if id_ == "second" else id_)

    assert await store.job_of_key(None, "k") == ("first", HASH)
    assert await store.job_of_key("red", "k") == ("red", HASH)
    assert await store.job_of_key("blue", "k") is None
    assert await store.job_of_key(None, "other") is None
    assert [each.id for each in await store.jobs()] == ["red", "first"]


async def test_of_many_who_ask_at_once_one_makes_the_job(store: PostgresStore, database_url: str) -> None:
    async with PostgresStore(lambda: database_url) as other:
        asked = [job(f"job-{number}", idempotency_key="k", request_hash=HASH) for number in range(12)]
        answers = await asyncio.gather(
            *(
                (store, other)[number % 2].create_job(row, [benchmark(row.id)], actor="ada")
                for number, row in enumerate(asked)
            )
        )

    page = await store.job_page(JobQuery())
    assert page.total == 1
    assert set(answers) == {page.jobs[0].job.id}
    assert page.jobs[0].benchmarks == (benchmark(page.jobs[0].job.id),)


async def test_new_models_and_benchmarks_may_come_from_many_at_once(store: PostgresStore, database_url: str) -> None:
    async with PostgresStore(lambda: database_url) as other:

        async def one(number: int) -> None:
            parts = [benchmark(f"job-{number}", index, benchmark_id=f"b{index}") for index in range(6)]
            row = job(f"job-{number}", model=f"model-{number % 3}")
            await (store, other)[number % 2].create_job(row, parts if number % 2 else parts[::-1], actor="ada")

        await asyncio.gather(*(one(number) for number in range(24)))

    page = await store.job_page(JobQuery())
    assert [len(each.benchmarks) for each in page.jobs] == [6] * 24
    assert await store.names() == ["model-0", "model-1", "model-2", "tiny"]


async def test_when_a_row_changed_never_goes_back(store: PostgresStore) -> None:
    await store.create_job(job(), [benchmark()], actor="ada")

    async def updated() -> object:
        return (await store.snapshot("job-1")).job.updated_at

    await store.request_cancel("job-1", actor="ada", now=minutes(1))
    assert await updated() == minutes(1)
    await store.save_job(job(state="running", started_at=minutes(2), updated_at=None), [])
    assert await updated() == minutes(2)
    await store.save_job(job(state="running", updated_at=minutes(4)), [])
    assert await updated() == minutes(4)
    await store.save_job(job(state="failed", finished_at=minutes(3), updated_at=minutes(3)), [])
    assert await updated() == minutes(4)
    await store.resume_job("job-1", actor="ada", now=minutes(5))
    assert await updated() == minutes(5)
