"""`evallab baseline`: the jobs that others are compared with when their manifests say `compare.against: baseline`."""

from datetime import UTC, datetime

import click

from evallab.api.errors import NotFound, UsageError
from evallab.cli.naming import job_argument
from evallab.cli.opening import asked
from evallab.cli.output import Format, output_option, show, stdout, write
from evallab.cli.place import placed
from evallab.local.lab import actor
from evallab.reporting.document import plain
from evallab.reporting.paper import Column
from evallab.settings import Settings
from evallab.store.interface import JobRow, Store


@click.group(short_help="Set, show or unset the job that others are compared with.")
def baseline() -> None:
    """Set, show or unset the job that others are compared with.

    A manifest asks for it with `spec.compare.against: baseline`: that of its model counts, else that of its family.
    The files of a baseline are kept by `evallab gc`.
    """


@baseline.command(name="set", short_help="Make a job the baseline of a model or family.")
@job_argument
@click.option("--for", "name", metavar="MODEL|FAMILY", help="Whose baseline it is; its own model's when not given.")
@placed
def set_(settings: Settings, *, job: str, name: str | None) -> None:
    """Make a job that has ended the baseline of a model or family, in place of an earlier one."""
    row, named = asked(settings, lambda store: _set(store, job, name))
    click.echo(f"{row.name} ({row.id[:8]}) is the baseline of {named}.")


@baseline.command(name="show", short_help="List baselines.")
@output_option
@placed
def show_(settings: Settings, *, output: Format) -> None:
    """List baselines: for which model or family, and which job."""
    found = asked(settings, lambda store: store.baselines())
    if output != "table":
        write([plain(each) for each in found], output)
        return
    if not found:
        click.echo("No baselines. Set one: evallab baseline set JOB", err=True)
        return
    paper = stdout(no_color=settings.no_color)
    columns = [
        Column("Model or family", [each.name for each in found]),
        Column("Job", [each.job for each in found]),
        Column("ID", [each.job_id[:8] for each in found]),
        Column("Set", [f"{each.set_at:%Y-%m-%d %H:%M}" for each in found]),
    ]
    show(paper.table(columns), paper)


@baseline.command(short_help="Take a baseline away; the job stays.")
@click.argument("name", metavar="MODEL|FAMILY")
@placed
def unset(settings: Settings, *, name: str) -> None:
    """Take the baseline of a model or family away; the job stays."""
    there = asked(settings, lambda store: store.unset_baseline(name, actor=actor(), now=datetime.now(UTC)))
    if not there:
        raise NotFound(f"{name!r} has no baseline.", remedy="`evallab baseline show` lists them.")
    click.echo(f"{name} has no baseline any more.")


async def _set(store: Store, reference: str, name: str | None) -> tuple[JobRow, str]:
    job = (await store.snapshot(await store.resolve(reference))).job
    if job.state in {"pending", "running"}:
        raise UsageError(f"{job.name} ({job.id[:8]}) has not ended.", remedy="Only a job with scores is a baseline.")
    if not any(score.validity != "invalid" for score in await store.scores(job.id, primary_only=True)):
        raise UsageError(f"{job.name} ({job.id[:8]}) has no usable scores.", remedy=f"See: evallab show {job.id[:8]}")
    named = name or job.spec.model.name
    await store.set_baseline(named, job.id, actor=actor(), now=datetime.now(UTC))
    return job, named
