"""`evallab run`: the main job. Reads and checks a manifest, has it run, shows progress, prints the table."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from evallab.api.errors import UsageError
from evallab.api.job import EvalJob
from evallab.api.read import read
from evallab.catalog import load
from evallab.cli import completing, manifest_of
from evallab.cli.exits import Exit
from evallab.cli.output import ReportFormat, report_output_option, write
from evallab.cli.place import anywhere
from evallab.cli.report_of import ended
from evallab.local.preparing import Prepared, prepare
from evallab.remote.target import Target
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
@anywhere
def run(
    settings: Settings,
    target: Target | None,
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

    With EVALLAB_URL, or --context, the job runs there; that server checks what only it can know.
    """
    source = _source(file, instead)
    if target:
        job = read(source.data, file=source.name, sets=sets).job
        return _there(settings, target, job, output, dry_run=dry_run, wait=wait, parallel=parallel)
    catalog = load(settings.catalog_dir)
    prepared = prepare(source.data, file=source.name, directory=source.directory, catalog=catalog, sets=sets)
    if dry_run:
        write(_plan(prepared.job, prepared.not_enforced), output)
        return Exit.FINE
    _require_local()
    if not wait:
        return _detach(settings, prepared, parallel, output)
    from evallab.cli.running import run_here

    report, interrupted = asyncio.run(run_here(settings, prepared, catalog, parallel=parallel or 1))
    return ended(settings, report, output, prepared.job.compare.fail_on, interrupted=interrupted)


def _there(
    settings: Settings,
    target: Target,
    job: EvalJob,
    output: ReportFormat,
    *,
    dry_run: bool,
    wait: bool,
    parallel: int | None,
) -> int:
    if parallel is not None:
        raise UsageError("--parallel is of this machine; a server has its own.", remedy="Leave it out, or add --local.")
    if dry_run:
        write(_plan(job), output)
        return Exit.FINE
    from evallab.cli.elsewhere import asked_there, run_there, submitted

    if not wait:
        _refuse_reports(output)
        return _detached(asked_there(target, lambda lab: submitted(lab, job)), output)
    report, fail_on, interrupted = run_there(settings, target, job)
    return ended(settings, report, output, fail_on, interrupted=interrupted)


def _detach(settings: Settings, prepared: Prepared, parallel: int | None, output: ReportFormat) -> int:
    _refuse_reports(output)
    from evallab.cli.detaching import detach

    return _detached(asyncio.run(detach(settings, prepared, parallel)), output)


def _refuse_reports(output: ReportFormat) -> None:
    if output in {"junit", "markdown"}:
        raise UsageError(f"--detach has no report to write as {output}.", remedy=f"Use: evallab wait JOB -o {output}")


def _detached(said: dict[str, Any], output: ReportFormat) -> int:
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


def _plan(job: EvalJob, not_enforced: Sequence[str] = ()) -> dict[str, Any]:
    """What would run, as data; nothing was started."""
    return {
        "would_run": job.model_dump(mode="json", exclude_none=True, exclude_defaults=True),
        "not_enforced": list(not_enforced),
    }
