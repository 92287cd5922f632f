"""`evallab jobs`: what ran, how far it is, and whether the scores may be used."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import click

from evallab.cli import completing
from evallab.cli.opening import asked
from evallab.cli.output import Format, limit_option, output_option, show, stdout, write
from evallab.cli.place import anywhere
from evallab.engine.driver import QUEUE_SEEN
from evallab.engine.turns import line as queue
from evallab.planning.waiting import positions
from evallab.remote.target import Target
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
@click.option("--name", help="Only jobs of that name.", shell_complete=completing.jobs)
@output_option
@anywhere
def jobs(
    settings: Settings, target: Target | None, *, limit: int, state: str | None, name: str | None, output: Format
) -> None:
    """List jobs, newest first."""
    query = {"limit": limit, "state": state, "name": name}
    found = _there(target, query) if target else asked(settings, lambda store: _lines(store, **query))
    if output != "table":
        write([plain(line) for line in found], output)
    elif found:
        paper = stdout(no_color=settings.no_color)
        show(table(found, paper, now=datetime.now(UTC)), paper)
    else:
        click.echo(f"No jobs. Run one: evallab run -f evaljob.yaml{'' if target else ' --local'}", err=True)


def _there(target: Target, query: dict[str, Any]) -> list[JobLine]:
    from evallab.cli.elsewhere import asked_there

    return asked_there(target, lambda lab: lab.lines(**query))


def table(lines: list[JobLine], paper: Paper, *, now: datetime) -> str:
    """Draw the list."""
    return paper.table(
        [
            Column("Name", [line.name for line in lines]),
            Column("Model", [line.model for line in lines]),
            Column("State", [_state(line) for line in lines], style=lambda cell: style(cell.split()[0])),
            Column("Progress", [line.progress for line in lines]),
            Column("Score", [_scores(line) for line in lines]),
            Column("Valid", [line.validity or "–" for line in lines], style=style),
            Column("Age", [age(line.created_at, now) for line in lines]),
            Column("ID", [line.id[:8] for line in lines]),
        ]
    )


async def _lines(store: Store, **query: Any) -> list[JobLine]:
    rows = await store.jobs(**query)
    waits = any(row.state == "pending" for row in rows)
    places = positions(queue(await store.queue("local", first=QUEUE_SEEN, now=datetime.now(UTC)))) if waits else {}
    return list(await asyncio.gather(*(job_line(store, row, position=places.get(row.id)) for row in rows)))


def _state(line: JobLine) -> str:
    return line.state if line.position is None else f"{line.state} ({ordinal(line.position)})"


def ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th, … (11th to 13th are the exceptions)."""
    last = 0 if number // 10 % 10 == 1 else number % 10
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(last, 'th') }"


def _scores(line: JobLine) -> str:
    shown = [score(value) for value in line.scores[:3]]
    more = [f"+{len(line.scores) - 3}"] if len(line.scores) > 3 else []
    return " ".join([*shown, *more]) or "–"
