"""The notes under the end table: what a reader would otherwise conclude wrongly. Called by `table` only.

One line per thing, beside the benchmark it is about: why there is no score, why a score may not be used,
what a comparison could have seen (the smallest detectable difference and the discordance, always), what was not
enforced.
"""

from collections.abc import Iterator, Sequence

from evallab.reporting import canary, figures, telemetry
from evallab.reporting.columns import in_points
from evallab.reporting.report import BenchmarkReport, Change, JobReport, Score, labels

Note = tuple[str, str]  #: what it is about, and what it says


def notes(report: JobReport) -> list[Note]:
    """Return the notes of a report, in reading order."""
    lines = [(report.name, line) for line in _of_job(report)]
    for label, benchmark in zip(labels(report.benchmarks), report.benchmarks, strict=True):
        lines += [(label, line) for line in _of_benchmark(benchmark)]
    lines += correction([benchmark.comparison for benchmark in report.benchmarks])
    if uncompared(report):
        lines.append(("not compared", _uncompared(report)))
    if report.canary:
        lines.append(("canary", canary.line(report.canary)))
    lines += telemetry.lines(report.telemetry)
    if report.not_enforced:
        lines.append(("not enforced", ", ".join(report.not_enforced)))
    return lines


def correction(changes: Sequence[Change | None]) -> list[Note]:
    """Say what a verdict uses where several benchmarks were compared at once."""
    said = "p corrected for all benchmarks compared at once (Benjamini-Hochberg); REGRESSION needs q ≤ 0.05"
    return [("q", said)] if any(each is not None and each.q_value is not None for each in changes) else []


def uncompared(report: JobReport) -> bool:
    """Say whether there are scores and nothing to compare any of them with."""
    scored = [benchmark for benchmark in report.benchmarks if benchmark.primary_score]
    return report.finished and bool(scored) and not any(benchmark.comparison for benchmark in scored)


def _uncompared(report: JobReport) -> str:
    """Say why there is nothing to compare with."""
    if report.compare_against == "previous":
        return "no finished job of this model or its family asked the same questions"
    if report.compare_against != "baseline":
        return f"there is no finished job {report.compare_against!r} with usable scores on the same questions"
    named = " or ".join(name for name in (report.model.name, report.model.family) if name)
    return (
        f"no other job is the baseline of {named}, or it asked other questions; "
        f"`evallab baseline show` lists them, `evallab baseline set JOB --for {report.model.name}` sets one"
    )


def _of_job(report: JobReport) -> Iterator[str]:
    """Say why the job ended as it did (unless its benchmarks say so), and its overall score."""
    told = {benchmark.message for benchmark in report.benchmarks}
    if report.message and report.message not in told:
        yield _because(report.reason, report.message)
    overall = report.overall
    if overall and (len(report.benchmarks) > 1 or overall.threshold is not None):
        yield f"overall {figures.score(overall.value)}, the weighted mean"
        if overall.threshold is not None:
            yield f"the overall score {_reached(overall.passed)} the threshold {overall.threshold:g}"


def _of_benchmark(benchmark: BenchmarkReport) -> Iterator[str]:
    if benchmark.state in {"failed", "cancelled"} and (benchmark.message or benchmark.reason):
        yield _because(benchmark.reason, benchmark.message or "")
    score = benchmark.primary_score
    if score:
        yield from _of_score(score)
    if benchmark.comparison:
        yield from of_change(benchmark.comparison)


def _of_score(score: Score) -> Iterator[str]:
    for reason in score.validity_reasons:
        yield f"{score.validity}: {reason}"
    if score.ci_low is None:
        yield f"no interval: {score.interval_method.removeprefix('none: ')}"
    if score.passed is not None and score.threshold is not None:
        yield f"{figures.score(score.value)} {_reached(score.passed)} the threshold {score.threshold:g}"


def of_change(change: Change) -> Iterator[str]:
    """Say what a comparison could have seen, and why it is inconclusive."""
    points = in_points(change)
    margin = figures.amount(change.margin, points=points)
    detectable = figures.amount(change.smallest_detectable, points=points)
    yield f"{_tested(change)}; smallest detectable difference {detectable}, margin {margin}"
    if change.note:
        yield change.note
    elif change.verdict == "INCONCLUSIVE":
        yield f"inconclusive: shows neither a loss nor its absence at the margin of {margin}"


def _tested(change: Change) -> str:
    """Say how many answers changed, and what that is evidence of: p, and q where it was corrected."""
    answers = figures.count(change.n, "answer")
    if not change.lost + change.gained:
        return f"none of {answers} changed, so there is nothing to test"
    said = f"{100 * change.discordance:.1f} % of {answers} changed, {figures.p_value(change.p_value)}"
    return said if change.q_value is None else f"{said}, {figures.p_value(change.q_value, name='q')}"


def _because(reason: str | None, message: str) -> str:
    return ": ".join(part for part in (reason, message) if part)


def _reached(passed: bool | None) -> str:  # noqa: FBT001
    return "reaches" if passed else "misses"
