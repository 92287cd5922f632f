"""From what an attempt left to the rows that are recorded: scores with intervals, samples, artifacts, keys, validity.

Called by the reconciler when an attempt completed. Everything lands in one transaction or not at all.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from math import isfinite
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol

from evallab.analysis.bounding import Answers, bounded, of_questions, pass_at_k
from evallab.analysis.missing import bounds
from evallab.api.contract import Result, Sample, ScoreValue
from evallab.engine import provenance
from evallab.planning import keys, scoring, validity
from evallab.planning.conclusion import Conclusion
from evallab.planning.confidential import is_confidential
from evallab.receiver.leavings import from_events, read_result, read_samples
from evallab.runtimes.interface import Leavings
from evallab.store.interface import (
    ArtifactRow,
    AttemptResult,
    AttemptRow,
    DatasetRow,
    EventRow,
    JobRow,
    SampleRow,
    ScoreRow,
)

WITHHELD = "withheld: the data is confidential"  #: of a question's error, which may quote it


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Whose file it is."""

    job_id: str
    index: int
    attempt_id: str


class Files(Protocol):
    """Where texts and files are kept (`store.artifacts`)."""

    def write_samples(self, samples: Iterable[Sample], *, owner: Owner) -> tuple[ArtifactRow, list[SampleRow]]:
        """Keep the samples' texts and return their rows."""

    def store_file(self, path: Path, *, kind: str, name: str, owner: Owner) -> ArtifactRow:
        """Keep one file."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """An attempt that completed, with all that is needed to record it."""

    job: JobRow
    attempt: AttemptRow
    events: Sequence[EventRow]
    leavings: Leavings
    test_data: Mapping[str, Any] | None = None  #: the snapshot that it was given
    executed: Mapping[str, Any] = field(default_factory=dict)  #: what really ran: image, node, pod

    @property
    def owner(self) -> Owner:
        """Whose files these are."""
        return Owner(job_id=self.job.id, index=self.attempt.index, attempt_id=self.attempt.id)


def assemble(ended: Ended, files: Files, *, now: datetime) -> AttemptResult:
    """Return everything to record. Raises ValueError when the samples file is damaged, OSError when a disk is full."""
    result = read_result(ended.leavings.result_file) or from_events(ended.events) or Result(status="completed")
    values: dict[tuple[str, str], Answers] = {}
    artifacts, samples = _samples(ended, result, files, values)
    benchmark = ended.job.spec.benchmarks[ended.attempt.index]
    question_key = keys.question_key(benchmark.provider_id, benchmark.id, result.question)
    return AttemptResult(
        attempt_id=ended.attempt.id,
        job_id=ended.job.id,
        index=ended.attempt.index,
        recorded_at=now,
        metrics=_metrics(result, ended.events),
        scores=tuple(_scores(ended, result, values, question_key)),
        samples=samples,
        artifacts=(*artifacts, *_kept(ended, result, files)),
        dataset=_dataset(result, ended.test_data),
        question_key=question_key,
        provenance=provenance.of_attempt(
            ended.attempt, result, given=ended.test_data, executed=ended.executed, question_key=question_key, now=now
        ),
    )


def not_recorded(error: OSError | ValueError) -> Conclusion:
    """Return the end of an attempt whose result is there and cannot be kept: the disk, or the result itself."""
    damaged = not isinstance(error, OSError)
    return Conclusion(
        outcome="failed",
        reason="DamagedResult" if damaged else "NotRecorded",
        message=f"The adapter's result could not be recorded: {error}"[:2000].rstrip(".") + ".",
        remedy="See its log: evallab logs JOB." if damaged else "Make room where EVALLAB_HOME lies, and run it again.",
    )


def _samples(
    ended: Ended, result: Result, files: Files, values: dict[tuple[str, str], Answers]
) -> tuple[tuple[ArtifactRow, ...], list[SampleRow]]:
    if result.samples is None:
        return (), []
    found = read_samples(ended.leavings.artifacts_dir, result)
    if is_confidential(ended.job.spec, ended.attempt.index):
        found = (sample.model_copy(update={"error": WITHHELD}) if sample.error else sample for sample in found)
    seen = _noting(found, values)
    artifact, rows = files.write_samples(seen, owner=ended.owner)
    return (artifact,), rows


def _noting(samples: Iterator[Sample], values: dict[tuple[str, str], Answers]) -> Iterator[Sample]:
    """Pass samples through and collect each metric's values on the way: the texts are read once and never held."""
    for sample in samples:
        for name, value in sample.scores.items():
            if value is not None:
                values.setdefault(_metric(name), Answers()).note(sample, _number(name, value))
        yield sample


