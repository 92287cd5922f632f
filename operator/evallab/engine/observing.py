"""From rows and processes to the view that `planning.lifecycle.decide` looks at. Reads, never writes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from evallab.planning.conclusion import AttemptFacts, Conclusion
from evallab.planning.lifecycle import AttemptView, BenchmarkView, JobView, ModelView
from evallab.receiver.leavings import declared, read_result
from evallab.runtimes.interface import Exit, Observation, Runtime
from evallab.store.interface import AttemptRow, JobSnapshot

SETTLED = {"completed", "failed", "cancelled"}


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What the caller knows of the job's place: whether its turn has come, whether its owner died."""

    admitted: bool = True
    abandoned: bool = False


async def observe(snapshot: JobSnapshot, runtime: Runtime, model: ModelView, standing: Standing) -> JobView:
    """Return everything `decide` needs."""
    spec = snapshot.job.spec
    benchmarks = []
    for row in snapshot.benchmarks:
        attempts = [attempt for attempt in snapshot.attempts if attempt.index == row.index]
        views = [await _attempt(attempt, snapshot, runtime) for attempt in attempts]
        benchmarks.append(BenchmarkView(index=row.index, attempts=tuple(views)))
    return JobView(
        benchmarks=tuple(benchmarks),
        model=model,
        created_at=snapshot.job.created_at,
        admitted=standing.admitted,
        abandoned=standing.abandoned,
        cancelled=snapshot.job.cancel_requested,
        retries=spec.retries,
        timeout=timedelta(seconds=spec.timeout_seconds),
        pending_deadline=timedelta(seconds=spec.pending_deadline_seconds),
    )


async def _attempt(row: AttemptRow, snapshot: JobSnapshot, runtime: Runtime) -> AttemptView:
    if row.state in SETTLED:
        return _view(row, AttemptFacts(gone=True), settled=settled(row))
    seen = await runtime.observe(row.handle) if row.handle else Observation(state="vanished")
    result = read_result(runtime.leavings(row.handle).result_file) if row.handle else None
    events = [event for event in snapshot.events if event.attempt_id == row.id]
    ended = seen.exit or Exit()
    facts = AttemptFacts(
        gone=seen.state != "running",
        declared=declared(events, result),
        code=ended.code,
        signal=ended.signal,
        orphaned=ended.orphaned,
        vanished=seen.state in {"vanished", "absent"},
        stop_reason=row.stop_requested,
    )
    return _view(row, facts)


def _view(row: AttemptRow, facts: AttemptFacts, settled: Conclusion | None = None) -> AttemptView:
    started: datetime = row.started_at or row.created_at
    return AttemptView(id=row.id, number=row.number, facts=facts, started_at=started, settled=settled)


def settled(row: AttemptRow) -> Conclusion | None:
    """Return the conclusion that was written down for an attempt, None while there is none."""
    if row.state not in {"completed", "failed", "cancelled"}:
        return None
    return Conclusion(outcome=row.state, reason=row.reason or "", message=row.message or "")
