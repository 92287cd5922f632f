"""`evallab jobs`: what ran, how far it is, and whether the scores may be used."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import click

from evallab.cli.opening import asked
from evallab.cli.output import Format, limit_option, output_option, show, stdout, write
from evallab.cli.place import placed
from evallab.reporting.document import plain
from evallab.reporting.durations import age
from evallab.reporting.figures import score
from evallab.reporting.listing import JobLine, job_line
from evallab.reporting.paper import Column, Paper
from evallab.reporting.verdict import style
from evallab.settings import Settings
from evallab.store.interface import Store

STATES = ("pending", "running", "completed", "failed", "partially_failed", "cancelled")


@click.command(short_help="List jobs, newest first.")
@limit_option("How many jobs.")
@click.option("--state", type=click.Choice(STATES), help="Only jobs in that state.")
@click.option("--name", help="Only jobs of that name.")
@output_option
@placed
def jobs(settings: Settings, *, limit: int, state: str | None, name: str | None, output: Format) -> None:
    """List jobs, newest first."""
    found = asked(settings, lambda store: _lines(store, limit=limit, state=state, name=name))
    if output != "table":
        write([plain(line) for line in found], output)
    elif found:
        paper = stdout(no_color=settings.no_color)
        show(table(found, paper, now=datetime.now(UTC)), paper)
    else:
        click.echo("No jobs. Run one: evallab run -f evaljob.yaml --local", err=True)


def table(lines: list[JobLine], paper: Paper, *, now: datetime) -> str:
    """Draw the list."""
    return paper.table(
        [
            Column("Name", [line.name for line in lines]),
            Column("Model", [line.model for line in lines]),
            Column("State", [line.state for line in lines], style=style),
            Column("Progress", [line.progress for line in lines]),
            Column("Score", [_scores(line) for line in lines]),
            Column("Valid", [line.validity or "–" for line in lines], style=style),
            Column("Age", [age(line.created_at, now) for line in lines]),
            Column("ID", [line.id[:8] for line in lines]),
        ]
    )


async def _lines(store: Store, **query: Any) -> list[JobLine]:
    rows = await store.jobs(**query)
    return list(await asyncio.gather(*(job_line(store, row) for row in rows)))


def _scores(line: JobLine) -> str:
    shown = [score(value) for value in line.scores[:3]]
    more = [f"+{len(line.scores) - 3}"] if len(line.scores) > 3 else []
    return " ".join([*shown, *more]) or "–"
