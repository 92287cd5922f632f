"""What is known of a job, for its status: rows of the store, the plan, and what the runtime sees of open attempts."""

from collections.abc import Mapping
from datetime import datetime

from evallab.controller.objects import Known
from evallab.engine.observing import SETTLED
from evallab.engine.ports import Ports
from evallab.planning.cluster.facts import BenchmarkFacts, JobFacts, ScoreFacts
from evallab.planning.conclusion import Cause
from evallab.planning.passing import JobTest, job_test
from evallab.planning.views import Plan
from evallab.runtimes.interface import Observation
from evallab.store.interface import AttemptRow, BenchmarkRow, JobSnapshot, ScoreRow


async def facts(known: Known, snapshot: JobSnapshot, plan: Plan, ports: Ports) -> JobFacts:
    """Look at a job after it was reconciled."""
    job = snapshot.job
    seen = await _observed(snapshot.attempts, ports)
    scores = await ports.store.scores(job.id, primary_only=True) if snapshot.results else []
    heard = {event.attempt_id for event in snapshot.events}
    model = ports.models.view(job)
    return JobFacts(
        job_id=job.id,
        state=plan.state if plan.finished or plan.state in {"pending", "running"} else job.state,
        generation=known.generation,
        benchmarks=tuple(_benchmark(row, snapshot, seen, heard, scores) for row in snapshot.benchmarks),
        reason=job.reason,
        message=job.message,
        suspended=known.suspend,
        cancelled=job.cancel_requested,
        queue=_queue(snapshot),
        model=model.state,
        model_message=model.message,
        score=_score(snapshot) if plan.finished else None,
        started_at=_moment(job.started_at),
        finished_at=_moment(job.finished_at),
    )


def of_refused(known: Known, why: Cause) -> JobFacts:
    """Return what is known of a job that never ran."""
    return JobFacts(job_id=known.uid, generation=known.generation, state="failed", refused=why)


async def _observed(attempts: tuple[AttemptRow, ...], ports: Ports) -> Mapping[str, Observation]:
    open_ = [each for each in attempts if each.state not in SETTLED and each.handle]
    return {each.id: await ports.runtime.observe(each.handle) for each in open_}


def _benchmark(
    row: BenchmarkRow,
    snapshot: JobSnapshot,
    seen: Mapping[str, Observation],
    heard: set[str],
    scores: list[ScoreRow],
) -> BenchmarkFacts:
    spec = snapshot.job.spec.benchmarks[row.index]
    mine = [each for each in snapshot.attempts if each.index == row.index]
    looks = [seen[each.id] for each in mine if each.id in seen]
    return BenchmarkFacts(
        provider_id=row.provider_id,
        id=row.benchmark_id,
        state=row.state,
        reason=row.reason,
        message=row.message,
        attempts=len(mine),
        going=any(each.state == "running" for each in looks),
        waits_for=next((each.why or "It waits for a place." for each in looks if each.state == "waiting"), ""),
        heard=any(each.id in heard for each in mine),
        has_data=spec.test_data is not None,
        done=row.done,
        total=row.total,
        score=next((_primary(each) for each in scores if each.index == row.index), None),
    )


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _primary(row: ScoreRow) -> ScoreFacts:
    return ScoreFacts(
        metric=row.metric, value=row.value, low=row.ci_low, high=row.ci_high, n=row.n, validity=row.validity
    )


def _score(snapshot: JobSnapshot) -> float | None:
    """Return the weighted score of the job, where its benchmarks have scores that can be averaged."""
    done = {each.index: each.id for each in snapshot.attempts if each.id in snapshot.metrics}
    metrics = [
        snapshot.metrics[done[row.index]] if row.state == "completed" and row.index in done else None
        for row in snapshot.benchmarks
    ]
    judged = job_test(snapshot.job.spec, metrics)
    return judged.score if isinstance(judged, JobTest) else None


def _queue(snapshot: JobSnapshot) -> str | None:
    hardware = snapshot.job.spec.hardware
    return hardware.queue.name if hardware and hardware.queue else None
