"""`evallab cancel`: ask for the end of a job. Whoever owns the job carries it out; results and logs stay."""

import getpass
from datetime import UTC, datetime

import click

from evallab.cli.naming import job_argument
from evallab.cli.opening import asked
from evallab.cli.place import placed
from evallab.cli.settings import Settings
from evallab.store.interface import JobRow, Store

ENDED = {"completed", "failed", "partially_failed", "cancelled"}


@click.command(short_help="Cancel a job; results and logs stay.")
@job_argument
@placed
def cancel(settings: Settings, *, job: str) -> None:
    """Cancel a job; results and logs stay.

    JOB is an id, a unique prefix of one, a name (its newest job), or name~1 (the one before).
    """
    actor = f"user:{getpass.getuser()}"
    row = asked(settings, lambda store: cancelled(store, job, actor=actor, now=datetime.now(UTC)))
    click.echo(sentence(row))


async def cancelled(store: Store, reference: str, *, actor: str, now: datetime) -> JobRow:
    """Request the end of a job and return the job as it is then; one that has ended stays as it is."""
    job_id = await store.resolve(reference)
    job = (await store.snapshot(job_id)).job
    if job.state in ENDED:
        return job
    await store.request_cancel(job_id, actor=actor, now=now)
    return (await store.snapshot(job_id)).job


def sentence(job: JobRow) -> str:
    """Say what happened."""
    if job.cancel_requested and job.state not in ENDED:
        return f"{job.name} ({job.id[:8]}): {job.state}, its end was requested"
    return f"{job.name} ({job.id[:8]}): {job.state}, there is nothing to cancel"
