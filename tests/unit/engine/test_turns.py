"""Whose turn it is."""

from datetime import UTC, datetime
from pathlib import Path

from evallab.api.job import EvalJob, Model
from evallab.engine.turns import Place, ahead
from evallab.store.interface import JobRow, JobState

SPEC = EvalJob(name="j", model=Model(name="m"))


def row(job_id: str, state: JobState = "pending") -> JobRow:
    return JobRow(id=job_id, name=job_id, spec=SPEC, state=state, created_at=datetime(2026, 1, 1, tzinfo=UTC))


def test_those_before_in_the_queue_go_first() -> None:
    queue = [row("a"), row("b"), row("c")]
    assert [each.id for each in ahead("b", queue)] == ["a"]
    assert ahead("a", queue) == ()


def test_a_job_that_runs_already_is_not_overtaken() -> None:
    queue = [row("urgent"), row("running", "running"), row("later")]
    assert [each.id for each in ahead("urgent", queue)] == ["running"]


def test_there_is_one_place_and_it_is_free_again(tmp_path: Path) -> None:
    first, second = Place(tmp_path), Place(tmp_path)
    assert (first.take(), first.take(), second.take()) == (True, True, False)
    first.leave()
    assert second.take()
    second.leave()
