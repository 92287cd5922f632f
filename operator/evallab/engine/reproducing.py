"""A job against its repetition: the same questions, answer by answer. Called by `evallab reproduce`."""

from dataclasses import dataclass

from evallab.analysis.reproduction import Reproduction, reproduce
from evallab.api.errors import NotFound
from evallab.store.interface import Pairable, ScoreRow, Store

Key = tuple[int, int]  #: question and repeat


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """One benchmark of both jobs; `found` None where nothing can be compared, and `why` then says why."""

    index: int
    benchmark: str
    metric: str
    found: Reproduction | None = None
    why: str = ""


async def repetitions(store: Store, job_id: str, again_id: str) -> tuple[Repeated, ...]:
    """Compare the primary score of each benchmark. Raises NotFound when the first job recorded none."""
    first = {row.index: row for row in await store.scores(job_id, primary_only=True)}
    again = {row.index: row for row in await store.scores(again_id, primary_only=True)}
    if not first:
        raise NotFound(
            f"Job {job_id[:8]} recorded no score, so there is nothing to reproduce.",
            remedy="Run it again: evallab rerun JOB.",
        )
    return tuple([await _repeated(store, row, again.get(index)) for index, row in sorted(first.items())])


async def _repeated(store: Store, row: ScoreRow, other: ScoreRow | None) -> Repeated:
    named = Repeated(index=row.index, benchmark=f"{row.provider_id}/{row.benchmark_id}", metric=row.metric)
    if other is None:
        return _without(named, "the repetition has no score")
    if row.question_key is None or row.question_key != other.question_key:
        return _without(named, "the questions are not the same any more: data, task or harness changed")
    ours = await store.pairable(row.job_id, row.index, row.metric, row.filter)
    theirs = await store.pairable(other.job_id, other.index, row.metric, row.filter)
    before, after = _answered(ours), _answered(theirs)
    common = [key for key in before if key in after]
    if not common:
        return _without(named, "no question was answered in both jobs")
    found = reproduce(
        {key: before[key][0] for key in common},
        {key: after[key][0] for key in common},
        hashes=[(before[key][1], after[key][1]) for key in common],
    )
    missing = len(before.keys() ^ after.keys())
    return Repeated(
        index=row.index,
        benchmark=named.benchmark,
        metric=row.metric,
        found=found,
        why=f"{missing} questions were answered in one job only" if missing else "",
    )


def _without(named: Repeated, why: str) -> Repeated:
    return Repeated(index=named.index, benchmark=named.benchmark, metric=named.metric, why=why)


def _answered(pairable: Pairable) -> dict[Key, tuple[float, str | None]]:
    rows = zip(pairable.keys, pairable.values, pairable.response_hashes, strict=True)
    return {key: (value, text) for key, value, text in rows if value is not None}
