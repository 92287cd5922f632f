"""From a plan and the last known rows to the rows that people see. Pure; called by the reconciler."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from evallab.planning.views import TERMINAL, BenchmarkStatus, Plan
from evallab.store.interface import AttemptRow, BenchmarkRow, EventRow, JobRow, JobSnapshot

Record = dict[str, Any] | None


def project(
    snapshot: JobSnapshot, plan: Plan, model_server: Record, *, now: datetime
) -> tuple[JobRow, tuple[BenchmarkRow, ...]]:
    """Return the job's and its benchmarks' rows as the plan says they are now."""
    benchmarks = tuple(
        _benchmark(row, status, snapshot, now) for row, status in zip(snapshot.benchmarks, plan.benchmarks, strict=True)
    )
    return _job(snapshot.job, plan, benchmarks, model_server, now), benchmarks


def _job(row: JobRow, plan: Plan, benchmarks: Sequence[BenchmarkRow], model_server: Record, now: datetime) -> JobRow:
    ended = plan.finished
    going = plan.state if ended or plan.state in {"pending", "running"} else row.state
    failed = [each for each in benchmarks if each.state in {"failed", "cancelled"}]
    return replace(
        row,
        state=going,
        started_at=row.started_at or (now if going != "pending" else None),
        finished_at=(row.finished_at or now) if ended else None,
        reason=failed[0].reason if failed else ("Completed" if ended else None),
        message=_shared([each.message for each in failed]),
        model_server=model_server,
    )


def _shared(messages: Sequence[str | None]) -> str | None:
    """Return what all of them say; benchmarks that failed for different reasons speak for themselves."""
    return messages[0] if len(set(messages)) == 1 else None


def _benchmark(row: BenchmarkRow, status: BenchmarkStatus, snapshot: JobSnapshot, now: datetime) -> BenchmarkRow:
    attempts = [attempt for attempt in snapshot.attempts if attempt.index == row.index]
    last = attempts[-1] if attempts else None
    why = status.conclusion
    row = _progressed(row, _heard(snapshot.events, last))
    return replace(
        row,
        state=status.state,
        reason=why.reason if why else None,
        message=why.sentence if why else None,
        started_at=row.started_at or (attempts[0].created_at if attempts else None),
        finished_at=(row.finished_at or now) if status.state in TERMINAL else None,
    )


def _heard(events: Sequence[EventRow], attempt: AttemptRow | None) -> list[EventRow]:
    return [event for event in events if attempt is not None and event.attempt_id == attempt.id and not event.late]


def _progressed(row: BenchmarkRow, events: Sequence[EventRow]) -> BenchmarkRow:
    """Take phase and progress from the latest events that have them."""
    for event in events:
        progress = event.body.get("progress") or {}
        row = replace(
            row,
            phase=event.body.get("phase") or row.phase,
            done=progress.get("done", row.done),
            total=progress.get("total", row.total),
            samples_per_minute=progress.get("samples_per_minute", row.samples_per_minute),
        )
    return row
