"""`evallab diff`: what changed between two jobs on the same questions, and which answers changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from evallab.api.errors import NotFound, UsageError
from evallab.cli import completing
from evallab.cli.flipped import Changed, Wanted, changed
from evallab.cli.naming import benchmark_index, benchmark_option, job_argument
from evallab.cli.opening import asked
from evallab.cli.output import output_option, show, stdout, write
from evallab.cli.place import placed
from evallab.cli.texts import Texts, confidential_option, kept_files
from evallab.engine.comparing import comparisons
from evallab.reporting import page
from evallab.reporting.changes import KINDS, Compared, Kind, render_changes, render_flips, render_words
from evallab.reporting.document import plain
from evallab.reporting.paper import Paper
from evallab.reporting.report import change, names_of
from evallab.settings import Settings
from evallab.store.interface import BenchmarkRow, ComparisonRow, JobSnapshot, Store

SHOWN = 20
SHOWN_IN_A_PAGE = 500
FLIPPED: frozenset[Kind] = frozenset({"regressed", "improved"})


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the user asked; `wanted` None where answers are not asked for, only the table."""

    job: str
    baseline: str | None
    benchmark: str | None
    wanted: Wanted | None

    @property
    def reference(self) -> str:
        """Both jobs, as the user named them."""
        return self.job if self.baseline is None else f"{self.job} {self.baseline}"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What the command shows; `changed` is of each benchmark that was compared, and empty when nobody asked."""

    job: str
    name: str
    changes: tuple[Compared, ...]
    changed: tuple[Changed, ...]


@click.command(short_help="Compare a job with another on the same questions.")
@job_argument
@click.argument("baseline", metavar="[BASELINE]", required=False, shell_complete=completing.jobs)
@benchmark_option()
@click.option("--regressed", is_flag=True, help="Show answers whose score fell.")
@click.option("--improved", is_flag=True, help="Show answers whose score rose.")
@click.option(
    "--changed", "changed_text", is_flag=True, help="Show answers whose text changed and whose score did not."
)
@click.option("--words", is_flag=True, help="Show answers whole, word by word: [-gone-]{+new+}, or in colour.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a page to FILE.")
@click.option(
    "-n", "--limit", metavar="N", type=click.IntRange(1), help="How many answers of each benchmark (20; --html: 500)."
)
@output_option
@confidential_option
@placed
def diff(
    settings: Settings,
    /,
    *,
    job: str,
    baseline: str | None,
    benchmark: str | None,
    words: bool,
    html: Path | None,
    limit: int | None,
    output: str,
    confidential: bool,
    **kinds: bool,
) -> None:
    """Compare a job with another on the same questions; lost answers come first.

    Without BASELINE it is what the job was compared with when it ended. With --benchmark or an option that chooses
    answers, these are shown: what was right and is wrong now, or the other way round.

    \b
      evallab diff my-model --regressed --words
      evallab diff my-model my-model~1 --html diff.html
    """
    wanted = _wanted(kinds, html=html is not None, limit=limit, asked_for=words or benchmark is not None)
    question = Question(job=job, baseline=baseline, benchmark=benchmark, wanted=wanted)
    texts = partial(Texts, files=kept_files(settings), confidential=confidential)
    found = asked(settings, lambda store: _difference(store, texts(store), question))
    if html is not None:
        _write_page(found, html)
    elif output != "table":
        write(document(found), output)
    else:
        _print(found, settings, question.reference, words=words)


def document(found: Difference) -> dict[str, Any]:
    """Return what changed as plain JSON values."""
    answers = [flip for each in found.changed for flip in each.shown]
    return {
        "schema": "evallab.diff/1",
        "job": found.job,
        "name": found.name,
        "changes": plain(found.changes),
        "flips": plain(answers) if found.changed else None,
        "flipped": sum(each.count for each in found.changed),
    }


def _wanted(kinds: Mapping[str, bool], *, html: bool, limit: int | None, asked_for: bool) -> Wanted | None:
    """Return which answers are meant: those of the flags; else in a page all, and in a table those that flipped."""
    flags = dict(zip(KINDS, (kinds["regressed"], kinds["improved"], kinds["changed_text"]), strict=True))
    named = frozenset(kind for kind, given in flags.items() if given)
    if not (named or html or asked_for):
        return None
    return Wanted(
        kinds=named or (frozenset(KINDS) if html else FLIPPED), limit=limit or (SHOWN_IN_A_PAGE if html else SHOWN)
    )


def _print(found: Difference, settings: Settings, reference: str, *, words: bool) -> None:
    paper = stdout(no_color=settings.no_color)
    show(_drawn(found, paper, reference, words=words), paper)


def _drawn(found: Difference, paper: Paper, reference: str, *, words: bool) -> str:
    table = render_changes(found.changes, paper)
    if not found.changed:
        return f"{table}\n\nevallab diff {reference} --benchmark {found.changes[0].id}  which answers changed"
    titles = {each.index: each.id for each in found.changes}
    parts = [_answers(each, titles[each.index], paper, words=words, alone=len(titles) == 1) for each in found.changed]
    return "\n\n".join([table, *parts])


def _answers(found: Changed, title: str, paper: Paper, *, words: bool, alone: bool) -> str:
    draw = render_words if words else render_flips
    drawn = draw(found.shown, paper) if found.shown else "No answer changed."
    left = found.count - len(found.shown)
    more = f"\n{left} more: --limit {found.count}" if left else ""
    return drawn + more if alone else f"{title}\n\n{drawn}{more}"


def _write_page(found: Difference, file: Path) -> None:
    sections = [
        page.Section(compared=compared, shown=each.shown, count=each.count)
        for compared, each in zip(found.changes, found.changed, strict=True)
    ]
    text = page.render(name=found.name, job=found.job, sections=sections)
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}.") from error
    shown = sum(len(each.shown) for each in found.changed)
    click.echo(f"{file}: {shown} of {sum(each.count for each in found.changed)} changed answers", err=True)


async def _difference(store: Store, texts: Texts, asked_for: Question) -> Difference:
    snapshot = await store.snapshot(await store.resolve(asked_for.job))
    rows = await _rows(store, snapshot, asked_for)
    if not rows:
        raise _nothing(snapshot, asked_for)
    names = await names_of(store, {row.baseline_job_id for row in rows})
    wanted = asked_for.wanted
    return Difference(
        job=snapshot.job.id,
        name=snapshot.job.name,
        changes=tuple(_compared(row, snapshot.benchmarks, names) for row in rows),
        changed=tuple([await changed(store, texts, row, wanted) for row in rows]) if wanted else (),
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
