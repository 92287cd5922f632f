"""Pass or fail as EvalHub means it: by index, weighted, and never of what cannot be averaged."""

import pytest

from evallab.api.job import Benchmark, EvalJob, Model, PassCriteria, PrimaryScore
from evallab.planning.passing import BenchmarkTest, JobTest, NoTest, benchmark_test, job_test


def asks(
    metric: str = "acc", *, lower: bool = False, threshold: float | None = None, weight: float | None = None
) -> Benchmark:
    return Benchmark(
        provider_id="p",
        id=metric,
        primary_score=PrimaryScore(metric=metric, lower_is_better=lower),
        pass_criteria=None if threshold is None else PassCriteria(threshold=threshold),
        weight=weight,
    )


def job(*benchmarks: Benchmark, threshold: float | None = None) -> EvalJob:
    criteria = None if threshold is None else PassCriteria(threshold=threshold)
    return EvalJob(name="j", model=Model(name="m"), benchmarks=benchmarks, pass_criteria=criteria)


@pytest.mark.parametrize(
    ("benchmark", "metrics", "passed"),
    [
        (asks(threshold=0.5), {"acc": 0.5}, True),
        (asks(threshold=0.5), {"acc": 0.4999}, False),
        (asks("loss", lower=True, threshold=0.3), {"loss": 0.3}, True),
        (asks("loss", lower=True, threshold=0.3), {"loss": 0.31}, False),
        (asks("acc,strict", threshold=0), {"acc": 0}, True),
        (asks(threshold=0.5), {"acc": "high"}, None),
        (asks(threshold=0.5), {"acc": True}, None),
        (asks(threshold=0.5), {}, None),
        (asks(), {"acc": 1.0}, None),
        (Benchmark(provider_id="p", id="x"), {"acc": 1.0}, None),
    ],
)
def test_a_benchmark_passes(benchmark: Benchmark, metrics: dict[str, object], passed: bool | None) -> None:
    test = benchmark_test(benchmark, metrics)
    assert (test and test.passed) == passed


def test_the_test_says_what_was_judged() -> None:
    test = benchmark_test(asks(threshold=0.25), {"acc": 0.9})
    assert test == BenchmarkTest(score=0.9, metric="acc", threshold=0.25, passed=True)


def test_scores_are_weighted_and_turned_round_where_less_is_better() -> None:
    both = job(asks(weight=3), asks("loss", lower=True, weight=1), threshold=0.6)
    assert job_test(both, [{"acc": 0.9}, {"loss": 0.2}]) == JobTest(score=0.875, threshold=0.6, passed=True)


def test_two_entries_of_one_benchmark_count_each_for_itself() -> None:
    assert job_test(job(asks(), asks()), [{"acc": 1.0}, {"acc": 0.5}]) == JobTest(
        score=0.75, threshold=0.5, passed=True
    )


def test_a_weight_of_zero_is_none() -> None:
    assert job_test(job(asks(weight=0), asks()), [{"acc": 1.0}, {"acc": 0.0}]) == JobTest(
        score=0.5, threshold=0.5, passed=True
    )


def test_a_job_with_a_missing_benchmark_never_passes() -> None:
    test = job_test(job(asks(), asks()), [{"acc": 1.0}, None])
    assert test == JobTest(score=1.0, threshold=0.5, passed=False, missing=(1,))


def test_what_is_no_share_is_not_averaged() -> None:
    test = job_test(job(asks(), asks("perplexity", lower=True)), [{"acc": 1.0}, {"perplexity": 12.5}])
    assert isinstance(test, NoTest)
    assert "12.5" in test.reason


def test_without_primary_scores_there_is_no_test() -> None:
    assert job_test(job(Benchmark(provider_id="p", id="x")), [{"acc": 1.0}]) is None
