"""A job that has ended, told to whoever ran it: the report on stdout, the exit code. For `run`, `resume`, `rerun`."""

from evallab.cli.exits import Exit, exit_code
from evallab.cli.output import ReportFormat, stdout, write_report
from evallab.cli.output import show as show_text
from evallab.reporting.gate import FailOn
from evallab.reporting.report import JobReport
from evallab.reporting.table import render
from evallab.settings import Settings


def ended(
    settings: Settings, report: JobReport, output: ReportFormat, fail_on: FailOn | None, *, interrupted: bool
) -> int:
    """Print the report and return the exit code."""
    if output != "table":
        write_report(report, output, fail_on)
    else:
        paper = stdout(no_color=settings.no_color)
        show_text(render(report, paper), paper)
    return Exit.INTERRUPTED if interrupted else exit_code(report, fail_on)
