"""`evallab reproduce`: run what a job recorded once more and say whether the answers are the same."""

import asyncio
from typing import Any

import click

from evallab.catalog import load
from evallab.cli.exits import Exit, exit_code, first
from evallab.cli.naming import job_argument
from evallab.cli.opening import asked
from evallab.cli.output import Format, output_option, show, stdout, write
from evallab.cli.place import placed
from evallab.cli.rerun import again, recorded
from evallab.engine.reproducing import repetitions
from evallab.reporting.document import plain
from evallab.reporting.reproduction import render
from evallab.settings import Settings


@click.command(short_help="Run a job again and say whether its answers are the same.")
@job_argument
@click.option("--with", "other", metavar="JOB", help="Run nothing: compare with this job, an earlier repetition.")
@output_option
@placed
def reproduce(settings: Settings, *, job: str, other: str | None, output: Format) -> int:
    """Run a job again as it was recorded, and say whether its answers are the same.

    \b
      bitwise            every response is the same
      within             answers differ, by no more than chance and half a point (or one question) explain
      non-reproducible   they differ by more

    Every question is asked anew. Exits with 1 when a benchmark is not reproducible or cannot be compared.
    """
    row = asked(settings, lambda store: recorded(store, job))
    code, other_id = (Exit.FINE, _id(settings, other)) if other else _run(settings, job)
    rows = asked(settings, lambda store: repetitions(store, row.id, other_id))
    if output != "table":
        document: dict[str, Any] = {"schema": "evallab.reproduction/1", "job": row.id, "repetition": other_id}
        write({**document, "benchmarks": plain(rows)}, output)
    else:
        paper = stdout(no_color=settings.no_color)
        show(render(f"{row.name} ({row.id[:8]}) against its repetition {other_id[:8]}", rows, paper), paper)
    same = all(each.found and each.found.verdict != "non-reproducible" for each in rows)
    return first([code, Exit.FINE if same else Exit.GATE_FAILED])


def _id(settings: Settings, reference: str) -> str:
    return asked(settings, lambda store: store.resolve(reference))


def _run(settings: Settings, job: str) -> tuple[Exit, str]:
    from evallab.cli.running import run_here

    catalog = load(settings.catalog_dir)
    row = asked(settings, lambda store: recorded(store, job))
    report, interrupted = asyncio.run(run_here(settings, again(row, catalog, ()), catalog))
    return (Exit.INTERRUPTED if interrupted else exit_code(report)), report.id
