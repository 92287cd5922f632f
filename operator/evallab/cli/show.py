"""`evallab show`: a job's report again, or the record of what exactly ran."""

from typing import Any

import click

from evallab.cli.naming import job_argument
from evallab.cli.opening import asked
from evallab.cli.output import ReportFormat, report_output_option, stdout, write, write_report
from evallab.cli.output import show as show_text
from evallab.cli.place import placed
from evallab.reporting.document import plain
from evallab.reporting.gate import FailOn
from evallab.reporting.report import JobReport, job_report
from evallab.reporting.table import render
from evallab.settings import Settings
from evallab.store.interface import Store


@click.command(short_help="Show a job: scores, intervals, changes, verdicts.")
@job_argument
@click.option("--metrics", is_flag=True, help="Show every metric, not only the primary ones.")
@click.option("--provenance", is_flag=True, help="Print the record of what exactly ran instead.")
@report_output_option
@placed
def show(settings: Settings, *, job: str, metrics: bool, provenance: bool, output: ReportFormat) -> None:
    """Show a job: scores, intervals, changes, verdicts.

    JOB is an id, a unique prefix of one, a name (its newest job), or name~1 (the one before).
    """
    if provenance:
        write(asked(settings, lambda store: _provenance(store, job)), output)
        return
    report, fail_on = asked(settings, lambda store: _report(store, job))
    if output != "table":
        write_report(report, output, fail_on)
        return
    paper = stdout(no_color=settings.no_color)
    show_text(render(report, paper, reference=job, every_metric=metrics), paper)


async def _report(store: Store, reference: str) -> tuple[JobReport, FailOn | None]:
    """Return the report, and what the job's manifest says a comparison may fail."""
    job_id = await store.resolve(reference)
    snapshot = await store.snapshot(job_id)
    return await job_report(store, job_id), snapshot.job.spec.compare.fail_on


async def _provenance(store: Store, reference: str) -> Any:
    return plain(await store.provenance(await store.resolve(reference)))
