"""What a person sees of a job in progress that another process drives. For `running`, `wait` and `elsewhere`."""

from evallab.reporting.progress import BenchmarkProgress, ProgressView, eta_seconds
from evallab.store.values import BenchmarkRow, JobSnapshot


def seen_from_outside(snapshot: JobSnapshot, position: int | None) -> ProgressView:
    """Return what a person sees of a job that another process drives; `position` is its place in the line."""
    state = "waiting for its turn" if position else snapshot.job.state
    return ProgressView(
        job_name=snapshot.job.name,
        model=snapshot.job.spec.model.name,
        state_line="cancelling" if snapshot.job.cancel_requested else state,
        benchmarks=tuple(benchmark_progress(row) for row in snapshot.benchmarks),
        queue_ahead=position - 1 if position else 0,
    )


def benchmark_progress(row: BenchmarkRow) -> BenchmarkProgress:
    """Return how far a benchmark is."""
    return BenchmarkProgress(
        label=f"{row.provider_id}/{row.benchmark_id}",
        state=row.state,
        done=row.done,
        total=row.total,
        samples_per_minute=row.samples_per_minute,
        eta_seconds=eta_seconds(row.done, row.total, row.samples_per_minute),
    )
