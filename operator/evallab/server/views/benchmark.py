"""What is seen of one benchmark of a job: its state, what its adapter said, and its metrics.

What an adapter declared counts from the moment its event was taken, although its process may linger; an adapter that
says so in the phase too leaves more than its event (samples, intervals), and is seen to end when that is recorded. A
cancelled job is cancelled at once, although its processes have a moment to end. Pure; called by `views.job`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evallab.server.views.moments import moment, seconds
from evallab.store.interface import AttemptRow, BenchmarkRow, EventRow, JobRow, JobSnapshot, ScoreRow

Json = dict[str, Any]
ENDED = frozenset({"completed", "failed", "cancelled"})
CANCELLED: Mapping[str, str] = {
    "message": "Evaluation job cancelled",
    "message_code": "evaluation_job_cancelled",
    "message_origin": "server",
}
_NOT_LAUNCHED = frozenset({"NotStarted"})
_SAID = ("metrics_schema", "additional_info", "artifacts", "mlflow_run_id", "logs_path")


@dataclass(frozen=True)
class Seen:
    """One benchmark with the attempt that speaks for it and what that attempt's adapter said, oldest first."""

    row: BenchmarkRow
    attempt: AttemptRow | None
    said: tuple[EventRow, ...]
    state: str
    metrics: Json | None  #: of a benchmark that completed
    newest: Mapping[str, Any]  #: of each field the newest word about it: nothing said earlier is lost

    @property
    def ended_at(self) -> datetime | None:
        """Return when it ended: as recorded, else when its end was declared."""
        if self.row.finished_at or self.state not in ENDED:
            return self.row.finished_at
        return next((each.received_at for each in self.said if each.body.get("status") in ENDED), None)

    @property
    def named(self) -> tuple[str, str, int]:
        """Return how events name it."""
        return self.row.provider_id, self.row.benchmark_id, self.row.index

    @property
    def error(self) -> Json | None:
        """Return why it failed or was cancelled, in EvalHub's words."""
        if self.state == "cancelled":
            return dict(CANCELLED)
        said = self.newest.get("error_message")
        if said and (self.state != "failed" or self._declared_failed):
            return {key: said[key] for key in ("message", "message_code", "message_origin") if said.get(key)}
        if self.state != "failed":
            return None
        launched = self.row.reason not in _NOT_LAUNCHED
        code, origin = ("RUNTIME_FAILURE", "runtime") if launched else ("evaluation_job_failed", "server")
        return {"message": self.row.message or "It failed.", "message_code": code, "message_origin": origin}

    @property
    def _declared_failed(self) -> bool:
        return any(each.body.get("status") == "failed" for each in self.said)

    def status(self) -> Json:
        """Return the entry of `status.benchmarks`."""
        row = self.row
        entry: Json = {"provider_id": row.provider_id, "id": row.benchmark_id, "benchmark_index": row.index}
        entry["status"] = self.state
        entry |= _present(
            phase=self.newest.get("phase") or row.phase,
            error_message=self.error,
            warning_message=self.newest.get("warning_message"),
            started_at=self.newest.get("started_at") or _moment(row.started_at),
            completed_at=(self.newest.get("completed_at") or _moment(self.ended_at)) if self.state in ENDED else None,
            duration_seconds=seconds(row.started_at, self.ended_at),
            reason=row.reason if self.state != "running" else None,
            attempt=self.attempt.number if self.attempt else None,
        )
        if row.done is not None:
            rate = {"samples_per_minute": row.samples_per_minute} if row.samples_per_minute is not None else {}
            entry["progress"] = {"done": row.done, "total": row.total, **rate}
        return entry

    def result(self, scores: Sequence[ScoreRow]) -> Json | None:
        """Return the entry of `results.benchmarks`; a benchmark that failed has only its ids."""
        if self.state not in {"completed", "failed"}:
            return None
        row = self.row
        entry: Json = {"id": row.benchmark_id, "provider_id": row.provider_id, "benchmark_index": row.index}
        if self.state == "failed":
            return entry
        entry |= _present(
            metrics=self.metrics, metrics_schema=self.newest.get("metrics_schema") or _schema(self.metrics)
        )
        entry |= _present(**{name: self.newest.get(name) for name in _SAID if name != "metrics_schema"})
        own = [score_view(each) for each in scores if each.index == row.index]
        return entry | ({"scores": own} if own else {})


