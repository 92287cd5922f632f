"""`evallab samples`: the questions of one benchmark, how each was answered, and in other formats their texts."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import click

from evallab.api.errors import UsageError
from evallab.cli.naming import benchmark_index, benchmark_option, job_argument
from evallab.cli.opening import asked
from evallab.cli.output import output_choice, show, stdout, write
from evallab.cli.place import placed
from evallab.cli.selection import QuestionId, Reader, Selection
from evallab.cli.texts import Texts, confidential_option, kept_files
from evallab.reporting.exports import Export, opened, record
from evallab.reporting.paper import Paper
from evallab.reporting.questions import Answered, render
from evallab.settings import Settings
from evallab.store.interface import Store

STREAMED = ("jsonl", "csv", "parquet")
SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the user asked."""

    job: str
    benchmark: str
    selection: Selection
    limit: int


@dataclass(frozen=True, kw_only=True)
class Found:
    """The questions that are shown, and how many there are in all."""

    job: str
    name: str
    benchmark: str
    matching: int
    questions: Sequence[Answered]


@click.command(short_help="Show the questions of a benchmark and how they were answered.")
@job_argument
@benchmark_option(required=True)
@click.option("--failed", "only", flag_value="failed", help="Only wrong answers: those with the worst score, 0.")
@click.option("--errors", "only", flag_value="errors", help="Only questions that an error left without an answer.")
@click.option("--score-below", "below", type=float, metavar="X", help="Only questions whose score is below X.")
@click.option("--id", "ids", type=QuestionId(), multiple=True, help="Only that question, such as 12 (repeatable).")
@click.option("--grep", metavar="TEXT", help="Only questions whose prompt, target or answer holds TEXT.")
@click.option(
    "-n", "--limit", metavar="N", type=click.IntRange(1), help="How many questions (default: 20; in a file all)."
)
@output_choice("table", "json", "yaml", *STREAMED)
@click.option(
    "--to", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Where jsonl, csv, parquet go."
)
@confidential_option
@placed
def samples(
    settings: Settings,
    /,
    *,
    job: str,
    benchmark: str,
    limit: int | None,
    output: str,
    to: Path | None,
    confidential: bool,
    **filters: Any,
) -> None:
    """Show the questions of a benchmark and how they were answered.

    The table holds the beginning of each answer; the other formats hold prompts, answers and targets whole.

    \b
      evallab samples my-model -b gsm8k --failed
      evallab samples my-model -b gsm8k --output parquet --to answers.parquet
    """
    streamed = output in STREAMED
    _check(output, to)
    limit = limit or (sys.maxsize if streamed else SHOWN)
    question = Question(job=job, benchmark=benchmark, selection=Selection(**filters), limit=limit)
    if streamed:
        _export(settings, question, output, to, confidential=confidential)
        return
    texts = partial(Texts, files=kept_files(settings), confidential=confidential)
    found = asked(settings, lambda store: _found(store, texts(store), question))
    if output != "table":
        write(document(found), output)
    else:
        _print(found, stdout(no_color=settings.no_color), question.selection.only)


def document(found: Found) -> dict[str, Any]:
    """Return the questions with their texts as plain JSON values."""
    head = {key: value for key, value in vars(found).items() if key != "questions"}
    return {"schema": "evallab.samples/1", **head, "samples": [record(question) for question in found.questions]}


def _print(found: Found, paper: Paper, only: str | None) -> None:
    if found.questions:
        show(render(found.questions, paper), paper)
    click.echo(_count(found, only), err=True)


def _check(output: str, to: Path | None) -> None:
    if to is not None and output not in STREAMED:
        raise UsageError("--to goes with --output jsonl, csv or parquet.", remedy=f"Use a pipe: … > {to}")
    if to is None and output == "parquet":
        raise UsageError("Parquet is written to a file.", remedy="Name it: --to samples.parquet")


async def _found(store: Store, texts: Texts, asked_for: Question) -> Found:
    reader, found = await _placed(store, texts, asked_for)
    shown: list[Answered] = []
    matching = 0
    async for page in reader.pages(asked_for.selection, told=False):
        matching += len(page)
        shown += page[: asked_for.limit - len(shown)]
    return Found(**found, matching=matching, questions=await reader.told(shown))


async def _placed(store: Store, texts: Texts, asked_for: Question) -> tuple[Reader, dict[str, str]]:
    """Find the benchmark of the job; return what reads its questions, and what it is called."""
    snapshot = await store.snapshot(await store.resolve(asked_for.job))
    index = benchmark_index(snapshot.benchmarks, asked_for.benchmark)
    row = next(each for each in snapshot.benchmarks if each.index == index)
    named = {"job": snapshot.job.id, "name": snapshot.job.name, "benchmark": f"{row.provider_id}/{row.benchmark_id}"}
    return Reader(store=store, texts=texts, job_id=snapshot.job.id, index=index), named


def _export(settings: Settings, question: Question, output: str, to: Path | None, *, confidential: bool) -> None:
    with _target(to) as stream:
        export = opened(output, stream)
        texts = partial(Texts, files=kept_files(settings), confidential=confidential)
        written = asked(settings, lambda store: _stream(store, texts(store), question, export))
        export.close()
    if to is not None:
        click.echo(f"{to}: {written:,} questions", err=True)


async def _stream(store: Store, texts: Texts, asked_for: Question, export: Export) -> int:
    """Write page after page; return how many questions were written."""
    reader, _ = await _placed(store, texts, asked_for)
    written = 0
    async for page in reader.pages(asked_for.selection, told=True):
        part = page[: asked_for.limit - written]
        export.write(part)
        written += len(part)
        if written >= asked_for.limit:
            break
    return written


@contextmanager
def _target(file: Path | None) -> Iterator[BinaryIO]:
    """Open stdout, or a file that appears under its name when it is whole."""
    if file is None:
        yield sys.stdout.buffer
        return
    part = file.with_name(f".{file.name}.part")
    try:
        with part.open("wb") as stream:
            yield stream
        part.replace(file)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror or error}.") from error
    finally:
        part.unlink(missing_ok=True)


def _count(found: Found, only: str | None) -> str:
    kind = {"failed": "wrong answers", "errors": "errors"}.get(only or "", "questions")
    if found.matching <= len(found.questions):
        return f"{found.matching} {kind}"
    return f"{len(found.questions)} of {found.matching} {kind}; all of them: --limit {found.matching}"
