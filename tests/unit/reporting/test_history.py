"""The series of scores: which questions, what changed in the setup, how it is drawn."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.integration.store.making import NOON

from evallab.reporting.history import History, Point, newest_series, plot, render, setup_changes
from evallab.reporting.paper import Paper
from evallab.store.interface import HistoryRow


def row(days: int, **changes: Any) -> HistoryRow:
    made = HistoryRow(
        model="tiny",
        family=None,
        provider_id="harness",
        benchmark_id="sums",
        metric="acc",
        filter="none",
        question_key="aa",
        job_id=f"job-{days}",
        job="nightly",
        index=0,
        value=0.5,
        ci_low=0.4,
        ci_high=0.6,
        n=100,
        higher_is_better=True,
        validity="valid",
        limited=False,
        ended_at=NOON + timedelta(days=days),
        setup_key="5e",
        evallab_commit="c0ffee",
        setup={"server version": "1", "weights": "w"},
    )
    return replace(made, **changes)


def point(score: float, **changes: Any) -> Point:
    made = Point(
        job="0123456789",
        job_name="nightly",
        index=0,
        model="tiny",
        ended_at=NOON,
        score=score,
        ci_low=score - 0.1,
        ci_high=score + 0.1,
        n=100,
        validity="valid",
        evallab_commit="c0ffee",
        setup_key="5e",
        setup_changes=(),
        comparison=None,
    )
    return replace(made, **changes)


def test_a_series_has_the_questions_of_the_newest_whole_run() -> None:
    rows = [row(0, question_key="bb"), row(1), row(2), row(3, question_key="cc", limited=True)]
    assert [each.job_id for each in newest_series(rows)] == ["job-1", "job-2"]


def test_limited_runs_are_a_series_where_there_are_no_others() -> None:
    rows = [row(0, limited=True), row(1, limited=True, question_key="bb"), row(2, limited=True)]
    assert [each.job_id for each in newest_series(rows)] == ["job-0", "job-2"]
    assert newest_series([row(0, question_key=None), row(1, question_key=None)]) == [row(1, question_key=None)]


def test_a_change_of_setup_is_named() -> None:
    other = row(1, setup_key="5f", setup={"server version": "2", "weights": "w"})
    assert setup_changes(row(0), other) == ("server version",)
    assert setup_changes(row(0), replace(other, setup=row(0).setup)) == ("unknown",)
    assert setup_changes(row(0), row(1)) == setup_changes(None, other) == ()
    assert setup_changes(row(0), replace(other, setup_key=None)) == ()


def test_points_are_drawn_on_one_scale() -> None:
    drawn = plot([point(0.5), point(0.9), point(0.7, ci_low=None, ci_high=None)], unicode=False)
    assert drawn == ["----o----", "                ----o----", "            o"]
    assert plot([point(0.5, ci_low=None, ci_high=None)], unicode=True) == ["●"]


def test_a_series_is_drawn() -> None:
    changed = point(0.7, setup_changes=("server version",), validity="invalid")
    series = History(
        name="tiny",
        benchmark="harness/sums",
        metric="acc",
        filter="none",
        question_key="aa",
        limited=True,
        others=2,
        points=(point(0.5), changed),
    )
    lines = render(series, Paper(unicode=False)).splitlines()

    assert lines[0] == "tiny on harness/sums, acc"
    first = "2026-11-22 12:00 0.500 [0.400, 0.600] ------o------ VALID c0ffee 01234567"
    assert lines[3].split() == first.split()
    assert lines[4].split()[-3:] == ["INVALID", "c0ffee", "01234567"]
    assert lines[-3:] == [
        "01234567        setup changed: server version",
        "limited         not all questions of the benchmark were asked",
        "not comparable  2 scores with other questions (another question key) left out",
    ]
