"""From rows to a report: what is taken from where, and the one number of a job."""

from dataclasses import replace
from typing import Any

import pytest
from tests.integration.store.making import benchmark, comparison, job, score

from evallab.api.job import Benchmark, EvalJob, PassCriteria
from evallab.reporting.listing import line
from evallab.reporting.overall import Overall, overall
from evallab.reporting.report import build
from evallab.store.interface import JobSnapshot, ScoreRow


def snapshot(**changes: Any) -> JobSnapshot:
    row = job(state="completed", **changes)
    benchmarks = (benchmark(index=1, state="failed", done=3, total=9), benchmark(state="completed"))
    return JobSnapshot(job=row, benchmarks=benchmarks, attempts=(), events=(), results=frozenset())


def test_a_report_is_in_benchmark_order_with_its_scores_and_comparisons() -> None:
    rows = [score(), score(metric="f1", primary=False)]
    made = build(
        snapshot(),
        scores=rows,
        comparisons=[comparison("job-1", "job-0")],
        baseline_names={"job-0": "nightly"},
        not_enforced=["network"],
    )
    first, second = made.benchmarks
    assert (first.index, second.index) == (0, 1)
    assert first.primary_score is not None
    assert (first.primary_score.metric, [each.metric for each in first.scores]) == ("exact_match", ["f1"])
    assert first.comparison is not None
    assert (first.comparison.baseline_job, first.comparison.baseline_name) == ("job-0", "nightly")
    assert second.progress is not None
    assert (second.progress.done, second.progress.total) == (3, 9)
    assert (second.primary_score, second.comparison, made.not_enforced) == (None, None, ("network",))
    assert made.model.family == "tiny"


def weighted(*weights: float | None, threshold: float | None = None) -> EvalJob:
    benchmarks = tuple(Benchmark(provider_id="p", id="b", weight=weight) for weight in weights)
    criteria = None if threshold is None else PassCriteria(threshold=threshold)
    return replace_spec(job().spec, benchmarks=benchmarks, pass_criteria=criteria)


def replace_spec(spec: EvalJob, **changes: Any) -> EvalJob:
    return spec.model_copy(update=changes)


@pytest.mark.parametrize(
    ("spec", "scores", "expected"),
    [
        (weighted(None, None), [(0.5, True), (1.0, True)], Overall(value=0.75, threshold=None, passed=None)),
        (weighted(3, 1, threshold=0.7), [(0.5, True), (1.0, True)], Overall(value=0.625, threshold=0.7, passed=False)),
        (weighted(0, 1, threshold=0.7), [(0.5, True), (0.0, False)], Overall(value=0.75, threshold=0.7, passed=True)),
        (weighted(None, None), [(0.5, True), (12.0, False)], None),
        (weighted(None), [], None),
    ],
)
def test_the_overall_score_is_evalhubs(
    spec: EvalJob, scores: list[tuple[float, bool]], expected: Overall | None
) -> None:
    rows = [replace(score(), index=i, value=value, higher_is_better=up) for i, (value, up) in enumerate(scores)]
    assert overall(spec, rows) == expected


@pytest.mark.parametrize(
    ("validities", "worst"),
    [([], None), (["valid"], "yes"), (["valid", "degraded"], "degraded"), (["invalid", "degraded"], "no")],
)
def test_a_line_says_the_worst_validity(validities: list[Any], worst: str | None) -> None:
    rows: list[ScoreRow] = [replace(score(), validity=each) for each in validities]
    assert line(job(), [benchmark(state="running", done=3, total=9)], rows).validity == worst


def test_a_line_says_how_far_the_one_running_benchmark_is() -> None:
    running = benchmark(index=1, state="running", done=3, total=9)
    assert line(job(), [benchmark(state="completed"), running], []).progress == "1/2 (33 %)"
    assert line(job(), [benchmark(), benchmark(index=1)], []).progress == "0/2"
