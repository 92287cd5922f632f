"""What the store answers along time and across models, and what is meant to stay."""

from dataclasses import replace
from typing import Any

import psycopg
import pytest
from tests.integration.store.making import (
    QUESTIONS,
    artifact,
    attempt,
    benchmark,
    ended_job,
    job,
    minutes,
    result,
    sample,
    score,
)

from evallab.api.errors import EvallabError, NotFound
from evallab.engine.comparing import comparisons
from evallab.store.interface import BaselineRow, EndedRow
from evallab.store.postgres import PostgresStore

OTHER = "cd" * 32


async def ended(store: PostgresStore, id_: str, at: float, *, value: float = 0.5, **changes: Any) -> None:
    row = job(id_, created_at=minutes(at), **{key: changes.pop(key) for key in ("model", "family") if key in changes})
    made = score(id_, value=value, **changes)
    await ended_job(store, row, result(id_, scores=(made,), question_key=made.question_key))


async def newest(store: PostgresStore) -> list[tuple[str, str | None]]:
    return [(each.job_id, each.question_key) for each in await store.latest()]


async def test_the_newest_usable_score_of_each_question_key_is_the_latest(store: PostgresStore) -> None:
    await ended(store, "one", 1)
    await ended(store, "two", 2)
    await ended(store, "other", 3, question_key=OTHER)
    await ended(store, "bad", 4, validity="invalid")

    assert await newest(store) == [("other", OTHER), ("two", QUESTIONS)]
    assert [each.job_id for each in await store.latest(["lm_evaluation_harness/sums"])] == ["other", "two"]
    assert await store.latest(["lm_evaluation_harness/none"]) == []


async def test_an_older_job_that_ends_later_is_stored_once_and_an_earlier_end_displaces_nothing(
    store: PostgresStore,
) -> None:
    await ended(store, "new", 9)
    await ended(store, "old", 1)
    await ended(store, "old", 1)

    assert await newest(store) == [("new", QUESTIONS)]


async def test_a_job_that_has_not_ended_is_not_there(store: PostgresStore) -> None:
    await store.create_job(job("going"), [benchmark("going")], actor="ada")
    await store.save_attempt(attempt("going"))
    await store.record_result(result("going"))

    assert await store.latest() == []


async def test_a_job_that_is_resumed_gives_its_place_back(store: PostgresStore) -> None:
    await ended(store, "one", 1)
    await ended(store, "two", 2)
    two = (await store.snapshot("two")).job
    await store.save_job(replace(two, state="failed"), [])
    assert await newest(store) == [("two", QUESTIONS)]
    await store.resume_job("two", actor="ada", now=minutes(9))

    assert await newest(store) == [("one", QUESTIONS)]


async def test_a_limit_is_known_from_the_question_else_from_the_manifest(store: PostgresStore) -> None:
    await ended(store, "manifest", 1)  # making.job asks with limit 3
    row = job("question", created_at=minutes(2), model="other")
    made = result("question", scores=(score("question"),), provenance={"question": {"limit": None}})
    await ended_job(store, row, made)

    assert {each.job_id: each.limited for each in await store.latest()} == {"manifest": True, "question": False}


async def test_the_history_of_a_model_and_of_a_family(store: PostgresStore) -> None:
    await ended(store, "one", 1)
    await ended(store, "two", 2, validity="invalid")
    await ended(store, "other", 3, model="tiny-q8")
    record = {"evallab": {"commit": "c0ffee"}, "model_server": {"server": {"version": "7"}}}
    await store.add_provenance("two", record, now=minutes(3))

    found = await store.history("tiny-q4", "sums")
    assert [(each.job_id, each.validity, each.evallab_commit) for each in found] == [
        ("one", "degraded", None),
        ("two", "invalid", "c0ffee"),
    ]
    assert found[1].setup["server version"] == "7"
    family = await store.history("tiny", "lm_evaluation_harness/sums", family=True)
    assert [each.job_id for each in family] == ["one", "two", "other"]
    assert await store.history("tiny", "sums") == []
    assert await store.names() == ["tiny", "tiny-q4", "tiny-q8"]


