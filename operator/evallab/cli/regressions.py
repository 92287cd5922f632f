"""`evallab regressions`: what got worse, over all models and benchmarks."""

import click

from evallab.cli.exits import Exit
from evallab.cli.opening import asked
from evallab.cli.output import Format, output_option, show, stdout, write
from evallab.cli.place import anywhere
from evallab.remote.target import Target
from evallab.reporting.document import plain
from evallab.reporting.regressions import Standing, render, standings_of
from evallab.settings import Settings


@click.command(short_help="List what got worse, over all models and benchmarks.")
@click.option("--model", metavar="MODEL", help="Only this model.")
@click.option("--all", "everything", is_flag=True, help="List also what did not get worse.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 when something got worse, as git diff does.")
@output_option
@anywhere
def regressions(
    settings: Settings,
    target: Target | None,
    *,
    model: str | None,
    everything: bool,
    exit_code: bool,
    output: Format,
) -> int:
    """List what got worse: the newest scores whose paired comparison says REGRESSION, or that the 2σ rule alarms on.

    Each score was compared with the job that its own compares with (spec.compare), question by question. Every model
    and benchmark counts once, with its newest usable score.
    """
    found = _there(target, model) if target else asked(settings, lambda store: standings_of(store, model))
    shown = [each for each in found if everything or each.verdict == "REGRESSION" or each.rule.alarm]
    if output != "table":
        write({"schema": "evallab.regressions/1", "standings": plain(shown)}, output)
    elif shown:
        paper = stdout(no_color=settings.no_color)
        show(render(shown, paper), paper)
    else:
        click.echo(_nothing(found), err=True)
    worse = any(each.verdict == "REGRESSION" for each in shown)
    return Exit.GATE_FAILED if exit_code and worse else Exit.FINE


def _there(target: Target, model: str | None) -> tuple[Standing, ...]:
    from evallab.cli.elsewhere import asked_there

    return asked_there(target, lambda lab: lab.regressions(model))


def _nothing(found: tuple[Standing, ...]) -> str:
    compared = sum(bool(each.comparison) for each in found)
    return f"No regressions: {compared} of {len(found)} newest scores were compared. --all lists them."
