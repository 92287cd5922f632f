"""A finished job against the job it is compared with, benchmark by benchmark, on equal questions only.

Called by the reconciler when a job has ended, by `evallab diff` and by `evallab history`. The statistics are
`analysis.verdicts`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Protocol

from evallab.analysis.together import Judged, together
from evallab.analysis.verdicts import Comparison, Verdict, compare
from evallab.store.interface import ComparisonRow, JobRow, Pairable, ScoreRow, Store

MARGIN = 0.01
BASELINE = "baseline"


class Score(Protocol):
    """What pairing needs of a score; rows of the store have it."""

    @property
    def job_id(self) -> str:
        """Id of its job."""

    @property
    def index(self) -> int:
        """Position of its benchmark."""

    @property
    def metric(self) -> str:
        """Its metric."""

    @property
    def filter(self) -> str:
        """Its filter."""

    @property
    def higher_is_better(self) -> bool:
        """Its direction."""


async def comparisons(store: Store, job: JobRow, *, against: str | None, margin: float | None) -> list[ComparisonRow]:
    """Compare each primary score of `job`. A benchmark without an earlier answer to the same questions is left out.

    `against` is a job reference; None or "previous" means the newest other finished job of the same model name, else
    of the same family; "baseline" what `evallab baseline set` named for the model, else for its family: nothing is
    compared while there is none. The verdicts are corrected for their number. Raises NotFound for a reference that
    means nothing.
    """
    rows = []
    baseline = await _named(store, job, against)
    if against == BASELINE and baseline in {None, job.id}:
        return []
    for score in await store.scores(job.id, primary_only=True):
        other = await _baseline(store, job, score, baseline)
        if other is not None:
            rows.append(await pair(store, score, other, MARGIN if margin is None else margin))
    return corrected([row for row in rows if row is not None])


def corrected(rows: Sequence[ComparisonRow]) -> list[ComparisonRow]:
    """Correct verdicts that were reached at once for their number; a note says where that took a REGRESSION back."""
    judged = {place: Judged(Verdict(row.verdict), row.p_value) for place, row in enumerate(rows)}
    found = together(judged)
    return [
        replace(
            row,
            q_value=found[place].q_value,
            verdict=found[place].verdict.value,
            note="; ".join(part for part in (found[place].why, row.note) if part),
        )
        for place, row in enumerate(rows)
    ]


async def _named(store: Store, job: JobRow, against: str | None) -> str | None:
    if against in {None, "previous"}:
        return None
    return await store.baseline_for(job.id) if against == BASELINE else await store.resolve(str(against))


async def _baseline(store: Store, job: JobRow, score: ScoreRow, baseline: str | None) -> tuple[str, int] | None:
    if score.question_key is None or score.validity == "invalid":
        return None
    same = {"question_key": score.question_key, "metric": score.metric, "filter_": score.filter}
    if baseline is None:
        return await store.comparable(job.id, **same)
    index = await store.same_questions(baseline, **same)
    return None if index is None else (baseline, index)


async def pair(store: Store, score: Score, other: tuple[str, int], margin: float = MARGIN) -> ComparisonRow | None:
    """Compare a score with benchmark `other` (job, index), question by question; None where they share none."""
    theirs = answered(await store.pairable(*other, score.metric, score.filter))
    ours = answered(await store.pairable(score.job_id, score.index, score.metric, score.filter))
    if not theirs.values.keys() & ours.values.keys():
        return None
    made = compare(
        theirs.values,
        ours.values,
        margin=margin,
        higher_is_better=score.higher_is_better,
        common_only=True,
        clusters={**theirs.groups, **ours.groups},
    )
    return _as_row(score, other, margin, made)


@dataclass(frozen=True)
class Answered:
    """The score of each question that has one (the mean of its answers), and what it belongs to."""

    values: dict[int, float] = field(default_factory=dict)
    groups: dict[int, str] = field(default_factory=dict)


def answered(pairable: Pairable) -> Answered:
    """Gather the answers to each question: one question is one observation, however often it was asked."""
    values: dict[int, list[float]] = {}
    for (question, _), value in zip(pairable.keys, pairable.values, strict=True):
        if value is not None:
            values.setdefault(question, []).append(value)
    groups = {key[0]: group for key, group in zip(pairable.keys, pairable.groups, strict=False)}
    return Answered(
        values={question: each[0] if len(each) == 1 else fmean(each) for question, each in values.items()},
        groups={question: group for question, group in groups.items() if question in values},
    )


def _as_row(score: Score, other: tuple[str, int], margin: float, made: Comparison) -> ComparisonRow:
    return ComparisonRow(
        job_id=score.job_id,
        index=score.index,
        baseline_job_id=other[0],
        baseline_index=other[1],
        metric=score.metric,
        filter=score.filter,
        n=made.n,
        baseline_value=made.baseline_score,
        value=made.candidate_score,
        delta=made.delta,
        ci_low=made.interval.low if made.interval else None,
        ci_high=made.interval.high if made.interval else None,
        p_value=made.p_value,
        lost=made.lost,
        gained=made.gained,
        discordance=made.discordance,
        smallest_detectable=made.smallest_detectable,
        margin=margin,
        method=made.method,
        verdict=made.verdict.value,
        note=made.note,
    )
