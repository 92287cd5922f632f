"""From rows and processes to the view that `planning.lifecycle.decide` looks at. Reads, never writes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from evallab.planning.conclusion import AttemptFacts, Conclusion
from evallab.planning.views import AttemptView, BenchmarkView, CanaryState, DataState, JobView, ModelView
from evallab.receiver.leavings import declared, read_result
from evallab.runtimes.interface import Exit, Observation, Runtime
from evallab.store.interface import AttemptRow, EventRow, JobRow, JobSnapshot

SETTLED = {"completed", "failed", "cancelled"}
EXTERNAL = "external"  #: in the handle of an attempt without a process here


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What the caller knows of the job's place: whether its turn has come, whether its owner died, how long it waits.

    `waited` is by a clock that nobody sets; without it the time since the job was made counts.
    """

    admitted: bool = True
    abandoned: bool = False
    suspended: bool = False
    waited: timedelta | None = None
    parallel: int = 1  #: how many of its benchmarks may run at once


async def observe(
    snapshot: JobSnapshot,
    runtime: Runtime,
    model: Callable[[JobRow], ModelView],
    standing: Standing,
    *,
    now: datetime,
    data: Callable[[JobRow, int, int], DataState] = lambda *_: "ready",
    canary: CanaryState = "off",
) -> JobView:
    """Return everything `decide` needs. How long something lasts is measured, not read off `now`, which may jump.

    The model server is looked at last: an attempt that ended because the server died is seen with a dead server.
    """
    spec, asked_at = snapshot.job.spec, snapshot.job.resumed_at or snapshot.job.created_at
    benchmarks = []
    for row in snapshot.benchmarks:
        attempts = [attempt for attempt in snapshot.attempts if attempt.index == row.index]
        views = [
            replace(await _attempt(attempt, snapshot, runtime, now), past=_past(attempt, snapshot.job))
            for attempt in attempts
        ]
        state = data(snapshot.job, row.index, len(views) + 1)
        benchmarks.append(BenchmarkView(index=row.index, attempts=tuple(views), data=state))
    return JobView(
        benchmarks=tuple(benchmarks),
        model=model(snapshot.job),
        canary=canary,
        created_at=asked_at if standing.waited is None else now - standing.waited,
        admitted=standing.admitted,
        abandoned=standing.abandoned,
        suspended=standing.suspended,
        cancelled=snapshot.job.cancel_requested,
        retries=spec.retries,
        timeout=timedelta(seconds=spec.timeout_seconds),
        pending_deadline=timedelta(seconds=spec.pending_deadline_seconds),
        parallel=standing.parallel,
    )


async def _attempt(row: AttemptRow, snapshot: JobSnapshot, runtime: Runtime, now: datetime) -> AttemptView:
    if row.state in SETTLED:
        return _view(row, AttemptFacts(gone=True), settled=settled(row))
    events = [event for event in snapshot.events if event.attempt_id == row.id]
    seen = await runtime.observe(row.handle) if row.handle and not row.handle.get(EXTERNAL) else None
    result = read_result(runtime.leavings(row.handle).result_file) if row.handle else None
    said = declared(events, result)
    seen = seen or _reported(row, over=said.completed or said.failed)
    ended = seen.exit or Exit()
    facts = AttemptFacts(
        gone=seen.state not in {"running", "waiting"},
        declared=said,
        code=ended.code,
        signal=ended.signal,
        orphaned=ended.orphaned,
        vanished=seen.state in {"vanished", "absent"},
        stop_reason=row.stop_requested,
        stop_message=row.message or "",
        cause=seen.cause,
        declared_s=_declared_s(events, now),
    )
    began = None if seen.running_s is None else now - timedelta(seconds=seen.running_s)
    view = _view(row, facts, started_at=began)
    return replace(view, waiting=seen.state == "waiting", waits_for=seen.why)


def _reported(row: AttemptRow, *, over: bool) -> Observation:
    """See an attempt that clients report by hand: it is over when they say so, or we do."""
    if row.handle.get(EXTERNAL):
        return Observation(state="exited" if over or row.stop_requested else "running")
    return Observation(state="vanished")


def _declared_s(events: Sequence[EventRow], now: datetime) -> float | None:
    """Return for how long the end of an attempt has been known by its events, in seconds."""
    ends = [each.received_at for each in events if each.body.get("status") in {"completed", "failed"} and not each.late]
    return (now - min(ends)).total_seconds() if ends else None


def _view(
    row: AttemptRow, facts: AttemptFacts, *, settled: Conclusion | None = None, started_at: datetime | None = None
) -> AttemptView:
    started: datetime = started_at or row.started_at or row.created_at
    return AttemptView(id=row.id, number=row.number, facts=facts, started_at=started, settled=settled)


def _past(row: AttemptRow, job: JobRow) -> bool:
    return job.resumed_at is not None and row.created_at < job.resumed_at


def settled(row: AttemptRow) -> Conclusion | None:
    """Return the conclusion that was written down for an attempt, None while there is none."""
    if row.state not in {"completed", "failed", "cancelled"}:
        return None
    return Conclusion(outcome=row.state, reason=row.reason or "", message=row.message or "")
