"""`evallab suspend`: have a job of a server or a cluster wait with what it has; `evallab resume` lets it go on."""

import click

from evallab.api.errors import UsageError
from evallab.cli.naming import job_argument
from evallab.cli.place import anywhere
from evallab.remote.target import Target
from evallab.settings import Settings


@click.command(short_help="Have a job of a cluster wait; resume lets it go on.")
@job_argument
@anywhere
def suspend(settings: Settings, target: Target | None, *, job: str) -> None:  # noqa: ARG001 - as all commands are called
    """Have a job of a cluster wait: its pods go, what was answered stays. `evallab resume` lets it go on.

    JOB is an id, a unique prefix of one, a name (its newest job), or name~1 (the one before).
    """
    if target is None:
        raise UsageError(
            "Jobs of one computer are not suspended: nobody else waits for its place.",
            remedy="End it with `evallab cancel`, and go on later with `evallab resume`.",
        )
    from evallab.cli.elsewhere import asked_there, suspend_there

    found = asked_there(target, lambda lab: suspend_there(lab, job))
    click.echo(f"{found.name} ({found.id[:8]}): suspended; go on with it: evallab resume {found.id[:8]}")
