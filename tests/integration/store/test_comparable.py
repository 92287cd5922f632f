"""Which job another one is compared with when nobody says."""

from dataclasses import replace
from typing import Any

import pytest
from tests.integration.store.making import QUESTIONS, benchmark, ended_job, job, minutes, result
from tests.integration.store.making import score as a_score

from evallab.store.interface import JobRow
from evallab.store.postgres import PostgresStore

ASKED = {"question_key": QUESTIONS, "metric": "exact_match", "filter_": "none"}


@pytest.fixture
async def new(store: PostgresStore) -> PostgresStore:
    await ended_job(store, job("new", created_at=minutes(100)))
    return store


async def add(store: PostgresStore, row: JobRow, **changes: Any) -> None:
    await ended_job(store, row, result(row.id, scores=(replace(a_score(row.id), **changes),)))


async def test_there_may_be_none(new: PostgresStore) -> None:
    assert await new.comparable("new", **ASKED) is None


async def test_it_is_the_newest_of_the_same_model(new: PostgresStore) -> None:
    await add(new, job("older", created_at=minutes(1)))
    await add(new, job("newer", created_at=minutes(2)))
    await add(new, job("cousin", created_at=minutes(3), model="tiny-f16"))

    assert await new.comparable("new", **ASKED) == ("newer", 0)


async def test_else_of_the_same_family(new: PostgresStore) -> None:
    await add(new, job("stranger", created_at=minutes(3), model="other", family=None))
    await add(new, job("cousin", created_at=minutes(1), model="tiny-f16"))

    assert await new.comparable("new", **ASKED) == ("cousin", 0)


@pytest.mark.parametrize(
    "changes", [{"validity": "invalid"}, {"question_key": "00" * 32}, {"metric": "f1"}, {"filter": "strict"}]
)
async def test_other_questions_and_invalid_scores_do_not_count(new: PostgresStore, changes: dict[str, Any]) -> None:
    await add(new, job("old"), **changes)

    assert await new.comparable("new", **ASKED) is None


async def test_a_job_that_has_not_ended_does_not_count(new: PostgresStore) -> None:
    await add(new, job("old"))
    await new.save_job(job("old", state="running"), [])

    assert await new.comparable("new", **ASKED) is None


async def test_the_benchmark_with_the_same_questions_is_found(new: PostgresStore) -> None:
    await new.create_job(job("empty"), [benchmark("empty")], actor="ada")

    assert await new.same_questions("new", **ASKED) == 0
    assert await new.same_questions("new", **{**ASKED, "metric": "f1"}) is None
    assert await new.same_questions("empty", **ASKED) is None
