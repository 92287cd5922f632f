"""`evallab history`: how the scores of a model on one benchmark went."""

from difflib import get_close_matches

import click

from evallab.api.errors import NotFound
from evallab.cli.opening import asked
from evallab.cli.output import Format, limit_option, output_option, show, stdout, write
from evallab.cli.place import placed
from evallab.reporting.document import plain
from evallab.reporting.history import History, render
from evallab.reporting.history import history as series
from evallab.settings import Settings
from evallab.store.interface import Store


@click.command(short_help="Show how the scores of a model on a benchmark went.")
@click.argument("model", metavar="MODEL")
@click.argument("benchmark", metavar="BENCHMARK")
@click.option("--family", is_flag=True, help="MODEL is a family: all its models in one series.")
@limit_option("How many scores, the newest.")
@output_option
@placed
def history(settings: Settings, *, model: str, benchmark: str, family: bool, limit: int, output: Format) -> None:
    """Show how the scores of a model on a benchmark went, oldest first.

    BENCHMARK is an id, or provider/id. Only answers to the same questions are in a series. Each is compared with the
    one before, question by question, and a change of what answered (server, weights, arguments) is named.
    """
    found = asked(settings, lambda store: _history(store, model, benchmark, family=family, limit=limit))
    if output != "table":
        write({"schema": "evallab.history/1", **plain(found)}, output)
        return
    paper = stdout(no_color=settings.no_color)
    show(render(found, paper), paper)


async def _history(store: Store, name: str, benchmark: str, *, family: bool, limit: int) -> History:
    rows = await store.history(name, benchmark, family=family)
    if rows:
        return await series(store, name, rows, limit=limit)
    names = await store.names()
    if name in names:
        remedy = "Is it the id of a benchmark, and has a job ended? With --family, MODEL is a family."
        raise NotFound(f"{name} has no scores on {benchmark}.", remedy=remedy)
    near = get_close_matches(name, names, n=3)
    remedy = f"Near names: {', '.join(near)}." if near else "`evallab leaderboard` shows what there is."
    raise NotFound(f"There is no model or family {name!r}.", remedy=remedy)
