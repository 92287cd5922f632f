"""`evallab run`: the main job. Reads and checks a manifest, runs it here, shows progress, prints the table."""

import asyncio
from pathlib import Path
from typing import Any

import click

from evallab.api.errors import UsageError
from evallab.catalog import load
from evallab.cli import manifest_of
from evallab.cli.exits import Exit, exit_code
from evallab.cli.output import Format, output_option, stdout, write
from evallab.cli.output import show as show_text
from evallab.cli.place import placed
from evallab.local.preparing import Prepared, prepare
from evallab.reporting.document import to_json
from evallab.reporting.report import JobReport
from evallab.reporting.table import render
from evallab.settings import Settings


@click.command(short_help="Run an EvalJob and print its scores, intervals and verdicts.")
@click.option("-f", "--file", type=click.Path(path_type=Path, allow_dash=True), help="The manifest; - reads stdin.")
@click.option("--model", help="Without a file: the model's name.")
@click.option("--url", help="Without a file: its OpenAI-compatible endpoint, such as http://127.0.0.1:8000/v1.")
@click.option("-b", "--benchmark", "benchmarks", multiple=True, help="Without a file: provider/benchmark (repeatable).")
@click.option("--name", help="Without a file: the job's name (default: the model's).")
@click.option("--set", "sets", multiple=True, metavar="PATH=VALUE", help="Change one field (repeatable).")
@click.option("--dry-run", is_flag=True, help="Read and check everything, say what would run, start nothing.")
@output_option
@placed
def run(
    settings: Settings,
    /,
    *,
    file: Path | None,
    sets: tuple[str, ...],
    dry_run: bool,
    output: Format,
    **instead: Any,
) -> int:
    """Run an EvalJob and print its scores, intervals and verdicts.

    \b
      evallab run -f evaljob.yaml --local
      evallab run --model qwen3-8b --url http://127.0.0.1:8000/v1 -b lm_evaluation_harness/gsm8k

    The table goes to stdout, progress to stderr. Ctrl-C cancels the job and keeps what was recorded.
    """
    catalog = load(settings.catalog_dir)
    source = _source(file, instead)
    prepared = prepare(source.data, file=source.name, directory=source.directory, catalog=catalog, sets=sets)
    if dry_run:
        write(_plan(prepared), output)
        return Exit.FINE
    _require_local()
    from evallab.cli.running import run_here

    report, interrupted = asyncio.run(run_here(settings, prepared, catalog))
    _show(settings, report, output)
    return Exit.INTERRUPTED if interrupted else exit_code(report, prepared.job.compare.fail_on)


def _source(file: Path | None, instead: dict[str, Any]) -> manifest_of.Source:
    given = [name for name, value in instead.items() if value]
    if file is not None and given:
        raise UsageError(f"--file and --{given[0].rstrip('s')} exclude each other.", remedy="Use --set with a file.")
    return manifest_of.of_file(file) if file is not None else manifest_of.of_options(**instead)


def _require_local() -> None:
    try:
        import evallab.local.lab  # noqa: F401
    except ModuleNotFoundError as error:
        raise UsageError(
            f"Running jobs here needs the Python package {error.name!r}, which is not installed.",
            remedy="Install evallab with its extras, for example: evallab[local,lm-eval,reference].",
        ) from error


def _plan(prepared: Prepared) -> dict[str, Any]:
    """What would run, as data; nothing was started."""
    return {
        "would_run": prepared.job.model_dump(mode="json", exclude_none=True, exclude_defaults=True),
        "not_enforced": list(prepared.not_enforced),
    }


def _show(settings: Settings, report: JobReport, output: Format) -> None:
    if output != "table":
        write(to_json(report), output)
        return
    paper = stdout(no_color=settings.no_color)
    show_text(render(report, paper), paper)
