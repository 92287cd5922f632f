"""`evallab samples`: the questions of one benchmark, how each was answered, and with `--output json` their texts."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import click

from evallab.cli.naming import benchmark_index, benchmark_option, job_argument
from evallab.cli.opening import asked
from evallab.cli.output import Format, limit_option, output_option, show, stdout, write
from evallab.cli.place import placed
from evallab.cli.texts import Texts
from evallab.reporting.document import plain
from evallab.reporting.questions import Answered, answered, is_wrong, render
from evallab.settings import Settings
from evallab.store.interface import Store


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the user asked."""

    job: str
    benchmark: str
    only: str | None
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
@limit_option("How many questions.")
@output_option
@placed
def samples(settings: Settings, *, job: str, benchmark: str, only: str | None, limit: int, output: Format) -> None:
    """Show the questions of a benchmark and how they were answered.

    The table holds the beginning of each answer; --output json holds prompts, answers and targets whole.
    """
    question = Question(job=job, benchmark=benchmark, only=only, limit=limit)
    found = asked(settings, lambda store: _found(store, Texts(store, settings.artifacts_dir), question))
    if output != "table":
        write(document(found), output)
        return
    paper = stdout(no_color=settings.no_color)
    if found.questions:
        show(render(found.questions, paper), paper)
    click.echo(_count(found, only), err=True)


def document(found: Found) -> dict[str, Any]:
    """Return the questions with their texts as plain JSON values."""
    head = {key: value for key, value in vars(found).items() if key != "questions"}
    return {"schema": "evallab.samples/1", **head, "samples": [_sample(question) for question in found.questions]}


async def _found(store: Store, texts: Texts, asked_for: Question) -> Found:
    snapshot = await store.snapshot(await store.resolve(asked_for.job))
    index = benchmark_index(snapshot.benchmarks, asked_for.benchmark)
    row = next(each for each in snapshot.benchmarks if each.index == index)
    matching = await _matching(store, snapshot.job.id, index, asked_for.only)
    shown = matching[: asked_for.limit]
    told = await texts.of(snapshot.job.id, index, [question.row for question in shown])
    return Found(
        job=snapshot.job.id,
        name=snapshot.job.name,
        benchmark=f"{row.provider_id}/{row.benchmark_id}",
        matching=len(matching),
        questions=[replace(question, texts=text) for question, text in zip(shown, told, strict=True)],
    )


async def _matching(store: Store, job_id: str, index: int, only: str | None) -> list[Answered]:
    scores = await store.scores(job_id, primary_only=True)
    primary = next((score for score in scores if score.index == index), None)
    questions = [answered(row, primary) for row in await store.samples(job_id, index)]
    if only == "errors":
        return [question for question in questions if question.row.error]
    return [question for question in questions if only is None or is_wrong(question, primary)]


def _sample(question: Answered) -> dict[str, Any]:
    """Merge the row (numbers and hashes) with the texts."""
    row = asdict(replace(question.row, scores={}))
    del row["text_offset"], row["text_line"]
    texts = {key: question.texts.get(key) for key in ("prompt", "target", "response", "reasoning", "filtered")}
    return {**plain({**row, "scores": question.row.scores}), "score": question.score, **plain(texts)}


def _count(found: Found, only: str | None) -> str:
    kind = {"failed": "wrong answers", "errors": "errors"}.get(only or "", "questions")
    if found.matching <= len(found.questions):
        return f"{found.matching} {kind}"
    return f"{len(found.questions)} of {found.matching} {kind}; all of them: --limit {found.matching}"
