"""`evallab import`: results that were made elsewhere become jobs, marked as imported."""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from evallab import __version__
from evallab.api.job import Benchmark, EvalJob, InProcess, Lineage, Model, PrimaryScore
from evallab.catalog import Catalog, load
from evallab.cli.opening import asked
from evallab.cli.place import placed
from evallab.engine import recording
from evallab.importing import conversion, stock
from evallab.local.lab import actor
from evallab.runtimes.interface import Leavings
from evallab.settings import Settings
from evallab.store.artifacts import ArtifactFiles
from evallab.store.interface import AttemptRow, BenchmarkRow, JobRow, Store

PROVIDER = "lm_evaluation_harness"


@dataclass(frozen=True, kw_only=True)
class Filing:
    """Under which names the scores are filed."""

    model: str | None
    family: str | None


@click.group(name="import", short_help="Import results that were made elsewhere.")
def import_() -> None:
    """Import results that were made elsewhere: they become jobs, marked as imported."""


@import_.command(name="lm-eval", short_help="Import results and samples of the stock lm-evaluation-harness.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--model", metavar="NAME", help="What the scores are filed under; the harness's own name when not given.")
@click.option("--family", metavar="NAME", help="The family of the model.")
@placed
def lm_eval(settings: Settings, *, folder: Path, model: str | None, family: str | None) -> None:
    """Import results and samples of the stock lm-evaluation-harness: all results_*.json below DIR.

    With samples_*.jsonl beside them (--log_samples) scores have intervals and can be compared, question by question,
    with other imported runs. The same files are imported once. What they do not say is recorded as unknown.
    """
    runs, catalog = stock.find(folder), load(settings.catalog_dir)
    filing = Filing(model=model, family=family)
    for job, new in asked(settings, lambda store: _all(store, settings, runs, catalog, filing)):
        click.echo(f"{job.name} ({job.id[:8]}) {'imported' if new else 'was imported before'}")


async def _all(
    store: Store, settings: Settings, runs: Sequence[stock.Run], catalog: Catalog, filing: Filing
) -> list[tuple[JobRow, bool]]:
    files = ArtifactFiles(settings.artifacts_dir)
    return [await _one(store, files, run, _spec(run, catalog, filing)) for run in runs if run.benchmarks]


async def _one(store: Store, files: ArtifactFiles, run: stock.Run, spec: EvalJob) -> tuple[JobRow, bool]:
    """Store a run, whatever of it was stored before: every step is safe to repeat. The job's end is written last."""
    row = JobRow(
        id=run.id,
        name=spec.name,
        spec=spec,
        state="pending",
        runtime="imported",
        attached=False,
        created_at=run.started_at,
    )
    await store.create_job(row, [_benchmark(row, index) for index in range(len(spec.benchmarks))], actor=actor())
    known = (await store.snapshot(row.id)).job
    if known.finished_at is not None:
        return known, False
    for index in range(len(known.spec.benchmarks)):
        await _record(store, files, run, known, index)
    await store.add_provenance(row.id, conversion.job_provenance(run, importer=__version__), now=run.finished_at)
    ended = replace(known, state="completed", reason="Imported", started_at=run.started_at, finished_at=run.finished_at)
    await store.save_job(ended, [_ended(ended, index) for index in range(len(spec.benchmarks))])
    return ended, True


async def _record(store: Store, files: ArtifactFiles, run: stock.Run, job: JobRow, index: int) -> None:
    attempt = AttemptRow(
        id=f"{job.id}-{index}", job_id=job.id, index=index, number=1, state="running", created_at=run.started_at
    )
    await store.save_attempt(attempt)
    with tempfile.TemporaryDirectory(prefix="evallab-import-") as name:
        folder = Path(name)
        left = await asyncio.to_thread(conversion.leave, run, job.spec.benchmarks[index].id, folder)
        leavings = Leavings(result_file=left, artifacts_dir=folder, log_file=folder / "none", work_dir=folder)
        ended = recording.Ended(job=job, attempt=attempt, events=(), leavings=leavings)
        result = await asyncio.to_thread(recording.assemble, ended, files, now=run.finished_at)
    await store.record_result(result)
    await store.save_attempt(replace(attempt, state="completed", reason="Imported", finished_at=run.finished_at))


def _spec(run: stock.Run, catalog: Catalog, filing: Filing) -> EvalJob:
    name = filing.model or run.model
    return EvalJob(
        name=name,
        model=Model(
            name=name,
            in_process=InProcess(backend=str(run.config.get("model") or "unknown"), args=run.model_args),
            lineage=Lineage(family=filing.family) if filing.family else None,
        ),
        benchmarks=tuple(_asked(benchmark, catalog) for benchmark in run.benchmarks),
    )


def _asked(benchmark: str, catalog: Catalog) -> Benchmark:
    """Name a benchmark, with the primary metric that its provider describes."""
    described = {each.id: each.primary_score for each in catalog.provider(PROVIDER).benchmarks}
    metric = described.get(benchmark)
    primary = PrimaryScore(metric=metric.metric, lower_is_better=metric.lower_is_better) if metric else None
    return Benchmark(provider_id=PROVIDER, id=benchmark, primary_score=primary)


def _benchmark(job: JobRow, index: int) -> BenchmarkRow:
    return BenchmarkRow(job_id=job.id, index=index, provider_id=PROVIDER, benchmark_id=job.spec.benchmarks[index].id)


def _ended(job: JobRow, index: int) -> BenchmarkRow:
    return replace(
        _benchmark(job, index),
        state="completed",
        reason="Imported",
        started_at=job.started_at,
        finished_at=job.finished_at,
    )
