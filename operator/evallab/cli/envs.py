"""`evallab envs`: the environments that `serve.version` had made. Jobs make them by themselves."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from evallab.cli.datasets import Age
from evallab.cli.output import Format, output_option, show, stdout, write
from evallab.cli.place import placed
from evallab.local.provisions import environments
from evallab.modelserver.environments import Environment
from evallab.reporting.durations import age
from evallab.reporting.paper import Column, Paper
from evallab.settings import Settings


@click.group(short_help="List and collect the environments of model servers.")
def envs() -> None:
    """List and collect the environments of model servers.

    A job makes the one that its serve.version names; the next job with that version finds it.
    """


@envs.command("list", short_help="List the environments that are here.")
@output_option
@placed
def list_(settings: Settings, *, output: Format) -> None:
    """List the environments that are here, with their size and when they were used."""
    found = environments(settings, os.environ).all()
    if output != "table":
        write({"schema": "evallab.environments/1", "environments": [_record(each) for each in found]}, output)
    elif found:
        paper = stdout(no_color=settings.no_color)
        show(_table(found, paper, now=datetime.now(UTC)), paper)
    else:
        click.echo("No environments. A job with serve.version makes one.", err=True)


@envs.command(short_help="Remove environments that no job used lately.")
@click.option("--older-than", type=Age(), default="30d", show_default=True, metavar="AGE", help="Unused for how long.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, remove nothing.")
@output_option
@placed
def gc(settings: Settings, *, older_than: timedelta, dry_run: bool, output: Format) -> None:
    """Remove environments that no job used since then; also what was being made when its maker died.

    One that a model server runs on stays.
    """
    kept = environments(settings, os.environ)
    if not dry_run:
        kept.remove_remains()
    records = [(each, _record(each)) for each in kept.unused(since=datetime.now(UTC) - older_than)]
    gone = [record for each, record in records if dry_run or kept.remove(each.name)]
    if output != "table":
        write({"schema": "evallab.environments/1", "removed": [] if dry_run else gone, "unused": gone}, output)
        return
    for record in gone:
        click.echo(f"{record['name']}  {record['size'] / 1e9:.1f} GB")
    freed = sum(record["size"] for record in gone) / 1e9
    click.echo(f"{freed:.1f} GB {'would be' if dry_run else 'were'} freed.", err=True)


def _table(found: list[Environment], paper: Paper, *, now: datetime) -> str:
    return paper.table(
        [
            Column("Environment", [each.name for each in found]),
            Column("Python", [each.python for each in found]),
            Column("Packages", [str(len(each.packages)) for each in found], "right"),
            Column("Size", [f"{each.size() / 1e9:.1f} GB" for each in found], "right"),
            Column("Made", [age(each.made_at, now) for each in found]),
            Column("Used", [age(each.used_at, now) for each in found]),
        ]
    )


def _record(found: Environment) -> dict[str, Any]:
    return {
        "name": found.name,
        "python": found.python,
        "packages": dict(found.packages),
        "size": found.size(),
        "made_at": found.made_at.isoformat(),
        "used_at": found.used_at.isoformat(),
        "path": str(found.directory),
    }
