"""The leaderboard: one question key per column, equal ranks within noise, the rest apart."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.integration.store.making import NOON

from evallab.reporting.leaderboard import Apart, board, lines, render
from evallab.reporting.paper import Paper
from evallab.store.interface import LatestRow

WHOLE, OTHER = "aa" * 32, "bb" * 32


def row(model: str, value: float, *, days: int = 0, half: float = 0.02, **changes: Any) -> LatestRow:
    made = LatestRow(
        model=model,
        family=None,
        provider_id="harness",
        benchmark_id="sums",
        metric="acc",
        filter="none",
        question_key=WHOLE,
        job_id=f"job-of-{model}",
        job=model,
        index=0,
        value=value,
        ci_low=value - half,
        ci_high=value + half,
        n=100,
        higher_is_better=True,
        validity="valid",
        limited=False,
        ended_at=NOON + timedelta(days=days),
    )
    return replace(made, **changes)


def ranks(rows: list[LatestRow]) -> list[tuple[str, int]]:
    return [(entry.model, entry.rank) for ranking in board(rows).rankings for entry in ranking.entries]


def test_overlapping_intervals_have_one_rank() -> None:
    rows = [row("worst", 0.5), row("best", 0.9), row("near", 0.88)]
    assert ranks(rows) == [("best", 1), ("near", 1), ("worst", 3)]


def test_lower_may_be_better_and_without_an_interval_nobody_can_say() -> None:
    rows = [row("high", 9.0, higher_is_better=False), row("low", 3.0, higher_is_better=False)]
    assert ranks(rows) == [("low", 1), ("high", 2)]
    assert ranks([row("a", 0.9), row("b", 0.1, ci_low=None, ci_high=None)]) == [("a", 1), ("b", 1)]


def test_a_limited_run_is_never_ranked_with_a_whole_one_however_new_it_is() -> None:
    found = board([row("whole", 0.5), row("quick", 0.99, days=9, limited=True, question_key=OTHER)])

    assert [entry.model for entry in found.rankings[0].entries] == ["whole"]
    assert found.not_comparable == (
        Apart(
            model="quick",
            benchmark="harness/sums",
            score=0.99,
            n=100,
            job="job-of-quick",
            reason="limited: not all questions were asked",
        ),
    )


def test_the_newest_questions_make_the_column() -> None:
    rows = [row("old", 0.9, question_key=OTHER), row("new", 0.5, days=1), row("unknown", 0.7, question_key=None)]
    found = board(rows)

    assert [ranking.question_key for ranking in found.rankings] == [WHOLE]
    assert [(each.model, each.reason) for each in found.not_comparable] == [
        ("old", "other questions (question key bbbbbbbb)"),
        ("unknown", "what was asked is not known"),
    ]


def test_a_model_with_both_is_in_the_column_only() -> None:
    found = board([row("both", 0.9, question_key=OTHER), row("both", 0.5, days=1)])
    assert (found.models, found.not_comparable) == (("both",), ())


def test_it_is_drawn_with_what_a_reader_must_know() -> None:
    rows = [
        row("best", 0.9),
        row("near", 0.89, validity="degraded"),
        row("best", 0.4, benchmark_id="facts", limited=True),
    ]
    assert render(board(rows), Paper(width=100)) == (
        "Model  #  sums                   #  facts*\n"
        "best   1  0.900 [0.880, 0.920]   1  0.400 [0.380, 0.420]\n"
        "near   1  0.890~ [0.870, 0.910]     –\n"
        "\n"
        "#  equal ranks are within noise: the 95 % intervals overlap\n"
        "*  limited: not all questions of the benchmark were asked\n"
        "~  degraded: see `evallab show JOB` for the reasons"
    )
    assert len(render(board(rows), Paper(width=40)).split("Model")) == 3
    assert [line["model"] for line in lines(board(rows))] == ["best", "near", "best"]
