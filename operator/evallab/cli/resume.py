"""`evallab resume`: go on with a job that did not complete, in this process; what was answered is not asked again."""

import asyncio
import os

import click

from evallab.catalog import load
from evallab.cli.interruptions import Interruptions
from evallab.cli.naming import job_argument
from evallab.cli.output import ReportFormat, report_output_option
from evallab.cli.place import anywhere
from evallab.cli.report_of import ended
from evallab.remote.target import Target
from evallab.reporting.gate import FailOn
from evallab.reporting.progress import ProgressDisplay, ProgressView
from evallab.reporting.report import JobReport, job_report
from evallab.settings import Settings


@click.command(short_help="Go on with a job that did not complete.")
@job_argument
@report_output_option
@anywhere
def resume(settings: Settings, target: Target | None, *, job: str, output: ReportFormat) -> int:
    """Go on with a job that did not complete: cancelled, failed, or left behind by a command that died.

    Benchmarks that completed stay as they are; the others get new attempts, which ask only what was not answered.

    JOB is an id, a unique prefix of one, a name (its newest job), or name~1 (the one before).
    """
    report, fail_on, interrupted = _there(settings, target, job) if target else asyncio.run(_resumed(settings, job))
    return ended(settings, report, output, fail_on, interrupted=interrupted)


def _there(settings: Settings, target: Target, job: str) -> tuple[JobReport, FailOn | None, bool]:
    from evallab.cli.elsewhere import resume_there

    return resume_there(settings, target, job)


async def _resumed(settings: Settings, reference: str) -> tuple[JobReport, FailOn | None, bool]:
    from evallab.cli.running import drawing
    from evallab.local.lab import open_lab
    from evallab.local.resuming import resume as take_over

    with Interruptions() as interruptions, ProgressDisplay(no_color=settings.no_color) as display:
        catalog = load(settings.catalog_dir)
        async with open_lab(settings, catalog, environ=os.environ, saw=drawing(display)) as lab:
            job_id = await lab.store.resolve(reference)
            spec = (await lab.store.snapshot(job_id)).job.spec
            display.update(ProgressView(spec.name, spec.model.name, "resuming"))
            interruptions.hold()
            if await take_over(lab, job_id):
                interruptions.answer(lambda: lab.cancel(job_id))
                await lab.run(job_id)
                await interruptions.settle()
            return await job_report(lab.store, job_id), spec.compare.fail_on, interruptions.happened
