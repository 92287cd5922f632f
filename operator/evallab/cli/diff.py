"""`evallab diff`: what changed between two jobs on the same questions, and which answers flipped."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from evallab.api.errors import NotFound
from evallab.cli.naming import benchmark_index, benchmark_option, job_argument
from evallab.cli.opening import asked
from evallab.cli.output import Format, limit_option, output_option, show, stdout, write
from evallab.cli.place import placed
from evallab.cli.texts import Texts
from evallab.engine.comparing import comparisons
from evallab.reporting.changes import Compared, Flip, flips, render_changes, render_flips
from evallab.reporting.document import plain
from evallab.reporting.paper import Paper
from evallab.reporting.report import change, names_of
from evallab.settings import Settings
from evallab.store.interface import BenchmarkRow, ComparisonRow, JobSnapshot, Store


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the user asked."""

    job: str
    baseline: str | None
    benchmark: str | None
    limit: int


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What the command shows. `flips` are those of the one benchmark that was asked for, else None."""

    job: str
    name: str
    changes: tuple[Compared, ...]
    flips: tuple[Flip, ...] | None = None
    flipped: int = 0  #: how many there are in all


@click.command(short_help="Compare a job with another on the same questions.")
@job_argument
@click.argument("baseline", metavar="[BASELINE]", required=False)
@benchmark_option()
@limit_option("How many flipped answers.")
@output_option
@placed
def diff(
    settings: Settings, *, job: str, baseline: str | None, benchmark: str | None, limit: int, output: Format
) -> None:
    """Compare a job with another on the same questions; lost answers come first.

    Without BASELINE it is what the job was compared with when it ended. With --benchmark, the answers that changed are
    shown: was right and is wrong now, or the other way round.
    """
    asked_for = Question(job=job, baseline=baseline, benchmark=benchmark, limit=limit)
    found = asked(settings, lambda store: _difference(store, Texts(store, settings.artifacts_dir), asked_for))
    if output != "table":
        write({"schema": "evallab.diff/1", **plain(found)}, output)
        return
    paper = stdout(no_color=settings.no_color)
    show(_drawn(found, paper, job if baseline is None else f"{job} {baseline}"), paper)


def _drawn(found: Difference, paper: Paper, reference: str) -> str:
    table = render_changes(found.changes, paper)
    if found.flips is None:
        return f"{table}\n\nevallab diff {reference} --benchmark {found.changes[0].id}  which answers changed"
    left = found.flipped - len(found.flips)
    more = f"\n{left} more: --limit {found.flipped}" if left else ""
    drawn = render_flips(found.flips, paper) if found.flips else "No answer changed."
    return f"{table}\n\n{drawn}{more}"


async def _difference(store: Store, texts: Texts, asked_for: Question) -> Difference:
    snapshot = await store.snapshot(await store.resolve(asked_for.job))
    rows = await _rows(store, snapshot, asked_for)
    if not rows:
        raise _nothing(snapshot, asked_for)
    names = await names_of(store, {row.baseline_job_id for row in rows})
    changed = await _flips(store, texts, rows[0], asked_for.limit) if asked_for.benchmark is not None else None
    return Difference(
        job=snapshot.job.id,
        name=snapshot.job.name,
        changes=tuple(_compared(row, snapshot.benchmarks, names) for row in rows),
        flips=None if changed is None else changed[0],
        flipped=0 if changed is None else changed[1],
    )


async def _rows(store: Store, snapshot: JobSnapshot, asked_for: Question) -> list[ComparisonRow]:
    """Return what was recorded when the job ended, or a comparison made now; of one benchmark, or of all."""
    wanted = asked_for.benchmark
    index = None if wanted is None else benchmark_index(snapshot.benchmarks, wanted)
    if asked_for.baseline is None:
        rows = await store.comparisons(snapshot.job.id)
    else:
        margin = snapshot.job.spec.compare.margin
        rows = await comparisons(store, snapshot.job, against=asked_for.baseline, margin=margin)
    return [row for row in rows if index in {None, row.index}]


def _nothing(snapshot: JobSnapshot, asked_for: Question) -> NotFound:
    what = f"{snapshot.job.name} ({snapshot.job.id[:8]})"
    what += f", {asked_for.benchmark}," if asked_for.benchmark else ""
    if asked_for.baseline is None:
        remedy = f"Name a job: evallab diff {snapshot.job.name} BASELINE."
        return NotFound(f"{what} was not compared with anything.", remedy=remedy)
    return NotFound(
        f"{what} and {asked_for.baseline} have no scores on the same questions.",
        remedy="Only scores with equal question keys are compared: see evallab show JOB --provenance for both.",
    )


def _compared(row: ComparisonRow, benchmarks: tuple[BenchmarkRow, ...], names: Mapping[str, str]) -> Compared:
    benchmark = next(each for each in benchmarks if each.index == row.index)
    return Compared(
        index=row.index,
        provider=benchmark.provider_id,
        id=benchmark.benchmark_id,
        comparison=change(row, names.get(row.baseline_job_id)),
    )


async def _flips(store: Store, texts: Texts, row: ComparisonRow, limit: int) -> tuple[tuple[Flip, ...], int]:
    """Return the first flips with their answers, and how many there are."""
    before = await store.pairable(row.baseline_job_id, row.baseline_index, row.metric, row.filter)
    after = await store.pairable(row.job_id, row.index, row.metric, row.filter)
    found = flips(before, after)
    shown = found[:limit]
    keys = {(flip.doc_id, flip.repeat) for flip in shown}
    old = await texts.answers(row.baseline_job_id, row.baseline_index, keys)
    new = await texts.answers(row.job_id, row.index, keys)
    return tuple(flip.told(_answer(old, flip), _answer(new, flip)) for flip in shown), len(found)


def _answer(texts: Mapping[tuple[int, int], Mapping[str, Any]], flip: Flip) -> str | None:
    return texts.get((flip.doc_id, flip.repeat), {}).get("response")
