"""From jobs as they are seen, again and again, to counts: each change once, whoever saw it first.

Called with a job whenever one was made or saved. Looking twice changes nothing. A job that was over when it was first
seen is not counted: it ended before this process did anything for it.
"""

from collections.abc import Sequence
from datetime import datetime

from evallab.engine.driver import Turn
from evallab.local.lab import Saw
from evallab.planning.views import Plan
from evallab.server.metrics import Metrics
from evallab.server.stream import Streams
from evallab.store.interface import BenchmarkRow, JobRow, JobSnapshot

OVER = frozenset({"completed", "partially_failed", "failed", "cancelled"})


def counted(metrics: Metrics, streams: Streams) -> Saw:
    """Return what takes note of every look at a job: it counts, and wakes those who follow the job."""
    counts = JobCounts(metrics)

    def saw(snapshot: JobSnapshot, _: Plan, __: Turn) -> None:
        counts.saw(snapshot.job, snapshot.benchmarks)
        last = snapshot.events[-1].id if snapshot.events else None
        streams.seen(snapshot.job.id, (snapshot.job.state, snapshot.benchmarks, last))

    return saw


class JobCounts:
    """Counts what happens to jobs. It remembers only those that are not over."""

    def __init__(self, metrics: Metrics) -> None:
        """Count into these."""
        self._metrics = metrics
        self._states: dict[str, str] = {}
        self._ended: dict[str, set[int]] = {}

    def saw(self, job: JobRow, benchmarks: Sequence[BenchmarkRow]) -> None:
        """Take note of a job as it is now."""
        before = self._states.get(job.id)
        if before is None and job.state in OVER:
            return
        self._benchmarks(job.id, benchmarks, first=before is None)
        if job.state != before:
            self._changed(job)
        self._states[job.id] = job.state
        if job.state in OVER:
            del self._states[job.id], self._ended[job.id]

    def _changed(self, job: JobRow) -> None:
        collection = collection_of(job)
        seconds = _seconds(job.created_at, job.finished_at) if job.state in OVER else None
        for provider in dict.fromkeys(each.provider_id for each in job.spec.benchmarks):
            self._metrics.job_changed(provider=provider, collection=collection, status=job.state, seconds=seconds)
            if job.state in {"failed", "partially_failed"}:
                self._metrics.error("job_failed", provider=provider)

    def _benchmarks(self, job_id: str, benchmarks: Sequence[BenchmarkRow], *, first: bool) -> None:
        counted = self._ended.setdefault(job_id, set())
        ended = [each for each in benchmarks if each.state in OVER and each.index not in counted]
        counted.update(each.index for each in ended)
        for each in () if first else ended:
            self._metrics.benchmark_ended(
                benchmark=each.benchmark_id,
                provider=each.provider_id,
                status=each.state,
                seconds=_seconds(each.started_at, each.finished_at),
            )


def collection_of(job: JobRow) -> str:
    """Return the id of the collection that a job was posted with; "" for none."""
    asked = (job.request or {}).get("collection") or {}
    return str(asked.get("id", "")) if isinstance(asked, dict) else ""


def _seconds(begin: datetime | None, end: datetime | None) -> float | None:
    return None if begin is None or end is None else max(0.0, (end - begin).total_seconds())
