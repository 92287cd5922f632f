"""Which jobs can be run again to compare with: those that cannot are a sentence each, with a remedy."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.cli import seeding
from tests.integration.cli.seeding import BASELINE, NOON

from evallab.api.errors import EvallabError
from evallab.api.job import Model
from evallab.engine.reproducing import repeatable
from evallab.store.interface import JobRow
from evallab.store.postgres import PostgresStore


async def told(store: PostgresStore, reference: str) -> str:
    """Return what is said of a job that cannot be reproduced."""
    with pytest.raises(EvallabError) as refused:
        await repeatable(store, reference)
    assert refused.value.remedy
    return refused.value.message


async def ended(store: PostgresStore, row: JobRow) -> None:
    """Store a job that ended without a score."""
    await store.create_job(row, seeding.benchmarks(row, state="pending"), actor="test")
    await store.save_job(
        replace(row, state="failed", started_at=NOON, finished_at=NOON), seeding.benchmarks(row, state="failed")
    )


async def test_a_job_with_scores_can_be(store: PostgresStore, tmp_path: Path) -> None:
    await seeding.finished_job(store, tmp_path, seeding.job(BASELINE, "demo-f16"))
    assert (await repeatable(store, "demo-f16")).id == BASELINE


async def test_a_job_that_still_runs(store: PostgresStore) -> None:
    row = seeding.job(BASELINE, "early")
    await store.create_job(row, seeding.benchmarks(row, state="pending"), actor="test")
    assert await told(store, "early") == "early (5a5e11ae) is still pending; there is nothing to reproduce yet."


async def test_a_job_that_recorded_no_score(store: PostgresStore) -> None:
    await ended(store, seeding.job(BASELINE, "scoreless"))
    assert await told(store, "scoreless") == "Job 5a5e11ae recorded no score, so there is nothing to reproduce."


async def test_a_job_that_was_imported(store: PostgresStore) -> None:
    await ended(store, replace(seeding.job(BASELINE, "theirs"), runtime="imported"))
    assert await told(store, "theirs") == (
        "theirs (5a5e11ae) was imported: another program ran it, and its files do not say how to run it again."
    )


async def test_a_job_whose_record_says_no_model(store: PostgresStore) -> None:
    row = seeding.job(BASELINE, "bare")
    await ended(store, replace(row, spec=row.spec.model_copy(update={"model": Model(name="m")})))
    assert await told(store, "bare") == (
        "The record of bare (5a5e11ae) does not say what to run again: it holds no spec with benchmarks and a model."
    )


async def test_a_job_that_was_deleted(store: PostgresStore, tmp_path: Path) -> None:
    await seeding.finished_job(store, tmp_path, seeding.job(BASELINE, "gone"))
    await store.delete_job(BASELINE, actor="test", now=NOON)
    assert await told(store, BASELINE) == (
        "Job 5a5e11ae (gone) was deleted 2026-11-22: it is neither run again nor compared with."
    )


async def test_a_job_that_never_was(store: PostgresStore) -> None:
    assert await told(store, "nobody") == "There is no job 'nobody'."
