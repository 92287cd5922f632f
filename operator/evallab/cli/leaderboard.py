"""`evallab leaderboard`: the newest score of every model on every benchmark, ranked where that is fair."""

import csv
import io
from collections.abc import Sequence

import click

from evallab.api.errors import UsageError
from evallab.catalog import load
from evallab.cli.opening import asked
from evallab.cli.output import show, stdout, write
from evallab.cli.place import placed
from evallab.reporting.leaderboard import Board, board, document, lines, render
from evallab.reporting.ties import paired
from evallab.settings import Settings
from evallab.store.interface import LatestRow, Store


@click.command(short_help="Rank models by their newest scores.")
@click.option(
    "-b", "--benchmark", "benchmarks", multiple=True, help="A benchmark by its id, or provider/id; repeatable."
)
@click.option("--collection", metavar="ID", help="The benchmarks of a collection.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "yaml", "csv"]),
    default="table",
    show_default=True,
    help="How to write the data to stdout.",
)
@placed
def leaderboard(settings: Settings, *, benchmarks: tuple[str, ...], collection: str | None, output: str) -> None:
    """Rank models by their newest usable primary scores, benchmark by benchmark.

    A column holds answers to the same questions. Models that differ by no more than noise have the same rank: they are
    compared in pairs, question by question, or in columns of more than 16 by their 95 % intervals. Invalid scores are
    left out; limited runs and other questions are listed below, never ranked together with whole runs.
    """
    if benchmarks and collection:
        raise UsageError("--benchmark and --collection exclude each other.")
    wanted = _of_collection(settings, collection) if collection else list(benchmarks)
    found = asked(settings, lambda store: _board(store, wanted))
    if output == "csv":
        click.echo(_csv(found), nl=False)
    elif output != "table":
        write(document(found), output)
    elif found.rankings or found.not_comparable:
        paper = stdout(no_color=settings.no_color)
        show(render(found, paper), paper)
    else:
        click.echo("No scores yet. Run a job: evallab run -f evaljob.yaml --local", err=True)


async def _board(store: Store, wanted: Sequence[str]) -> Board:
    return await paired(store, board(await _latest(store, wanted)))


async def _latest(store: Store, wanted: Sequence[str]) -> list[LatestRow]:
    """Ask for whole names in the database; ids alone are matched here."""
    if wanted and all("/" in name for name in wanted):
        return await store.latest(wanted)
    rows = await store.latest()
    return [
        row for row in rows if not wanted or {row.benchmark_id, f"{row.provider_id}/{row.benchmark_id}"} & {*wanted}
    ]


def _of_collection(settings: Settings, collection: str) -> list[str]:
    found = load(settings.catalog_dir).collection(collection)
    return [f"{each.provider_id}/{each.id}" for each in found.benchmarks]


def _csv(found: Board) -> str:
    rows = lines(found)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["benchmark"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
