"""Exit codes: the one mapping from errors and outcomes to what a script sees (docs/reference/exit-codes.md).

When several apply, the first of `PRECEDENCE` wins: what hides the others comes first.
"""

from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import TYPE_CHECKING, Literal

from evallab.api.errors import (
    AdapterFailed,
    BenchmarkFailed,
    EvallabError,
    Interrupted,
    ModelServerFailed,
    NotFound,
    StoreUnavailable,
    UsageError,
)

if TYPE_CHECKING:
    from evallab.reporting.report import BenchmarkReport, JobReport

FailOn = Literal["regression", "inconclusive", "never"]


class Exit(IntEnum):
    """What a command ended with."""

    FINE = 0
    GATE_FAILED = 1
    USAGE = 2
    BENCHMARK_FAILED = 3
    INVALID = 4
    INCONCLUSIVE = 5
    INTERNAL = 70
    INTERRUPTED = 130
    NO_READER = 141


PRECEDENCE = (
    Exit.INTERRUPTED,
    Exit.INTERNAL,
    Exit.USAGE,
    Exit.BENCHMARK_FAILED,
    Exit.INVALID,
    Exit.GATE_FAILED,
    Exit.INCONCLUSIVE,
)
BY_ERROR: dict[type[EvallabError], Exit] = {
    Interrupted: Exit.INTERRUPTED,
    UsageError: Exit.USAGE,
    NotFound: Exit.USAGE,
    BenchmarkFailed: Exit.BENCHMARK_FAILED,
    ModelServerFailed: Exit.BENCHMARK_FAILED,
    AdapterFailed: Exit.BENCHMARK_FAILED,
    StoreUnavailable: Exit.INTERNAL,
    EvallabError: Exit.INTERNAL,
}


def first(codes: Iterable[Exit]) -> Exit:
    """Return the code that hides the others; FINE when there is none."""
    found = set(codes)
    return next((code for code in PRECEDENCE if code in found), Exit.FINE)


def of_error(error: BaseException) -> Exit:
    """Return the code of an error: that of its nearest class in the table."""
    if isinstance(error, KeyboardInterrupt):
        return Exit.INTERRUPTED
    nearest = (cls for cls in type(error).__mro__ if cls in BY_ERROR)
    return BY_ERROR.get(next(nearest, EvallabError), Exit.INTERNAL)


def exit_code(report: "JobReport", fail_on: FailOn | None = None) -> Exit:
    """Return the code of a finished job. `fail_on` is the job's `compare.failOn` (default: never)."""
    of_benchmarks = (code for benchmark in report.benchmarks for code in _of(benchmark, fail_on or "never"))
    return first([*_of_job(report), *of_benchmarks])


def _of_job(report: "JobReport") -> Iterator[Exit]:
    if report.state != "completed":
        yield Exit.BENCHMARK_FAILED
    if report.overall and report.overall.passed is False:
        yield Exit.GATE_FAILED


def _of(benchmark: "BenchmarkReport", fail_on: FailOn) -> Iterator[Exit]:
    score = benchmark.primary_score
    if benchmark.state != "completed":
        yield Exit.BENCHMARK_FAILED
    if score and score.validity == "invalid":
        yield Exit.INVALID
    if score and score.passed is False:
        yield Exit.GATE_FAILED
    yield from _of_comparison(benchmark, fail_on)


def _of_comparison(benchmark: "BenchmarkReport", fail_on: FailOn) -> Iterator[Exit]:
    """Apply the gate. Who asks for `inconclusive` wants proof: having nothing to compare with is inconclusive too."""
    verdict = benchmark.comparison.verdict if benchmark.comparison else "INCONCLUSIVE"
    if fail_on != "never" and verdict == "REGRESSION":
        yield Exit.GATE_FAILED
    if fail_on == "inconclusive" and verdict == "INCONCLUSIVE":
        yield Exit.INCONCLUSIVE
