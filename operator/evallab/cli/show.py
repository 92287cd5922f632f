"""`evallab show`: a job's report again, or the record of what exactly ran."""

import click

from evallab.api.errors import UsageError
from evallab.cli import completing
from evallab.cli.exits import Exit
from evallab.cli.naming import job_argument
from evallab.cli.opening import asked
from evallab.cli.output import ReportFormat, report_output_option, stdout, write_report
from evallab.cli.output import show as show_text
from evallab.cli.place import anywhere
from evallab.remote.target import Target
from evallab.reporting.gate import FailOn
from evallab.reporting.report import JobReport, job_report
from evallab.reporting.table import render
from evallab.settings import Settings
from evallab.store.interface import Store


@click.command(short_help="Show a job: scores, intervals, changes, verdicts.")
@job_argument
@click.option("--metrics", is_flag=True, help="Show every metric, not only the primary ones.")
@click.option("--provenance", is_flag=True, help="Print what exactly ran instead, fact by fact.")
@click.option(
    "--diff", "other", metavar="OTHER", shell_complete=completing.jobs, help="Print what ran otherwise in another job."
)
@click.option("--exit-code", is_flag=True, help="With --diff: exit with 1 when something differs, as git diff does.")
@report_output_option
@anywhere
def show(
    settings: Settings,
    target: Target | None,
    *,
    job: str,
    metrics: bool,
    provenance: bool,
    other: str | None,
    exit_code: bool,
    output: ReportFormat,
) -> Exit:
    """Show a job: scores, intervals, changes, verdicts.

    JOB is an id, a unique prefix of one, a name (its newest job), or name~1 (the one before).

    \b
      evallab show my-model --provenance                    what exactly ran; what is unknown says why
      evallab show my-model --provenance --diff my-model~1  what ran otherwise, and whether the keys are equal
    """
    if other is not None or provenance:
        return _what_ran(settings, target, job, other, output, exit_code=exit_code)
    report, fail_on = _there(target, job) if target else asked(settings, lambda store: _report(store, job))
    if output != "table":
        write_report(report, output, fail_on)
        return Exit.FINE
    paper = stdout(no_color=settings.no_color)
    show_text(render(report, paper, reference=job, every_metric=metrics), paper)
    return Exit.FINE


def _what_ran(
    settings: Settings, target: Target | None, job: str, other: str | None, output: ReportFormat, *, exit_code: bool
) -> Exit:
    from evallab.cli.provenance import show_difference, show_provenance

    if output in {"junit", "markdown"}:
        raise UsageError(f"--provenance has no form for --output {output}.", remedy="Use table, json or yaml.")
    if other is None:
        show_provenance(settings, target, job, output)
        return Exit.FINE
    found = show_difference(settings, target, job, other, output)
    return found if exit_code else Exit.FINE


def _there(target: Target, job: str) -> tuple[JobReport, FailOn | None]:
    from evallab.cli.elsewhere import asked_there, report_of

    return asked_there(target, lambda lab: report_of(lab, job))


async def _report(store: Store, reference: str) -> tuple[JobReport, FailOn | None]:
    """Return the report, and what the job's manifest says a comparison may fail."""
    job_id = await store.resolve(reference)
    snapshot = await store.snapshot(job_id)
    return await job_report(store, job_id), snapshot.job.spec.compare.fail_on
