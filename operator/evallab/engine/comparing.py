"""A finished job against the job it is compared with, benchmark by benchmark, on equal questions only.

Called by the reconciler when a job has ended, and by `evallab diff`. The statistics are `analysis.verdicts`.
"""

from evallab.analysis.verdicts import Comparison, compare
from evallab.store.interface import ComparisonRow, JobRow, Pairable, ScoreRow, Store

MARGIN = 0.01


async def comparisons(store: Store, job: JobRow, *, against: str | None, margin: float | None) -> list[ComparisonRow]:
    """Compare each primary score of `job`. A benchmark without an earlier answer to the same questions is left out.

    `against` is a job reference; None or "previous" means the newest other finished job of the same model name, else
    of the same family. Raises NotFound for a reference that means nothing.
    """
    rows = []
    baseline = None if against in {None, "previous"} else await store.resolve(str(against))
    for score in await store.scores(job.id, primary_only=True):
        other = await _baseline(store, job, score, baseline)
        if other is not None:
            rows.append(await _row(store, score, other, MARGIN if margin is None else margin))
    return [row for row in rows if row is not None]


async def _baseline(store: Store, job: JobRow, score: ScoreRow, baseline: str | None) -> tuple[str, int] | None:
    if score.question_key is None or score.validity == "invalid":
        return None
    same = {"question_key": score.question_key, "metric": score.metric, "filter_": score.filter}
    if baseline is None:
        return await store.comparable(job.id, **same)
    index = await store.same_questions(baseline, **same)
    return None if index is None else (baseline, index)


async def _row(store: Store, score: ScoreRow, other: tuple[str, int], margin: float) -> ComparisonRow | None:
    theirs = _answered(await store.pairable(*other, score.metric, score.filter))
    ours = _answered(await store.pairable(score.job_id, score.index, score.metric, score.filter))
    if not theirs.keys() & ours.keys():
        return None
    made = compare(theirs, ours, margin=margin, higher_is_better=score.higher_is_better, common_only=True)
    return _as_row(score, other, margin, made)


def _answered(pairable: Pairable) -> dict[tuple[int, int], float]:
    pairs = zip(pairable.keys, pairable.values, strict=True)
    return {key: value for key, value in pairs if value is not None}


def _as_row(score: ScoreRow, other: tuple[str, int], margin: float, made: Comparison) -> ComparisonRow:
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
