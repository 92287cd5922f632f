"""`evallab doctor`: is everything there that evallab needs, and what to do about what is not."""

from dataclasses import asdict

import click

from evallab.cli.checks import CHECKS, Check
from evallab.cli.exits import Exit
from evallab.cli.output import Format, output_option, show, stdout, write
from evallab.cli.place import placed
from evallab.reporting.paper import Paper
from evallab.settings import Settings

MARKS = {"ok": ("✓", "green"), "broken": ("✗", "red"), "absent": ("–", "yellow")}


@click.command(short_help="Check what evallab needs and say what is missing.")
@output_option
@placed
def doctor(settings: Settings, *, output: Format) -> int:
    """Check what evallab needs and say what is missing.

    ✗ marks what has to be mended (exit code 1), – what is not there and not always needed.
    """
    found = [check(settings) for check in CHECKS]
    if output == "table":
        paper = stdout(no_color=settings.no_color)
        width = max(len(check.name) for check in found)
        show("\n".join(_line(check, paper, width) for check in found), paper)
    else:
        write([asdict(check) for check in found], output)
    return Exit.GATE_FAILED if any(check.state == "broken" for check in found) else Exit.FINE


def _line(check: Check, paper: Paper, width: int) -> str:
    mark, color = MARKS[check.state]
    marked = click.style(paper.plain(mark), fg=color) if paper.color else paper.plain(mark)
    remedy = f"\n  {'':<{width}}  {paper.plain(check.remedy)}" if check.remedy and check.state != "ok" else ""
    return f"{marked} {check.name:<{width}}  {paper.plain(check.detail)}{remedy}"
