"""`evallab logs`: what the adapters of a job wrote: the kept logs, else the live ones in the job's directory."""

from collections.abc import Iterator
from pathlib import Path

import click

from evallab.api.errors import NotFound
from evallab.cli.naming import benchmark_index, benchmark_option, job_argument
from evallab.cli.opening import asked
from evallab.cli.place import placed
from evallab.settings import Settings
from evallab.store.artifacts import ArtifactFiles
from evallab.store.interface import ArtifactRow, BenchmarkRow, Store

LIVE_LOG = "jobrun.log"
Log = tuple[str, str]  #: title and text


@click.command(short_help="Print what the adapters of a job wrote.")
@job_argument
@benchmark_option()
@click.option("--tail", type=click.IntRange(0), metavar="N", help="Only the last N lines of each log.")
@placed
def logs(settings: Settings, *, job: str, benchmark: str | None, tail: int | None) -> None:
    """Print what the adapters of a job wrote; with --benchmark only that of one benchmark.

    JOB is an id, a unique prefix of one, a name (its newest job), or name~1 (the one before).
    """
    found = asked(settings, lambda store: _logs(store, settings, job, benchmark))
    for title, text in found:
        if len(found) > 1:
            click.echo(f"==> {title} <==")
        click.echo("\n".join(_last(text, tail)))


async def _logs(store: Store, settings: Settings, reference: str, benchmark: str | None) -> list[Log]:
    snapshot = await store.snapshot(await store.resolve(reference))
    wanted = None if benchmark is None else benchmark_index(snapshot.benchmarks, benchmark)
    rows = [row for row in snapshot.benchmarks if wanted in {None, row.index}]
    kept = [each for each in await store.artifacts(snapshot.job.id) if each.kind == "log"]
    found = [log for row in rows for log in _of_benchmark(row, kept, settings)]
    found += _of_job(kept, settings) if wanted is None else []
    if not found:
        raise NotFound(
            f"There is no log of {snapshot.job.name} ({snapshot.job.id[:8]}).",
            remedy=f"Nothing was kept, and {settings.jobs_dir} has none: did it start? evallab show {reference}",
        )
    return found


def _of_benchmark(row: BenchmarkRow, kept: list[ArtifactRow], settings: Settings) -> Iterator[Log]:
    """Yield the kept logs of a benchmark, one per attempt; what is being written now is not kept yet."""
    label = f"{row.index} {row.provider_id}/{row.benchmark_id}"
    own = [each for each in kept if each.index == row.index]
    files = ArtifactFiles(settings.artifacts_dir)
    for number, artifact in enumerate(own, 1):
        yield label if len(own) == 1 else f"{label}, {number} of {len(own)}", files.open_text(artifact)
    if not own or row.state == "running":
        for path in _live(settings.jobs_dir / row.job_id / str(row.index)):
            yield label if not own else f"{label}, now", path.read_text(encoding="utf-8", errors="replace")


def _of_job(kept: list[ArtifactRow], settings: Settings) -> Iterator[Log]:
    """Yield what belongs to no benchmark: the model server's log."""
    for artifact in kept:
        if artifact.index is None:
            yield artifact.name, ArtifactFiles(settings.artifacts_dir).open_text(artifact)


def _live(directory: Path) -> list[Path]:
    """Benchmark ids may hold slashes, so the log lies somewhere below; links are not followed."""
    return [path for path in sorted(directory.rglob(LIVE_LOG)) if path.is_file() and not path.is_symlink()]


def _last(text: str, tail: int | None) -> list[str]:
    lines = text.splitlines()
    return lines if tail is None else lines[len(lines) - min(tail, len(lines)) :]
