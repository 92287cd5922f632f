"""From what an attempt left to the rows that are recorded: scores with intervals, samples, artifacts, keys, validity.

Called by the reconciler when an attempt completed. Everything lands in one transaction or not at all.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import Any, Protocol

from evallab.analysis.intervals import Interval, of_mean
from evallab.api.contract import Counts, Result, Sample, ScoreValue
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
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
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
        provenance=_provenance(result, ended.test_data, ended.executed),
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
    ended: Ended, result: Result, files: Files, values: dict[tuple[str, str], list[float]]
) -> tuple[tuple[ArtifactRow, ...], list[SampleRow]]:
    if result.samples is None:
        return (), []
    found = read_samples(ended.leavings.artifacts_dir, result)
    if is_confidential(ended.job.spec, ended.attempt.index):
        found = (sample.model_copy(update={"error": WITHHELD}) if sample.error else sample for sample in found)
    seen = _noting(found, values)
    artifact, rows = files.write_samples(seen, owner=ended.owner)
    return (artifact,), rows


def _noting(samples: Iterator[Sample], values: dict[tuple[str, str], list[float]]) -> Iterator[Sample]:
    """Pass samples through and collect each metric's values on the way: the texts are read once and never held."""
    for sample in samples:
        for name, value in sample.scores.items():
            if value is not None:
                values[_metric(name)].append(_number(name, value))
        yield sample


def _number(name: str, value: float) -> float:
    """Return the value. Raises ValueError for NaN and infinity, which are no scores and which no table takes."""
    if not isfinite(value):
        raise ValueError(f"the metric {name} is {value}, which is not a number")
    return value


@lru_cache(maxsize=4096)
def _metric(name: str) -> tuple[str, str]:
    metric, _, filter_ = name.rpartition(",")
    return metric, filter_


def _scores(
    ended: Ended, result: Result, values: Mapping[tuple[str, str], Sequence[float]], question_key: str | None
) -> Iterator[ScoreRow]:
    benchmark = ended.job.spec.benchmarks[ended.attempt.index]
    chosen = scoring.primary(benchmark, result.scores)
    for score in result.scores:
        known = values.get((score.metric, score.filter), ()) if score.kind == "mean" else ()
        interval, method = _interval(score, known)
        between = validity.bounds(known, score=score.value, errors=result.counts.errors)
        verdict, reasons = validity.judge(result.counts, intervals_known=interval is not None, bounds=between)
        speaks = chosen is not None and (score.metric, score.filter) == (chosen.metric, chosen.filter)
        yield ScoreRow(
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
            n=len(known) or score.n or result.counts.answered,
            n_errors=result.counts.errors,
            higher_is_better=not chosen.lower_is_better if chosen and speaks else score.higher_is_better,
            primary=speaks,
            question_key=question_key,
            validity=verdict,
            validity_reasons=reasons,
            threshold=chosen.threshold if chosen and speaks else None,
            passed=scoring.passed(score.value, chosen) if chosen and speaks else None,
        )


def _interval(score: ScoreValue, values: Sequence[float]) -> tuple[Interval | None, str]:
    """Return a 95 % interval and its method, or None and the reason."""
    if not values:
        return None, "none: a corpus metric" if score.kind == "corpus" else "none: no samples"
    interval = of_mean(values)
    return (interval, interval.method) if interval else (None, "none: one sample")


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


def _provenance(result: Result, given: Mapping[str, Any] | None, executed: Mapping[str, Any]) -> dict[str, Any]:
    counts: Counts = result.counts
    return {
        **({"executed": dict(executed)} if executed else {}),
        "test_data": dict(given) if given else None,
        "harness": result.question.get("harness"),
        **result.provenance,
        "question": result.question,
        "answered_by": result.answered_by,
        "counts": counts.model_dump(),
        "warnings": list(result.warnings),
    }
