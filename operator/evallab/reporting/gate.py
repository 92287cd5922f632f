"""What stands in the way of a job, in the words of a CI report: one finding per benchmark, and of the job as a whole.

Called by `junit` and `markdown`. It says why where the exit code (`cli.exits`) only says that: a test holds the two
together.
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from evallab.reporting import figures
from evallab.reporting.report import BenchmarkReport, Change, JobReport, Score

FailOn = Literal["regression", "inconclusive", "never"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One reason not to go on. `broken` means that there is no usable result, rather than a bad one."""

    verdict: str
    reason: str
    remedy: str
    broken: bool = False


def of_benchmark(report: JobReport, benchmark: BenchmarkReport, fail_on: FailOn) -> Finding | None:
    """Return the gravest finding, in the order of the exit codes: no result, invalid, gate, inconclusive."""
    return next(_of_benchmark(report, benchmark, fail_on), None)


def of_job(report: JobReport, fail_on: FailOn) -> Finding | None:
    """Return what only the whole job can be blamed for."""
    overall = report.overall
    if overall and overall.passed is False:
        reason = f"The overall score {overall.value:.3f} misses the threshold {overall.threshold:g}."
        return Finding(verdict="BELOW", reason=reason, remedy=f"evallab show {shlex.quote(report.name)}")
    told = any(of_benchmark(report, benchmark, fail_on) for benchmark in report.benchmarks)
    if report.state == "completed" or not report.finished or told:
        return None
    reason = report.message or report.reason or f"The job is {report.state}."
    return Finding(verdict=report.state, reason=reason, remedy=_look(report, "show"), broken=True)


def _of_benchmark(report: JobReport, benchmark: BenchmarkReport, fail_on: FailOn) -> Iterator[Finding]:
    if benchmark.state in {"failed", "cancelled"}:
        reason = ": ".join(part for part in (benchmark.reason, benchmark.message) if part) or benchmark.state
        yield Finding(verdict=benchmark.state, reason=reason, remedy=_look(report, "logs", benchmark), broken=True)
    if benchmark.state == "completed" and benchmark.primary_score:
        yield from _of_score(report, benchmark, benchmark.primary_score)
    if benchmark.state == "completed":
        yield from _of_comparison(report, benchmark, fail_on)


def _of_score(report: JobReport, benchmark: BenchmarkReport, score: Score) -> Iterator[Finding]:
    if score.validity == "invalid":
        reason = "; ".join(score.validity_reasons) or "The score may not be used."
        yield Finding(
            verdict="INVALID", reason=reason, remedy=_look(report, "samples", benchmark, "--errors"), broken=True
        )
    if score.passed is False and score.threshold is not None:
        below = "below" if score.higher_is_better else "above"
        reason = f"{score.metric} {score.value:.3f} is {below} the threshold {score.threshold:g}."
        yield Finding(verdict=below.upper(), reason=reason, remedy=_look(report, "samples", benchmark, "--failed"))


def _of_comparison(report: JobReport, benchmark: BenchmarkReport, fail_on: FailOn) -> Iterator[Finding]:
    change = benchmark.comparison
    verdict = change.verdict if change else "INCONCLUSIVE"
    if fail_on != "never" and change and verdict == "REGRESSION":
        baseline = change.baseline_name or change.baseline_job[:8]
        reason = f"{change.metric} went from {change.baseline_value:.3f} ({baseline}) to {change.value:.3f}: "
        reason += f"{change.lost} answers lost, {change.gained} gained, {_tested(change)}, margin {change.margin:g}."
        yield Finding(verdict=verdict, reason=reason, remedy=_look(report, "diff", benchmark))
    if fail_on == "inconclusive" and verdict == "INCONCLUSIVE":
        nothing = "There is nothing to compare with: no finished job was asked the same questions."
        reason = (change.note or "The interval shows neither a loss nor its absence.") if change else nothing
        remedy = "Ask more questions, or accept a larger compare.margin." if change else "Run the baseline first."
        yield Finding(verdict=verdict, reason=reason, remedy=remedy)


def _tested(change: Change) -> str:
    """Write p, and q where p was corrected for the benchmarks compared at once."""
    said = figures.p_value(change.p_value)
    return said if change.q_value is None else f"{said}, {figures.p_value(change.q_value, name='q')}"


def _look(report: JobReport, command: str, benchmark: BenchmarkReport | None = None, *options: str) -> str:
    """Name the command that shows more."""
    named = () if benchmark is None else ("--benchmark", benchmark.id)
    return shlex.join(("evallab", command, report.id[:8], *named, *options))
