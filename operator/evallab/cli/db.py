"""`evallab db`: the database as a person reaches it. PostgreSQL's own programs do the work; none is imitated."""

import os
from pathlib import Path

import click

from evallab.api.errors import NotFound, UsageError
from evallab.cli import postgres
from evallab.cli.opening import asked
from evallab.cli.place import placed
from evallab.settings import Settings


@click.group(short_help="Reach, start, stop, dump and restore the database.")
def db() -> None:
    """Reach, start, stop, dump and restore the database.

    Without EVALLAB_DATABASE_URL it is an embedded Postgres that starts when it is needed and leaves when it is idle.
    """


@db.command(short_help="Print the database's URL, password included.")
@placed
def url(settings: Settings) -> None:
    """Print the database's URL, password included, for other programs. Starts the embedded Postgres."""
    click.echo(postgres.url(settings))


@db.command(
    short_help="Open psql on the database.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@placed
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def psql(settings: Settings, args: tuple[str, ...]) -> None:
    """Open psql on the database; ARGS go to psql, for example: evallab db psql -c "TABLE jobs"."""
    program = str(postgres.program(settings, "psql"))
    environ = {**os.environ, **postgres.connection(settings)}
    os.execve(program, [program, *args], environ)  # noqa: S606 - psql takes this process's place and its exit code


@db.command(short_help="Start the embedded Postgres.")
@placed
def start(settings: Settings) -> None:
    """Start the embedded Postgres; commands do so by themselves."""
    _embedded_only(settings)
    postgres.url(settings)
    click.echo("The embedded Postgres is running.")


@db.command(short_help="Stop the embedded Postgres.")
@placed
def stop(settings: Settings) -> None:
    """Stop the embedded Postgres; it also leaves by itself when it is idle. Committed rows stay."""
    _embedded_only(settings)
    stopped = postgres.stop(settings)
    click.echo("The embedded Postgres was stopped." if stopped else "The embedded Postgres was not running.")


@db.command(short_help="Bring the database to this version's schema.")
@placed
def migrate(settings: Settings) -> None:
    """Bring the database to this version's schema; commands do so by themselves."""
    asked(settings, lambda store: store.jobs(limit=1))
    click.echo("The schema is up to date.")


@db.command(short_help="Write the database to a file (pg_dump, custom format).")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@placed
def dump(settings: Settings, *, file: Path) -> None:
    """Write the database to FILE (pg_dump, custom format).

    The texts of samples and the logs are not in it: they are files below EVALLAB_HOME/artifacts.
    """
    asked(settings, lambda store: store.jobs(limit=1))
    postgres.dump(settings, file)
    click.echo(f"{file}: {file.stat().st_size:,} bytes")


@db.command(short_help="Read the database from a file that dump wrote.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Also when the database holds jobs: they are replaced.")
@placed
def restore(settings: Settings, *, file: Path, force: bool) -> None:
    """Read the database from FILE, which `dump` wrote: whole, or not at all."""
    if not file.is_file():
        raise NotFound(f"There is no file {file}.")
    held = [] if force else asked(settings, lambda store: store.jobs(limit=1))
    if held:
        raise UsageError("The database holds jobs already.", remedy="Add --force to replace them, or dump them first.")
    postgres.restore(settings, file)
    jobs = asked(settings, lambda store: store.jobs(limit=1))
    click.echo(f"Restored; the newest job is {jobs[0].name}." if jobs else "Restored; there are no jobs in it.")


def _embedded_only(settings: Settings) -> None:
    if settings.database_url:
        remedy = "Start and stop that server with its own tools, or unset EVALLAB_DATABASE_URL."
        raise UsageError("The database is not the embedded one.", remedy=remedy)
