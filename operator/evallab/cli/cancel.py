"""`evallab cancel`: ask for the end of a job. Who drives it carries it out; if nobody does any more, this command."""

import asyncio
import os

import click

from evallab.catalog import load
from evallab.cli.naming import job_argument
from evallab.cli.place import anywhere
from evallab.remote.target import Target
from evallab.settings import Settings
from evallab.store.interface import JobRow


@click.command(short_help="Cancel a job; results and logs stay.")
@job_argument
@anywhere
def cancel(settings: Settings, target: Target | None, *, job: str) -> None:
    """Cancel a job; results and logs stay.

    JOB is an id, a unique prefix of one, a name (its newest job), or name~1 (the one before).
    """
    click.echo(sentence(*(_there(target, job) if target else asyncio.run(cancelled(settings, job)))))


def _there(target: Target, job: str) -> tuple[JobRow, bool]:
    from evallab.cli.elsewhere import asked_there, cancel_there

    return asked_there(target, lambda lab: cancel_there(lab, job))


async def cancelled(settings: Settings, reference: str) -> tuple[JobRow, bool]:
    """Ask for the end of a job; return the job as it is then, and whether there was anything to cancel."""
    from evallab.local import background
    from evallab.local.lab import open_lab

    async with open_lab(settings, load(settings.catalog_dir), environ=os.environ) as lab:
        job_id = await lab.store.resolve(reference)
        before = (await lab.store.snapshot(job_id)).job
        if before.finished_at is None:
            await lab.cancel(job_id)
            background.ensure(settings)
        return (await lab.store.snapshot(job_id)).job, before.finished_at is None


def sentence(job: JobRow, asked: bool) -> str:  # noqa: FBT001
    """Say what happened."""
    named = f"{job.name} ({job.id[:8]})"
    if not asked:
        return f"{named}: {job.state}, there is nothing to cancel"
    return f"{named}: {job.state}" if job.finished_at else f"{named}: {job.state}, its end was requested"
