"""Write docs/reference/cli.md from the click commands; `--check` only says whether it is current.

Run by whoever changed a command; tests/contract/test_cli_reference.py fails until then.
"""

import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click

from evallab.cli.main import cli

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "cli.md"
HEAD = """\
# The command line

<!-- Made by scripts/generate_cli_reference.py from the commands; do not edit. -->

Data goes to stdout, progress, warnings and errors to stderr. See [exit codes](exit-codes.md), the
[environment](environment.md) and [JSON output](output-json.md).

A job (JOB) is named by its id, a unique prefix of it (four characters or more), its name (the newest job of that name),
or `name~1` (the one before). A benchmark is named by its index in the job, its id, or `provider/id`.
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join((HEAD, *sections(cli, click.Context(cli, info_name="evallab"))))


def sections(group: click.Group, ctx: click.Context) -> Iterator[str]:
    """Yield a section for every command, in the order of the help."""
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if command is None or command.hidden:
            continue
        inner = click.Context(command, info_name=name, parent=ctx)
        yield section(command, inner)
        if isinstance(command, click.Group):
            yield from sections(command, inner)


def section(command: click.Command, ctx: click.Context) -> str:
    """Return one command: how it is called, what it does, its options."""
    usage = " ".join((ctx.command_path, *command.collect_usage_pieces(ctx)))
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    table = ["| option | means |", "|---|---|", *(row(each, ctx) for each in options), ""] if options else []
    return "\n".join((f"## {ctx.command_path}\n", f"```text\n{usage}\n```\n", *told(command.help or ""), *table))


def told(text: str) -> Iterator[str]:
    """Yield the paragraphs of a help text; what click must not wrap becomes a block."""
    for paragraph in cleandoc(text).split("\n\n"):
        if paragraph.startswith("\b"):
            kept = paragraph.removeprefix("\b").strip("\n")
            yield f"```text\n{kept}\n```\n"
        else:
            yield paragraph + "\n"


def row(option: click.Option, ctx: click.Context) -> str:
    """Return one option as a row of the table."""
    metavar = "" if option.is_flag else f" {option.make_metavar(ctx)}"
    names = ", ".join(f"`{name}{metavar}`" for name in (*option.opts, *option.secondary_opts))
    said = f"{option.help or ''}{default(option)}{' Required.' if option.required else ''}"
    cells = (text.replace("|", "\\|") for text in (names, said))
    return f"| {' | '.join(cells)} |"


def default(option: click.Option) -> str:
    """Say the default where the help does."""
    return f" Default: {option.default}." if option.show_default else ""


def main() -> None:
    """Write the page, or compare it."""
    made = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(made, encoding="utf-8")
        return
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != made:
        sys.exit(f"{PAGE.name} is not what the commands say: run scripts/generate_cli_reference.py")
    print("current")


if __name__ == "__main__":
    main()