async def test_the_baseline_of_the_model_goes_before_that_of_the_family(
    store: PostgresStore, database_url: str
) -> None:
    for number, id_ in enumerate(("family", "model", "job")):
        await ended(store, id_, number)
    assert await store.baseline_for("job") is None
    await store.set_baseline("tiny", "family", actor="ada", now=minutes(5))
    assert await store.baseline_for("job") == "family"
    await store.set_baseline("tiny-q4", "family", actor="ada", now=minutes(6))
    await store.set_baseline("tiny-q4", "model", actor="ada", now=minutes(7))
    assert await store.baseline_for("job") == "model"
    assert await store.baselines() == [
        BaselineRow(name="tiny", job_id="family", job="nightly", set_at=minutes(5)),
        BaselineRow(name="tiny-q4", job_id="model", job="nightly", set_at=minutes(7)),
    ]
    assert await store.unset_baseline("tiny-q4", actor="ada", now=minutes(8))
    assert not await store.unset_baseline("tiny-q4", actor="ada", now=minutes(8))
    with pytest.raises(NotFound, match="nowhere"):
        await store.set_baseline("tiny", "nowhere", actor="ada", now=minutes(9))
    with psycopg.connect(database_url) as connection:
        found = connection.execute("SELECT action, job_id, detail ->> 'name' FROM audit WHERE at >= %s", [minutes(5)])
        assert found.fetchall() == [
            ("set_baseline", "family", "tiny"),
            ("set_baseline", "family", "tiny-q4"),
            ("set_baseline", "model", "tiny-q4"),
            ("unset_baseline", "model", "tiny-q4"),
        ]


async def test_a_job_is_compared_with_its_baseline(store: PostgresStore) -> None:
    for number, id_ in enumerate(("base", "between", "job")):
        await ended(store, id_, number)
    row = (await store.snapshot("job")).job
    assert await comparisons(store, row, against="baseline", margin=None) == []
    await store.set_baseline("tiny", "base", actor="ada", now=minutes(5))

    assert [each.baseline_job_id for each in await comparisons(store, row, against="baseline", margin=None)] == ["base"]
    base = (await store.snapshot("base")).job
    assert await comparisons(store, base, against="baseline", margin=None) == []


async def test_what_is_retained_expires_once_and_says_when(store: PostgresStore, database_url: str) -> None:
    for number, id_ in enumerate(("old", "new")):
        await ended_job(store, job(id_, created_at=minutes(number)))
    await store.pin("new", actor="ada", now=minutes(5))
    rows = await store.retained()
    assert [(each.artifact_id, each.job_id, each.pinned, each.rank, each.path) for each in rows] == [
        ("old-artifact-1", "old", False, 2, "ab/abcd"),
        ("new-artifact-1", "new", True, 1, "ab/abcd"),
    ]
    for _ in range(2):
        await store.expire(["old-artifact-1"], reason="keep last 1", actor="ada", now=minutes(6))

    assert await store.artifacts("old") == [
        artifact("old-artifact-1", "old", attempt_id="old-a1", expired_at=minutes(6))
    ]
    assert [each.job_id for each in await store.retained()] == ["new"]
    assert await store.needed_paths() == {"ab/abcd"}
    await store.unpin("new", actor="ada", now=minutes(7))
    await store.set_baseline("tiny", "new", actor="ada", now=minutes(7))
    assert [each.pinned for each in await store.retained()] == [True]
    assert await store.ended(["old", "nowhere"]) == [EndedRow(id="old", state="completed", ended_at=minutes(1))]
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.Error, match="insert-only"):
        connection.execute("DELETE FROM evallab_tables.artifact_expirations")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO evallab_tables.samples (result_id, doc_id, repeat, doc_hash, prompt_hash) SELECT 7, 0, 0, '', ''",
        "INSERT INTO evallab_tables.sample_scores (result_id, doc_id, repeat, metric, filter) VALUES (7, 0, 0, '', '')",
    ],
)
def test_samples_belong_to_a_result(database_url: str, statement: str) -> None:
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.errors.ForeignKeyViolation):
        connection.execute(statement.encode())


async def test_texts_that_copy_would_misread_are_stored_as_they_are(store: PostgresStore) -> None:
    hard = 'tab\t line\n return\r slash\\N \\. quote" é \U0001f40d'
    made = sample(0, 1.5, finish_reason="\\N", error=hard, latency_ms=None, scores={("m\t1", "f\\n"): -1e-300})
    await ended_job(store, job(), result(samples=[made]))

    assert await store.samples("job-1", 0) == [made]


async def test_a_result_that_is_refused_leaves_the_latest_scores_alone(store: PostgresStore) -> None:
    await ended(store, "one", 1)
    await store.create_job(job("two"), [benchmark("two")], actor="ada")
    await store.save_attempt(attempt("two"))
    with pytest.raises(EvallabError):
        await store.record_result(result("two", scores=(score("two", n=-1),)))

    assert await newest(store) == [("one", QUESTIONS)]