def _number(name: str, value: float) -> float:
    """Return the value. Raises ValueError for NaN and infinity, which are no scores and which no table takes."""
    if not isfinite(value):
        raise ValueError(f"the metric {name} is {value}, which is not a number")
    return value


@lru_cache(maxsize=4096)
def _metric(name: str) -> tuple[str, str]:
    metric, comma, filter_ = name.rpartition(",")
    return (metric, filter_) if comma else (filter_, "none")


def _scores(
    ended: Ended, result: Result, values: Mapping[tuple[str, str], Answers], question_key: str | None
) -> Iterator[ScoreRow]:
    benchmark = ended.job.spec.benchmarks[ended.attempt.index]
    chosen = scoring.primary(benchmark, result.scores)
    reported = {(score.metric, score.filter) for score in result.scores}
    for score in result.scores:
        known = values.get((score.metric, score.filter))
        speaks = chosen is not None and (score.metric, score.filter) == (chosen.metric, chosen.filter)
        row = _score(ended, result, score, known, question_key)
        if not (chosen and speaks):
            yield row
            continue
        yield replace(
            row,
            higher_is_better=not chosen.lower_is_better,
            primary=True,
            threshold=chosen.threshold,
            passed=scoring.passed(score.value, chosen),
        )
        yield from (each for each in _at_k(row, known) if (each.metric, each.filter) not in reported)


def _score(
    ended: Ended, result: Result, score: ScoreValue, known: Answers | None, question_key: str | None
) -> ScoreRow:
    benchmark = ended.job.spec.benchmarks[ended.attempt.index]
    interval, method = bounded(score, known)
    values = known.values if known and score.kind == "mean" else ()
    between = bounds(values, score=score.value, errors=result.counts.errors)
    sampled = bool(values) or (score.kind == "corpus" and result.samples is not None)
    verdict, reasons = validity.judge(result.counts, intervals_known=sampled, bounds=between)
    return ScoreRow(
        job_id=ended.job.id,
        index=ended.attempt.index,
        attempt_id=ended.attempt.id,
        provider_id=benchmark.provider_id,
        benchmark_id=benchmark.id,
        metric=score.metric,
        filter=score.filter,
        value=_number(score.metric, score.value),
        stderr=score.stderr,
        ci_low=interval.low if interval else None,
        ci_high=interval.high if interval else None,
        interval_method=method,
        n=(known.questions if known and values else 0) or score.n or result.counts.answered,
        n_errors=result.counts.errors,
        higher_is_better=score.higher_is_better,
        primary=False,
        question_key=question_key,
        validity=verdict,
        validity_reasons=reasons,
    )


def _at_k(row: ScoreRow, known: Answers | None) -> Iterator[ScoreRow]:
    """Yield pass@k beside a score of right and wrong whose questions were all asked k times, k being 2 or more."""
    found = pass_at_k(known) if known else None
    if known is None or found is None:
        return
    k, estimates = found
    interval, method = of_questions(estimates, known)
    yield replace(
        row,
        metric=f"pass@{k}",
        value=fmean(estimates.values()),
        stderr=None,
        ci_low=interval.low if interval else None,
        ci_high=interval.high if interval else None,
        interval_method=method,
    )


def _metrics(result: Result, events: Sequence[EventRow]) -> dict[str, Any]:
    """EvalHub's metrics: as the completed event said them, else from the scores."""
    said = [event.body.get("metrics") for event in events if event.body.get("status") == "completed"]
    return next((metrics for metrics in said if metrics), {}) or {score.metric: score.value for score in result.scores}


def _kept(ended: Ended, result: Result, files: Files) -> Iterator[ArtifactRow]:
    if ended.leavings.result_file.exists():
        yield files.store_file(ended.leavings.result_file, kind="result", name="result.json", owner=ended.owner)
    for name in result.artifacts:
        path = (ended.leavings.artifacts_dir / name).resolve()
        if path.is_relative_to(ended.leavings.artifacts_dir.resolve()) and path.is_file():
            yield files.store_file(path, kind="file", name=name, owner=ended.owner)


def _dataset(result: Result, given: Mapping[str, Any] | None) -> DatasetRow | None:
    """Name the data as the adapter did, else as the snapshot that it was given."""
    data, given = result.question.get("dataset") or {}, given or {}
    fingerprint = data.get("fingerprint") or given.get("sha256")
    if not fingerprint:
        return None
    return DatasetRow(
        name=str(data.get("name") or given.get("source") or "unnamed"),
        fingerprint=str(fingerprint),
        revision=data.get("revision") or given.get("revision"),
        n=result.counts.total,
        detail={key: value for key, value in data.items() if key not in {"name", "fingerprint", "revision"}},
    )
