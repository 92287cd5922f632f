"""`evallab show`: a job's report again, or the record of what exactly ran."""

from typing import Any

import click

from evallab.cli.naming import job_argument
from evallab.cli.opening import asked
from evallab.cli.output import ReportFormat, report_output_option, stdout, write, write_report
from evallab.cli.output import show as show_text
from evallab.cli.place import anywhere
from evallab.remote.target import Target
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
@anywhere
def show(
    settings: Settings, target: Target | None, *, job: str, metrics: bool, provenance: bool, output: ReportFormat
) -> None:
    """Show a job: scores, intervals, changes, verdicts.

    JOB is an id, a unique prefix of one, a name (its newest job), or name~1 (the one before).
    """
    if provenance:
        write(_provenance_there(target, job) if target else asked(settings, lambda s: _provenance(s, job)), output)
        return
    report, fail_on = _there(target, job) if target else asked(settings, lambda store: _report(store, job))
    if output != "table":
        write_report(report, output, fail_on)
        return
    paper = stdout(no_color=settings.no_color)
    show_text(render(report, paper, reference=job, every_metric=metrics), paper)


def _there(target: Target, job: str) -> tuple[JobReport, FailOn | None]:
    from evallab.cli.elsewhere import asked_there, report_of

    return asked_there(target, lambda lab: report_of(lab, job))


def _provenance_there(target: Target, job: str) -> Any:
    from evallab.cli.elsewhere import asked_there, provenance_of

    return asked_there(target, lambda lab: provenance_of(lab, job))


async def _report(store: Store, reference: str) -> tuple[JobReport, FailOn | None]:
    """Return the report, and what the job's manifest says a comparison may fail."""
    job_id = await store.resolve(reference)
    snapshot = await store.snapshot(job_id)
    return await job_report(store, job_id), snapshot.job.spec.compare.fail_on


async def _provenance(store: Store, reference: str) -> Any:
    return plain(await store.provenance(await store.resolve(reference)))
