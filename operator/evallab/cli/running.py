"""A prepared job, run here to its end: progress on stderr, signals as cancellation. Called by `evallab run`."""

import os
from collections.abc import Callable

from evallab.catalog import Catalog
from evallab.cli.interruptions import Interruptions
from evallab.cli.seen import benchmark_progress
from evallab.engine.driver import Turn
from evallab.local.lab import open_lab
from evallab.local.preparing import Prepared
from evallab.planning.views import Plan
from evallab.reporting.progress import ProgressDisplay, ProgressView
from evallab.reporting.report import JobReport, job_report
from evallab.settings import Settings
from evallab.store.interface import JobSnapshot


async def run_here(
    settings: Settings, prepared: Prepared, catalog: Catalog, *, parallel: int = 1
) -> tuple[JobReport, bool]:
    """Run a job on this machine; return its report and whether somebody interrupted it."""
    with Interruptions() as interruptions, ProgressDisplay(no_color=settings.no_color) as display:
        display.update(ProgressView(prepared.job.name, prepared.job.model.name, "starting"))
        async with open_lab(settings, catalog, environ=os.environ, saw=drawing(display), parallel=parallel) as lab:
            interruptions.hold()
            job_id = await lab.submit(prepared.job, manifest=prepared.manifest, manifest_dir=prepared.directory)
            interruptions.answer(lambda: lab.cancel(job_id))
            await lab.run(job_id)
            await interruptions.settle()
            return await job_report(lab.store, job_id), interruptions.happened


def drawing(display: ProgressDisplay) -> Callable[[JobSnapshot, Plan, Turn], None]:
    """Return what draws each look at a job."""
    return lambda snapshot, plan, turn: display.update(progress_view(snapshot, plan, turn))


def progress_view(snapshot: JobSnapshot, plan: Plan, turn: Turn) -> ProgressView:
    """Return what a person sees of a job in progress."""
    return ProgressView(
        job_name=snapshot.job.name,
        model=snapshot.job.spec.model.name,
        state_line=_state(snapshot, plan, turn),
        benchmarks=tuple(benchmark_progress(row) for row in snapshot.benchmarks),
        queue_ahead=turn.ahead,
    )


def _state(snapshot: JobSnapshot, plan: Plan, turn: Turn) -> str:
    if snapshot.job.cancel_requested:
        return "cancelling"
    if not turn.come:
        return f"waiting for {turn.waits_for}"
    started = any(status.state != "pending" for status in plan.benchmarks)
    return "running" if started else "starting the model server" if snapshot.job.spec.model.serve else "starting"
