"""A job as one line of a list: less than a report, read in two queries. Called by `evallab jobs`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from evallab.store.interface import BenchmarkRow, JobRow, ScoreRow, Store


@dataclass(frozen=True, kw_only=True)
class JobLine:
    """`scores` are the primary ones in benchmark order; `validity` is the worst of them: yes, degraded, no, or None."""

    id: str
    name: str
    model: str
    state: str
    reason: str | None
    progress: str
    scores: tuple[float, ...]
    validity: str | None
    created_at: datetime
    finished_at: datetime | None
    position: int | None = None  #: in the line of those that wait: 1 starts next


async def job_line(store: Store, job: JobRow, *, position: int | None = None) -> JobLine:
    """Read what the line of a job needs."""
    snapshot = await store.snapshot(job.id)
    scores = await store.scores(job.id, primary_only=True)
    return line(snapshot.job, snapshot.benchmarks, scores, position=position)


def line(
    job: JobRow, benchmarks: Sequence[BenchmarkRow], scores: Sequence[ScoreRow], *, position: int | None = None
) -> JobLine:
    """Assemble a line from rows (pure)."""
    return JobLine(
        id=job.id,
        name=job.name,
        model=job.spec.model.name,
        state=job.state,
        reason=job.reason,
        progress=_progress(benchmarks),
        scores=tuple(score.value for score in scores),
        validity=_validity(scores),
        created_at=job.created_at,
        finished_at=job.finished_at,
        position=position if job.state == "pending" else None,
    )


def _progress(benchmarks: Sequence[BenchmarkRow]) -> str:
    """Count benchmarks that ended; of the one that runs alone, its questions."""
    running = [row for row in benchmarks if row.state == "running"]
    ended = sum(row.state in {"completed", "failed", "cancelled"} for row in benchmarks)
    counted = f"{ended}/{len(benchmarks)}"
    if len(running) != 1 or running[0].done is None or not running[0].total:
        return counted
    return f"{counted} ({100 * running[0].done // running[0].total} %)"


def _validity(scores: Sequence[ScoreRow]) -> str | None:
    kinds = {score.validity for score in scores}
    if not kinds:
        return None
    return "no" if "invalid" in kinds else "degraded" if "degraded" in kinds else "yes"
