"""`evallab history`: how the scores of a model on one benchmark went."""

from pathlib import Path

import click

from evallab.api.errors import UsageError
from evallab.cli.opening import asked
from evallab.cli.output import Format, limit_option, output_option, show, stdout, write
from evallab.cli.place import anywhere
from evallab.remote.target import Target
from evallab.reporting.along import along
from evallab.reporting.chart import marks
from evallab.reporting.document import plain
from evallab.reporting.drawing import png as as_png
from evallab.reporting.drawing import svg as as_svg
from evallab.reporting.history import History, render
from evallab.settings import Settings


@click.command(short_help="Show how the scores of a model on a benchmark went.")
@click.argument("model", metavar="MODEL")
@click.argument("benchmark", metavar="BENCHMARK")
@click.option("--family", is_flag=True, help="MODEL is a family: all its models in one series.")
@limit_option("How many scores, the newest.")
@click.option("--svg", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Draw it to FILE, as SVG.")
@click.option("--png", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Draw it to FILE, as PNG.")
@output_option
@anywhere
def history(
    settings: Settings,
    target: Target | None,
    /,
    *,
    model: str,
    benchmark: str,
    family: bool,
    limit: int,
    svg: Path | None,
    png: Path | None,
    output: Format,
) -> None:
    """Show how the scores of a model on a benchmark went, oldest first.

    BENCHMARK is an id, or provider/id. Only answers to the same questions are in a series. Each is compared with the
    one before, question by question, and a change of what answered (server, weights, arguments) is named. Limits of
    two sigma are those of the valid scores before it of the same setup, from five on. PNG needs Pillow.
    """
    if target:
        found = _there(target, model, benchmark, family=family, limit=limit)
    else:
        found = asked(settings, lambda store: along(store, model, benchmark, family=family, limit=limit))
    if svg is not None:
        _write(svg, as_svg(marks(found)).encode())
    if png is not None:
        _write(png, as_png(marks(found)))
    if output != "table":
        write({"schema": "evallab.history/1", **plain(found)}, output)
        return
    paper = stdout(no_color=settings.no_color)
    show(render(found, paper), paper)


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}.") from error


def _there(target: Target, model: str, benchmark: str, *, family: bool, limit: int) -> History:
    from evallab.cli.elsewhere import asked_there

    return asked_there(target, lambda lab: lab.history(model, benchmark, family=family, limit=limit))
