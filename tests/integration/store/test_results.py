"""Results: whole or not at all, once, and never changed."""

import asyncio
import math

import psycopg
import pytest
from psycopg import sql
from tests.integration.store.making import artifact, attempt, benchmark, comparison, ended_job, job, minutes, result
from tests.integration.store.making import sample as a_sample
from tests.integration.store.making import score as a_score

from evallab.api.errors import EvallabError, NotFound
from evallab.store.interface import Pairable
from evallab.store.postgres import PostgresStore

INSERT_ONLY = {
    "results": "job_id",
    "scores": "result_id",
    "samples": "result_id",
    "sample_scores": "result_id",
    "comparisons": "job_id",
    "provenance": "job_id",
    "audit": "job_id",
}


@pytest.fixture
async def running(store: PostgresStore) -> PostgresStore:
    await store.create_job(job(), [benchmark()], actor="ada")
    await store.save_attempt(attempt())
    return store


async def test_a_result_reads_as_it_was_recorded(running: PostgresStore) -> None:
    made = result()
    assert await running.record_result(made)

    assert await running.scores("job-1") == list(made.scores)
    assert await running.samples("job-1", 0) == list(made.samples)
    assert await running.samples("job-1", 0, limit=1, offset=1) == [made.samples[1]]
    assert [await running.count_samples("job-1", index) for index in (0, 1)] == [3, 0]
    assert await running.artifacts("job-1") == list(made.artifacts)
    assert await running.artifact("job-1-artifact-1") == made.artifacts[0]
    assert await running.artifact("nothing") is None
    assert await running.provenance("job-1") == {"job": {}, "benchmarks": {"0": made.provenance}}
    assert await running.pairable("job-1", 0, "exact_match", "none") == Pairable(
        keys=((0, 0), (1, 0), (2, 0)),
        values=(1.0, 0.0, None),
        response_hashes=("ef" * 32, "ef" * 32, None),
        groups=tuple(f"{each.doc_hash} {each.prompt_hash}" for each in made.samples),
    )


async def test_two_who_record_at_once_record_once(running: PostgresStore, database_url: str) -> None:
    async with PostgresStore(lambda: database_url) as other:
        recorded = await asyncio.gather(*(store.record_result(result()) for store in (running, other) * 3))

    assert sorted(recorded) == [False] * 5 + [True]
    assert len(await running.samples("job-1", 0)) == 3


async def test_recording_again_changes_nothing(running: PostgresStore) -> None:
    await running.record_result(result())
    assert not await running.record_result(result(scores=(), samples=[], provenance={"other": True}))

    assert await running.scores("job-1") == [a_score()]
    assert await running.provenance("job-1") == {"job": {}, "benchmarks": {"0": result().provenance}}


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (a_score(value=math.nan), "scores_value"),
        (a_score(value=math.inf), "scores_value"),
        (a_score(n=-1), "scores_n"),
        (a_score(ci_low=0.9, ci_high=0.1), "scores_interval"),
        (a_score(validity="fine"), "scores_validity"),
        (a_score(question_key="not hex"), "hexadecimal"),
    ],
)
async def test_a_score_that_cannot_be_leaves_nothing_behind(running: PostgresStore, broken: object, said: str) -> None:
    with pytest.raises(EvallabError, match=said):
        await running.record_result(result(scores=(broken,)))

    assert (await running.snapshot("job-1")).results == frozenset()
    assert await running.record_result(result())


async def test_a_sample_value_that_is_no_number_is_missing(running: PostgresStore) -> None:
    await running.record_result(result(samples=[a_sample(0, math.nan)]))

    assert await running.samples("job-1", 0) == [a_sample(0, None)]


async def test_a_result_of_no_attempt_is_not_found(running: PostgresStore) -> None:
    with pytest.raises(NotFound, match="job-1-a7"):
        await running.record_result(result(number=7))


async def test_the_newest_attempt_with_a_result_counts(running: PostgresStore) -> None:
    for number in (2, 3):
        await running.save_attempt(attempt(number=number))
    await running.record_result(result(number=2, provenance={"second": True}, scores=(a_score(number=2, value=0.5),)))
    await running.record_result(result(number=1, samples=[]))

    assert await running.scores("job-1") == [a_score(number=2, value=0.5)]
    assert len(await running.samples("job-1", 0)) == 3
    assert await running.provenance("job-1") == {"job": {}, "benchmarks": {"0": {"second": True}}}
    assert (await running.snapshot("job-1")).results == {"job-1-a1", "job-1-a2"}


async def test_the_primary_score_comes_first(running: PostgresStore) -> None:
    scores = (a_score(metric="accuracy", primary=False), a_score(), a_score(filter="strict", primary=False))
    await running.record_result(result(scores=scores))

    assert [(each.metric, each.filter) for each in await running.scores("job-1")] == [
        ("exact_match", "none"),
        ("accuracy", "none"),
        ("exact_match", "strict"),
    ]
    assert await running.scores("job-1", primary_only=True) == [a_score()]


async def test_records_are_kept_once(running: PostgresStore, database_url: str) -> None:
    log = artifact("log-1", index=None, attempt_id=None, kind="log")
    for _ in range(2):
        await running.add_artifact(log)
        await running.add_provenance("job-1", {"evallab": {"commit": "c0ffee"}}, now=minutes(1))
        await running.audit(actor="ada", action="looked", job_id=None, detail={"at": "scores"}, now=minutes(1))
    await running.add_provenance("job-1", {"evallab": {"commit": "other"}}, now=minutes(2))

    assert await running.artifacts("job-1") == [log]
    assert await running.provenance("job-1") == {"job": {"evallab": {"commit": "c0ffee"}}, "benchmarks": {}}
    with psycopg.connect(database_url) as connection:
        found = connection.execute("SELECT at, actor, job_id, detail FROM audit WHERE action = 'looked'").fetchall()
        assert found == [(minutes(1), "ada", None, {"at": "scores"})]


async def test_comparisons_are_kept_once(store: PostgresStore) -> None:
    await ended_job(store, job("job-1"))
    await ended_job(store, job("job-2"))
    made = comparison("job-2", "job-1")
    await store.add_comparisons([made])
    await store.add_comparisons([comparison("job-2", "job-1", verdict="PASS")])

    assert await store.comparisons("job-2") == [made]
    assert await store.comparisons("job-1") == []


async def test_results_are_never_changed(store: PostgresStore, database_url: str) -> None:
    await ended_job(store, job())
    with psycopg.connect(database_url, autocommit=True) as connection:
        for table, column in INSERT_ONLY.items():
            names = {"table": sql.Identifier("evallab_tables", table), "column": sql.Identifier(column)}
            for change in ("DELETE FROM {table}", "UPDATE {table} SET {column} = {column}", "TRUNCATE {table} CASCADE"):
                with pytest.raises(psycopg.errors.RestrictViolation, match="is insert-only"):
                    connection.execute(sql.SQL(change).format(**names))
