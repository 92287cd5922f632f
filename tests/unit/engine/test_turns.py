"""The places of this machine, and the queue as the store lists it."""

from datetime import UTC, datetime
from pathlib import Path

from evallab.engine.turns import Place, ahead
from evallab.store.interface import QueueRow

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def row(job_id: str, *, running: bool = False, asks: bool = False) -> QueueRow:
    return QueueRow(
        id=job_id,
        running=running,
        shares=asks,
        attached=True,
        cancel_requested=False,
        created_at=NOW,
        deadline=NOW,
    )


def test_those_before_in_the_queue_go_first() -> None:
    queue = [row("a"), row("b"), row("c")]
    assert [each.id for each in ahead("b", queue)] == ["a"]
    assert ahead("a", queue) == ()


def test_a_job_that_runs_already_is_not_overtaken() -> None:
    queue = [row("urgent"), row("running", running=True), row("later")]
    assert [each.id for each in ahead("urgent", queue)] == ["running"]


def test_jobs_that_ask_endpoints_may_run_beside_each_other() -> None:
    queue = [row("a", running=True, asks=True), row("b", asks=True)]
    assert [each.id for each in ahead("b", queue)] == ["a"]
    assert ahead("b", queue, parallel=2) == ()


def test_there_is_one_place_and_it_is_free_again(tmp_path: Path) -> None:
    first, second = Place(tmp_path), Place(tmp_path)
    assert (first.take(), first.take(), second.take()) == (True, True, False)
    first.leave()
    assert second.take()
    second.leave()


def test_places_are_shared_up_to_their_number_and_given_back(tmp_path: Path) -> None:
    wide, late, serves = Place(tmp_path), Place(tmp_path), Place(tmp_path)
    assert (wide.share(wanted=9, parallel=3), late.share(wanted=1, parallel=3), serves.take()) == (3, 0, False)
    assert (wide.share(wanted=2, parallel=3), late.share(wanted=9, parallel=3)) == (2, 1)
    wide.leave()
    assert (late.share(wanted=9, parallel=3), serves.take()) == (3, False)
    late.leave()
    assert (serves.take(), late.share(wanted=1, parallel=3)) == (True, 0)
    serves.leave()
