"""Data on stdout: as a table for people, as JSON or YAML for programs. Called by every command that shows data.

The report of a job has two forms more, for CI: JUnit XML and markdown (`report_output_option`, `write_report`).
"""

import json
import sys
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import click

from evallab.reporting import junit, markdown
from evallab.reporting.document import to_json
from evallab.reporting.gate import FailOn
from evallab.reporting.paper import Paper
from evallab.reporting.report import JobReport

Format = Literal["table", "json", "yaml"]
ReportFormat = Literal["table", "json", "yaml", "junit", "markdown"]
C = TypeVar("C", bound=Callable[..., Any])


def output_option(command: C) -> C:
    """Give a command `--output table|json|yaml`."""
    return output_choice("table", "json", "yaml")(command)


def report_output_option(command: C) -> C:
    """Give a command that shows a job `--output table|json|yaml|junit|markdown`."""
    return output_choice("table", "json", "yaml", "junit", "markdown")(command)


def output_choice(*formats: str) -> Callable[[C], C]:
    """Give a command `--output` with these formats, the first by default."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="How to write the data to stdout.",
    )


def limit_option(what: str) -> Callable[[C], C]:
    """Give a command `--limit N`: how much it shows at most."""
    return click.option(
        "-n", "--limit", metavar="N", type=click.IntRange(1, 100_000), default=20, show_default=True, help=what
    )


def write_report(report: JobReport, output: ReportFormat, fail_on: FailOn | None = None) -> None:
    """Write the report of a job in a form for programs; `fail_on` (the job's) decides what CI sees as a failure."""
    if output == "junit":
        click.echo(junit.render(report, fail_on or "never"))
    elif output == "markdown":
        click.echo(markdown.render(report, fail_on or "never"))
    else:
        write(to_json(report), output)


def write(data: Any, output: str) -> None:
    """Write data as JSON, or as YAML (also when a table was asked for: some data have none)."""
    click.echo(as_json(data) if output == "json" else as_yaml(data))


def as_json(data: Any) -> str:
    """Return JSON, indented, ASCII only (every reader can take it)."""
    return json.dumps(data, indent=2, allow_nan=False)


def as_yaml(data: Any) -> str:
    """Return YAML in the order of the data."""
    import yaml

    return yaml.safe_dump(data, sort_keys=False, allow_unicode=False, width=120).rstrip("\n")


def stdout(*, no_color: bool) -> Paper:
    """Describe stdout as it is now."""
    return Paper.of(sys.stdout, no_color=no_color)


def show(text: str, paper: Paper) -> None:
    """Write text that was drawn for `paper`; its colour is kept exactly when the paper has some."""
    click.echo(text, color=paper.color)
