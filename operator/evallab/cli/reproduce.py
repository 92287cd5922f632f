"""`evallab reproduce`: run what a job recorded once more and say whether the answers are the same."""

import asyncio

import click

from evallab.catalog import load
from evallab.cli.exits import Exit, exit_code, first
from evallab.cli.naming import job_argument
from evallab.cli.opening import asked
from evallab.cli.output import Format, output_option, show, stdout, write
from evallab.cli.place import anywhere
from evallab.cli.rerun import again, recorded
from evallab.engine.reproducing import Repetition, repeatable, repetition
from evallab.remote.lab import RemoteLab
from evallab.remote.target import Target
from evallab.reporting.reproduction import document, render
from evallab.settings import Settings
from evallab.store.interface import JobRow


@click.command(short_help="Run a job again and say whether its answers are the same.")
@job_argument
@click.option("--with", "other", metavar="JOB", help="Run nothing: compare with this job, an earlier repetition.")
@output_option
@anywhere
def reproduce(settings: Settings, target: Target | None, *, job: str, other: str | None, output: Format) -> int:
    """Run a job again as it was recorded, and say whether its answers are the same.

    \b
      bitwise            every response is the same
      within             answers differ, by no more than chance and half a point (or one question) explain
      non-reproducible   they differ by more

    Every question is asked anew. Exits with 1 when a benchmark is not reproducible or cannot be compared.
    """
    code, found = _there(settings, target, job, other) if target else _here(settings, job, other)
    if output != "table":
        write(document(found), output)
    else:
        paper = stdout(no_color=settings.no_color)
        head = f"{found.name} ({found.job[:8]}) against its repetition {found.repetition[:8]}"
        show(render(head, found.benchmarks, paper), paper)
    return first([code, Exit.FINE if found.same else Exit.GATE_FAILED])


def _here(settings: Settings, job: str, other: str | None) -> tuple[Exit, Repetition]:
    row = asked(settings, lambda store: recorded(store, job) if other else repeatable(store, job))
    code, other_id = (Exit.FINE, _id(settings, other)) if other else _run(settings, row)
    return code, asked(settings, lambda store: repetition(store, row, other_id))


def _there(settings: Settings, target: Target, job: str, other: str | None) -> tuple[Exit, Repetition]:
    from evallab.cli.elsewhere import asked_there, reproduce_there

    if other is None:
        (report, _, interrupted), found = reproduce_there(settings, target, job)
        return (Exit.INTERRUPTED if interrupted else exit_code(report)), found

    async def compared(lab: RemoteLab) -> Repetition:
        return await lab.repetition(await lab.resolve(job), await lab.resolve(other))

    return Exit.FINE, asked_there(target, compared)


def _id(settings: Settings, reference: str) -> str:
    return asked(settings, lambda store: store.resolve(reference))


def _run(settings: Settings, row: JobRow) -> tuple[Exit, str]:
    from evallab.cli.running import run_here

    catalog = load(settings.catalog_dir)
    report, interrupted = asyncio.run(run_here(settings, again(row, catalog, ()), catalog))
    return (Exit.INTERRUPTED if interrupted else exit_code(report)), report.id
