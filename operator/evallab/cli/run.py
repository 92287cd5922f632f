"""`evallab run`: the main job. Reads and checks a manifest, runs it here, shows progress, prints the table."""

import asyncio
from pathlib import Path
from typing import Any

import click

from evallab.api.errors import UsageError
from evallab.catalog import load
from evallab.cli import completing, manifest_of
from evallab.cli.exits import Exit
from evallab.cli.output import ReportFormat, report_output_option, write
from evallab.cli.place import placed
from evallab.cli.report_of import ended
from evallab.local.preparing import Prepared, prepare
from evallab.settings import Settings

PARALLEL = (
    "How many benchmarks may ask endpoints at once, of this job and of others without a model to serve. Default: 1."
)


@click.command(short_help="Run an EvalJob and print its scores, intervals and verdicts.")
@click.option("-f", "--file", type=click.Path(path_type=Path, allow_dash=True), help="The manifest; - reads stdin.")
@click.option("--model", help="Without a file: the model's name.")
@click.option("--url", help="Without a file: its OpenAI-compatible endpoint, such as http://127.0.0.1:8000/v1.")
@click.option(
    "-b",
    "--benchmark",
    "benchmarks",
    multiple=True,
    help="Without a file: provider/benchmark (repeatable).",
    shell_complete=completing.benchmarks,
)
@click.option("--name", help="Without a file: the job's name (default: the model's).")
@click.option("--set", "sets", multiple=True, metavar="PATH=VALUE", help="Change one field (repeatable).")
@click.option("--dry-run", is_flag=True, help="Read and check everything, say what would run, start nothing.")
@click.option("--wait/--detach", default=True, help="Stay until the job has ended (default), or leave it to itself.")
@click.option("--parallel", type=click.IntRange(1, 64), metavar="N", help=PARALLEL)
@report_output_option
@placed
def run(
    settings: Settings,
    /,
    *,
    file: Path | None,
    sets: tuple[str, ...],
    dry_run: bool,
    wait: bool,
    parallel: int | None,
    output: ReportFormat,
    **instead: Any,
) -> int:
    """Run an EvalJob and print its scores, intervals and verdicts.

    \b
      evallab run -f evaljob.yaml --local
      evallab run --model qwen3-8b --url http://127.0.0.1:8000/v1 -b lm_evaluation_harness/gsm8k

    The table goes to stdout, progress to stderr. Ctrl-C cancels the job and keeps what was recorded. With --detach a
    background process runs the job, which goes on when the terminal is closed; it prints the job's name and id.
    """
    catalog = load(settings.catalog_dir)
    source = _source(file, instead)
    prepared = prepare(source.data, file=source.name, directory=source.directory, catalog=catalog, sets=sets)
    if dry_run:
        write(_plan(prepared), output)
        return Exit.FINE
    _require_local()
    if not wait:
        return _detach(settings, prepared, parallel, output)
    from evallab.cli.running import run_here

    report, interrupted = asyncio.run(run_here(settings, prepared, catalog, parallel=parallel or 1))
    return ended(settings, report, output, prepared.job.compare.fail_on, interrupted=interrupted)


def _detach(settings: Settings, prepared: Prepared, parallel: int | None, output: ReportFormat) -> int:
    if output in {"junit", "markdown"}:
        raise UsageError(f"--detach has no report to write as {output}.", remedy=f"Use: evallab wait JOB -o {output}")
    from evallab.cli.detaching import detach

    said = asyncio.run(detach(settings, prepared, parallel))
    if output != "table":
        write(said, output)
        return Exit.FINE
    click.echo(f"{said['name']} {said['id']}")
    short = said["id"][:8]
    click.echo(f"Follow it: evallab wait {short} | evallab show {short} | evallab logs {short}", err=True)
    return Exit.FINE


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
