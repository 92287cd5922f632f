"""A prepared job, run here to its end: progress on stderr, signals as cancellation. Called by `evallab run`."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine

from evallab.catalog import Catalog
from evallab.local.lab import open_lab
from evallab.local.preparing import Prepared
from evallab.planning.lifecycle import Plan
from evallab.reporting.progress import BenchmarkProgress, ProgressDisplay, ProgressView, eta_seconds
from evallab.reporting.report import JobReport, job_report
from evallab.settings import Settings
from evallab.store.interface import BenchmarkRow, JobSnapshot

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def run_here(settings: Settings, prepared: Prepared, catalog: Catalog) -> tuple[JobReport, bool]:
    """Run a job on this machine; return its report and whether somebody interrupted it."""
    with ProgressDisplay(no_color=settings.no_color) as display:
        display.update(ProgressView(prepared.job.name, prepared.job.model.name, "starting"))
        async with open_lab(settings, catalog, environ=os.environ, saw=_drawing(display)) as lab:
            job_id = await lab.submit(prepared.job, manifest=prepared.manifest, manifest_dir=prepared.directory)
            interruptions = Interruptions(lambda: lab.cancel(job_id))
            await lab.run(job_id)
            await interruptions.settle()
            return await job_report(lab.store, job_id), interruptions.happened


class Interruptions:
    """The first signal cancels the job cleanly; the second ends this process, and the leash ends its tree."""

    def __init__(self, cancel: Callable[[], Coroutine[None, None, None]]) -> None:
        """Take over the signals that mean "stop"."""
        self._cancel = cancel
        self._tasks: list[asyncio.Task[None]] = []
        for each in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(each, self._on_signal)

    @property
    def happened(self) -> bool:
        """Say whether a signal came."""
        return bool(self._tasks)

    async def settle(self) -> None:
        """Wait for the cancellation that was asked for, and give the signals back."""
        await asyncio.gather(*self._tasks)
        for each in SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(each)

    def _on_signal(self) -> None:
        if self._tasks:
            os._exit(130)
        sys.stderr.write("\ncancelling (once more: stop at once)\n")
        self._tasks.append(asyncio.get_running_loop().create_task(self._cancel()))


def _drawing(display: ProgressDisplay) -> Callable[[JobSnapshot, Plan, int], None]:
    return lambda snapshot, plan, ahead: display.update(progress_view(snapshot, plan, ahead))


def progress_view(snapshot: JobSnapshot, plan: Plan, ahead: int) -> ProgressView:
    """Return what a person sees of a job in progress."""
    return ProgressView(
        job_name=snapshot.job.name,
        model=snapshot.job.spec.model.name,
        state_line=_state(snapshot, plan, ahead),
        benchmarks=tuple(_benchmark(row) for row in snapshot.benchmarks),
        queue_ahead=ahead,
    )


def _state(snapshot: JobSnapshot, plan: Plan, ahead: int) -> str:
    if snapshot.job.cancel_requested:
        return "cancelling"
    if ahead:
        return "waiting for its turn"
    started = any(status.state != "pending" for status in plan.benchmarks)
    return "running" if started else "starting the model server" if snapshot.job.spec.model.serve else "starting"


def _benchmark(row: BenchmarkRow) -> BenchmarkProgress:
    return BenchmarkProgress(
        label=f"{row.provider_id}/{row.benchmark_id}",
        state=row.state,
        done=row.done,
        total=row.total,
        samples_per_minute=row.samples_per_minute,
        eta_seconds=eta_seconds(row.done, row.total, row.samples_per_minute),
    )
