"""Reports as rows and data frames, for notebooks. Needs pandas only for `frame` (the extra `frames`)."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from evallab.api.errors import UsageError
from evallab.reporting.document import plain
from evallab.reporting.report import BenchmarkReport, JobReport, Score


def rows(reports: Iterable[JobReport]) -> list[dict[str, Any]]:
    """Return one flat row per job, benchmark and metric; benchmarks without a score have one row without one."""
    return [row for report in reports for benchmark in report.benchmarks for row in _of_benchmark(report, benchmark)]


def frame(reports: Iterable[JobReport]) -> Any:
    """Return `rows` as a pandas data frame. Raises UsageError where pandas is not installed."""
    try:
        pandas = import_module("pandas")
    except ImportError:
        remedy = "Install evallab with its extra: evallab[frames]."
        raise UsageError("pandas is not installed.", remedy=remedy) from None
    return pandas.DataFrame(rows(reports))


def _of_benchmark(report: JobReport, benchmark: BenchmarkReport) -> list[dict[str, Any]]:
    named = {
        "job": report.id,
        "name": report.name,
        "model": report.model.name,
        "created_at": report.created_at,
        "provider": benchmark.provider,
        "benchmark": benchmark.id,
        "state": benchmark.state,
    }
    primary = benchmark.primary_score
    scores = [primary, *benchmark.scores] if primary else list(benchmark.scores)
    return [{**named, **_score(benchmark, score)} for score in scores] or [named]


def _score(benchmark: BenchmarkReport, score: Score) -> dict[str, Any]:
    primary = score is benchmark.primary_score
    change = benchmark.comparison if primary else None
    compared = {
        "delta": change.delta if change else None,
        "delta_low": change.ci_low if change else None,
        "delta_high": change.ci_high if change else None,
        "verdict": change.verdict if change else None,
    }
    return {"primary": primary, **plain(score), **compared}
