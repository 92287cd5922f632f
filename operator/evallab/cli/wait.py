"""`evallab wait`: stay until a job has ended, whoever drives it, and end with its exit code."""

import asyncio

import click

from evallab.api.errors import EvallabError
from evallab.cli.exits import exit_code
from evallab.cli.naming import job_argument
from evallab.cli.opening import opened
from evallab.cli.output import ReportFormat, report_output_option, stdout, write_report
from evallab.cli.output import show as show_text
from evallab.cli.place import anywhere
from evallab.cli.seen import seen_from_outside
from evallab.remote.target import Target
from evallab.reporting.gate import FailOn
from evallab.reporting.progress import ProgressDisplay
from evallab.reporting.report import JobReport, job_report
from evallab.reporting.table import render
from evallab.settings import Settings
from evallab.store.interface import JobRow, Store

LOOK_S = 0.5
FORSAKEN_S = 5.0


@click.command(short_help="Wait for the end of a job and show it.")
@job_argument
@report_output_option
@anywhere
def wait(settings: Settings, target: Target | None, *, job: str, output: ReportFormat) -> int:
    """Wait for the end of a job and show it, with the exit code that `evallab run` would have had.

    Ctrl-C ends the waiting, not the job. JOB is an id, a unique prefix of one, a name (its newest job), or name~1 (the
    one before).
    """
    report, fail_on = _there(settings, target, job) if target else asyncio.run(_ended(settings, job))
    if output != "table":
        write_report(report, output, fail_on)
    else:
        paper = stdout(no_color=settings.no_color)
        show_text(render(report, paper, reference=job), paper)
    return exit_code(report, fail_on)


def _there(settings: Settings, target: Target, job: str) -> tuple[JobReport, FailOn | None]:
    from evallab.cli.elsewhere import asked_there, wait_there

    return asked_there(target, lambda lab: wait_there(settings, lab, job))


async def _ended(settings: Settings, reference: str) -> tuple[JobReport, FailOn | None]:
    async with opened(settings) as store:
        job_id = await store.resolve(reference)
        with ProgressDisplay(no_color=settings.no_color) as display:
            job = await _watch(settings, store, job_id, display)
        return await job_report(store, job_id), job.spec.compare.fail_on


async def _watch(settings: Settings, store: Store, job_id: str, display: ProgressDisplay) -> JobRow:
    """Look until the job has ended. Raises NobodyDrives when nobody would ever end it."""
    from evallab.local.background import ensure

    clock = asyncio.get_running_loop().time
    driven_at = clock()
    while True:
        snapshot = await store.snapshot(job_id)
        if snapshot.job.finished_at:
            return snapshot.job
        if not snapshot.job.attached:
            ensure(settings)
        elif await store.lease_holder(job_id) is not None:
            driven_at = clock()
        elif clock() - driven_at > FORSAKEN_S:
            raise NobodyDrives(snapshot.job)
        display.update(seen_from_outside(snapshot, await store.queue_position(job_id)))
        await asyncio.sleep(LOOK_S)


class NobodyDrives(EvallabError):
    """The command that ran a job died: the job does not end by itself."""

    code = "nobody_drives"

    def __init__(self, job: JobRow) -> None:
        """Name the job."""
        super().__init__(
            f"Nobody drives {job.name} ({job.id[:8]}): the command that ran it is gone.",
            remedy=f"Go on with it: evallab resume {job.id[:8]}; or end it: evallab cancel {job.id[:8]}.",
        )
