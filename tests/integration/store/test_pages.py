"""Pages of jobs: newest first, filtered, by offset or cursor, of a tenant, with an exact total; and jobs by id."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import psycopg
import pytest
from tests.integration.store.making import attempt, benchmark, event, job, minutes, result

from evallab.api.evalhub.query import Filter, Term
from evallab.store.interface import Cursor, JobPage, JobQuery, JobRow
from evallab.store.postgres import PostgresStore

ADA, BOB, NOT_ADA = Term("ada"), Term("bob"), Term("ada", negated=True)


def labelled(row: JobRow, tags: Sequence[str] = (), experiment: dict[str, str] | None = None) -> JobRow:
    return replace(row, spec=row.spec.model_copy(update={"tags": tuple(tags), "experiment": experiment}))


JOBS = (
    job("j0", created_at=minutes(0), owner="ada", name="one"),
    labelled(job("j1", created_at=minutes(1), owner="bob", state="running"), ["a", "b"], {"name": "exp", "id": "7"}),
    labelled(job("j2", created_at=minutes(2), tenant="red", owner="ada"), ["a"], {"name": "other"}),
    job("j3", created_at=minutes(2), tenant="blue", state="completed"),
    labelled(job("j4", created_at=minutes(4), owner="system", state="failed"), ["b", "c"]),
    job("j5", created_at=minutes(5), tenant="red", owner="system"),
)


@pytest.fixture
async def six(store: PostgresStore) -> PostgresStore:
    for each in JOBS:
        await store.create_job(each, [benchmark(each.id)], actor="ada")
    return store


def ids(page: JobPage) -> str:
    return " ".join(each.job.id for each in page.jobs)


async def test_a_page_has_whole_jobs_newest_first(six: PostgresStore) -> None:
    await six.save_attempt(attempt("j5"))
    await six.add_event(event("event", "j5-a1"))
    await six.record_result(result("j5"))
    page = await six.job_page(JobQuery(limit=2))

    assert page.jobs == (await six.snapshot("j5"), await six.snapshot("j4"))
    assert page.jobs[0].metrics == {"j5-a1": {"exact_match": 2 / 3}}
    assert (page.total, page.next) == (6, Cursor(created_at=minutes(4), id="j4"))


async def test_pages_follow_each_other_by_cursor_and_by_offset(six: PostgresStore) -> None:
    seen, after = [], None
    while True:
        page = await six.job_page(JobQuery(limit=2, after=after))
        seen.append((ids(page), page.total))
        after = page.next
        if after is None:
            break
    assert seen == [("j5 j4", 6), ("j3 j2", 6), ("j1 j0", 6)]

    by_offset = [await six.job_page(JobQuery(limit=4, offset=offset)) for offset in (0, 2, 4, 6)]
    assert [(ids(page), page.total) for page in by_offset] == [
        ("j5 j4 j3 j2", 6),
        ("j3 j2 j1 j0", 6),
        ("j1 j0", 6),
        ("", 6),
    ]
    assert [page.next is None for page in by_offset] == [False, True, True, True]
    assert ids(await six.job_page(JobQuery(limit=None, offset=1))) == "j4 j3 j2 j1 j0"
    assert await six.job_page(JobQuery(limit=0)) == JobPage(jobs=(), total=6, next=None)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"states": ((Term("pending"),),)}, "j5 j2 j0"),
        ({"states": ((Term("running"), Term("failed")),)}, "j4 j1"),
        ({"states": ((Term("pending", negated=True),), (Term("failed", negated=True),))}, "j3 j1"),
        ({"states": ((Term("nonsense"),),)}, ""),
        ({"names": ((Term("one"),),)}, "j0"),
        ({"names": ((Term("on"),),)}, ""),
        ({"names": ((Term("one", negated=True),),)}, "j5 j4 j3 j2 j1"),
        ({"owners": ((ADA,),)}, "j2 j0"),
        ({"owners": ((ADA, BOB),)}, "j2 j1 j0"),
        ({"owners": ((NOT_ADA,),)}, "j5 j4 j3 j1"),  # nobody's job is not ada's
        ({"owners": ((ADA,), (BOB,))}, ""),
        ({"owners": ((NOT_ADA, ADA),)}, "j5 j4 j3 j2 j1 j0"),
        ({"tags": ((Term("a"),),)}, "j2 j1"),
        ({"tags": ((Term("a"),), (Term("b"),))}, "j1"),
        ({"tags": ((Term("a"), Term("c")),)}, "j4 j2 j1"),
        ({"tags": ((Term("b", negated=True),),)}, "j5 j3 j2 j0"),
        ({"tags": ((Term("b", negated=True), Term("c")),)}, "j5 j4 j3 j2 j0"),
        ({"experiments": ((Term("exp"),),)}, "j1"),
        ({"experiments": ((Term("7"), Term("other")),)}, "j2 j1"),
        ({"experiments": ((Term("7", negated=True),),)}, "j5 j4 j3 j2 j0"),
        ({"states": ((Term("pending"),),), "owners": ((ADA,),), "tags": ((Term("a"),),)}, "j2"),
        ({"tenant": "red"}, "j5 j4 j2"),
        ({"tenant": "green"}, "j5 j4"),
        ({"tenant": "red", "owners": ((ADA,),)}, "j2"),
    ],
)
async def test_a_filter_is_an_and_of_ors_and_the_total_is_exact(
    six: PostgresStore, asked: dict[str, Filter], found: str
) -> None:
    page = await six.job_page(JobQuery(**asked))  # type: ignore[arg-type]
    assert (ids(page), page.total, page.next) == (found, len(found.split()), None)


async def test_what_tenants_see_is_counted_as_it_is_listed(six: PostgresStore) -> None:
    await six.delete_job("j4", actor="ada", now=minutes(9))
    await six.delete_job("j2", actor="ada", now=minutes(9))

    pages = [await six.job_page(JobQuery(tenant=tenant)) for tenant in (None, "red", "blue", "green")]
    assert [(ids(page), page.total) for page in pages] == [("j5 j3 j1 j0", 4), ("j5", 1), ("j5 j3", 2), ("j5", 1)]


async def test_the_total_is_true_while_others_create_and_delete(store: PostgresStore, database_url: str) -> None:
    async with PostgresStore(lambda: database_url) as other:
        stores = (store, other)

        async def one(number: int) -> None:
            row = job(f"job-{number:02}", tenant=f"t{number % 3}", created_at=minutes(number))
            await stores[number % 2].create_job(row, [benchmark(row.id)], actor="ada")
            if number % 2:
                await stores[number // 2 % 2].delete_job(row.id, actor="bob", now=minutes(99))

        async def look() -> None:
            for _ in range(20):
                stamps = await store.stamp_page(JobQuery(limit=None))
                assert stamps.total == len(stamps.stamps)

        await asyncio.gather(look(), *(one(number) for number in range(40)))
        page = await store.job_page(JobQuery(tenant="t1", limit=2))

    assert (page.total, ids(page)) == (6, "job-34 job-28")
    assert (await store.job_page(JobQuery())).total == 20


async def test_jobs_that_somebody_else_inserts_or_removes_are_counted(store: PostgresStore, database_url: str) -> None:
    await store.create_job(job(), [], actor="ada")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO evallab_tables.jobs (id, name, model_id, spec, state, runtime, attached, manifest, created_at)"
            " SELECT 'copy-' || number, name, model_id, spec, state, runtime, attached, manifest, created_at"
            " FROM evallab_tables.jobs, generate_series(1, 9) AS number"
        )
        connection.execute("DELETE FROM evallab_tables.jobs WHERE id IN ('copy-1', 'copy-2')")

    assert (await store.job_page(JobQuery(limit=1))).total == 8


async def test_views_are_whole_jobs_in_the_order_asked(six: PostgresStore) -> None:
    await six.delete_job("j1", actor="ada", now=minutes(9))

    found = await six.views(["j3", "nobody", "j0", "j1", "j3"])
    assert found == [await six.snapshot("j3"), await six.snapshot("j0"), await six.snapshot("j3")]
    assert await six.views([]) == []
