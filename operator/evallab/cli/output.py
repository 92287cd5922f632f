"""Data on stdout: as a table for people, as JSON or YAML for programs. Called by every command that shows data."""

import json
import sys
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import click

from evallab.reporting.paper import Paper

Format = Literal["table", "json", "yaml"]
C = TypeVar("C", bound=Callable[..., Any])


def output_option(command: C) -> C:
    """Give a command `--output table|json|yaml`."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["table", "json", "yaml"]),
        default="table",
        show_default=True,
        help="How to write the data to stdout.",
    )(command)


def limit_option(what: str) -> Callable[[C], C]:
    """Give a command `--limit N`: how much it shows at most."""
    return click.option(
        "-n", "--limit", metavar="N", type=click.IntRange(1, 100_000), default=20, show_default=True, help=what
    )


def write(data: Any, output: Format) -> None:
    """Write data as JSON, or as YAML (also when a table was asked for: some data have none)."""
    click.echo(as_json(data) if output == "json" else as_yaml(data))


def as_json(data: Any) -> str:
    """Return JSON, indented, ASCII only (every reader can take it)."""
    return json.dumps(data, indent=2, allow_nan=False)


def as_yaml(data: Any) -> str:
    """Return YAML in the order of the data."""
    import yaml

    return yaml.safe_dump(data, sort_keys=False, allow_unicode=False, width=120).rstrip("\n")


def stdout(*, no_color: bool) -> Paper:
    """Describe stdout as it is now."""
    return Paper.of(sys.stdout, no_color=no_color)


def show(text: str, paper: Paper) -> None:
    """Write text that was drawn for `paper`; its colour is kept exactly when the paper has some."""
    click.echo(text, color=paper.color)