def seen(snapshot: JobSnapshot) -> Iterator[Seen]:
    """Yield every benchmark of a job as it is seen now, in order."""
    for row in snapshot.benchmarks:
        attempts = [each for each in snapshot.attempts if each.index == row.index]
        attempt = _speaks(attempts, snapshot)
        said = tuple(each for each in snapshot.events if attempt and each.attempt_id == attempt.id and not each.late)
        events = [each.body for each in said]
        state = "pending" if _past(row, snapshot.job) else _state(row, attempt, events, snapshot.job)
        yield Seen(row, attempt, said, state, _metrics(state, attempt, events, snapshot), _newest(events))


def _newest(events: Sequence[Json]) -> Json:
    return {name: value for body in events for name, value in body.items() if value}


def _speaks(attempts: Sequence[AttemptRow], snapshot: JobSnapshot) -> AttemptRow | None:
    """Return the newest attempt with a result, else the newest."""
    recorded = [each for each in attempts if each.id in snapshot.results]
    return next(iter(reversed(recorded or attempts)), None)


def _past(row: BenchmarkRow, job: JobRow) -> bool:
    """Say whether a benchmark's end no longer counts: the job was resumed, and nobody has looked at it since."""
    ended = row.finished_at if row.state in {"failed", "cancelled"} else None
    return ended is not None and job.resumed_at is not None and ended <= job.resumed_at and job.finished_at is None


def _state(row: BenchmarkRow, attempt: AttemptRow | None, events: Sequence[Json], job: JobRow) -> str:
    if row.state in ENDED:
        return row.state
    if attempt is not None and attempt.state not in ENDED:
        declared = {body.get("status") for body in events if body.get("phase") != "completed"}
        if "failed" in declared:
            return "failed"
        if "completed" in declared:
            return "completed"
    return "cancelled" if job.cancel_requested else row.state


def _metrics(state: str, attempt: AttemptRow | None, events: Sequence[Json], snapshot: JobSnapshot) -> Json | None:
    if state != "completed" or attempt is None:
        return None
    recorded = snapshot.metrics.get(attempt.id)
    if recorded is not None:
        return dict(recorded)
    return next((body["metrics"] for body in reversed(events) if body.get("metrics")), {})


def _schema(metrics: Json | None) -> list[Json] | None:
    """Return the schema of metrics that came without one."""
    if not metrics:
        return None
    return [{"name": name, "type": _type(value)} for name, value in metrics.items()]


def _type(value: Any) -> str:
    if isinstance(value, list):
        return "array_ordered"
    return "categorical" if isinstance(value, str | bool) or value is None else "numeric"


def score_view(score: ScoreRow) -> Json:
    """Return one score with its interval, validity and number of questions."""
    view: Json = {"metric": score.metric, "filter": score.filter, "value": score.value, "primary": score.primary}
    view |= {"ci_low": score.ci_low, "ci_high": score.ci_high, "interval_method": score.interval_method}
    view |= {"n": score.n, "n_errors": score.n_errors, "higher_is_better": score.higher_is_better}
    view |= {"validity": score.validity, "validity_reasons": list(score.validity_reasons)}
    return view | _present(stderr=score.stderr, threshold=score.threshold, **{"pass": score.passed})


def _moment(time: datetime | None) -> str | None:
    return None if time is None else moment(time)


def _present(**fields: Any) -> Json:
    return {name: value for name, value in fields.items() if value is not None}
