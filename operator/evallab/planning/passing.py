"""Pass or fail in EvalHub's words: the `test` of a benchmark and the weighted `test` of a job.

Differs from EvalHub where it computes something else than it means (facts: defect 9): a benchmark is found by its
index, `lower_is_better` counts wherever it was said, nothing is rounded to float32, and what cannot be averaged is
not. Called by the server's views.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evallab.api.job import Benchmark, EvalJob

DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True, kw_only=True)
class BenchmarkTest:
    """A primary score against its threshold."""

    score: float
    metric: str
    threshold: float
    passed: bool


@dataclass(frozen=True, kw_only=True)
class JobTest:
    """The weighted mean of primary scores against the job's threshold; `missing` are benchmarks without a score."""

    score: float
    threshold: float
    passed: bool
    missing: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NoTest:
    """Why a job that has primary scores has no weighted mean."""

    reason: str


def primary_score(benchmark: Benchmark, metrics: Mapping[str, Any]) -> float | None:
    """Return the value of the benchmark's primary metric; None when nothing names one, or it is not a number."""
    if benchmark.primary_score is None:
        return None
    name = benchmark.primary_score.metric
    value = metrics.get(name, metrics.get(name.partition(",")[0]))
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def benchmark_test(benchmark: Benchmark, metrics: Mapping[str, Any]) -> BenchmarkTest | None:
    """Judge one benchmark; None without a primary score or a threshold."""
    score = primary_score(benchmark, metrics)
    if score is None or benchmark.primary_score is None or benchmark.pass_criteria is None:
        return None
    threshold = benchmark.pass_criteria.threshold
    passed = score <= threshold if benchmark.primary_score.lower_is_better else score >= threshold
    metric = benchmark.primary_score.metric
    return BenchmarkTest(score=score, metric=metric, threshold=threshold, passed=passed)


def job_test(job: EvalJob, metrics: Sequence[Mapping[str, Any] | None]) -> JobTest | NoTest | None:
    """Judge a job by its benchmarks' metrics, in their order; None stands for a benchmark that did not complete.

    score = Σ wᵢ·sᵢ / Σ wᵢ with wᵢ = 1 where no weight is given; of a score where less is better 1 − sᵢ counts, which
    means something between 0 and 1 only. A job with a missing benchmark never passes.
    """
    threshold = job.pass_criteria.threshold if job.pass_criteria else DEFAULT_THRESHOLD
    total = weights = 0.0
    missing = []
    for index, (benchmark, values) in enumerate(zip(job.benchmarks, metrics, strict=True)):
        if values is None:
            missing.append(index)
            continue
        score = primary_score(benchmark, values)
        if score is None:
            continue
        part = _part(benchmark, score)
        if part is None:
            return NoTest(reason=_not_averaged(benchmark, score))
        weight = benchmark.weight or 1.0
        total, weights = total + weight * part, weights + weight
    if not weights:
        return None
    score = total / weights
    return JobTest(score=score, threshold=threshold, passed=not missing and score >= threshold, missing=tuple(missing))


def _part(benchmark: Benchmark, score: float) -> float | None:
    """Return what a benchmark adds to the mean; None when less is better and the score is no share."""
    if benchmark.primary_score is None or not benchmark.primary_score.lower_is_better:
        return score
    return 1 - score if 0 <= score <= 1 else None


def _not_averaged(benchmark: Benchmark, score: float) -> str:
    return (
        f"{benchmark.provider_id}/{benchmark.id}: {score:g} is better when lower and not between 0 and 1; "
        "it cannot be averaged with other scores"
    )
